"""How the crawler behaves towards the sites it visits, and towards the machine it runs on."""

import time
from pathlib import Path

import pytest

from tests.support.hostile_server import hostile_server, redirect, whole

FAST = ("-s", "DOWNLOAD_DELAY=0", "-s", "DOWNLOAD_TIMEOUT=10", "-s", "RETRY_TIMES=0")
OURS_ALONE = b"User-agent: scraping_project\nDisallow: /private\n\nUser-agent: *\nDisallow: /\n"
ROBOTS = whole("200 OK", OURS_ALONE, b"Content-Type: text/plain\r\n")
LISTENING = "0A"


def crawl(project, *urls, env=None):
    return project.run("crawl", "links", "-a", f"start_urls={','.join(urls)}", *FAST, env=env or {})


def headers(server, name):
    """The values of a header in every request."""
    lines = [line for request in server.requests for line in request.split("\r\n")[1:]]
    return {value.strip() for key, _, value in (line.partition(":") for line in lines) if key == name}


def test_the_crawler_says_who_it_is(project):
    with hostile_server() as server:
        crawl(project, f"{server.url}/good")
        assert headers(server, "User-Agent") == {"scraping_project/0.1.0"}


def test_the_crawler_says_whom_to_ask(project):
    with hostile_server() as server:
        crawl(project, f"{server.url}/good", env={"CRAWLER_CONTACT": "mailto:me@example.com"})
        assert headers(server, "User-Agent") == {"scraping_project/0.1.0 (+mailto:me@example.com)"}


def test_a_contact_of_two_lines_makes_no_header_of_its_own(project):
    with hostile_server() as server:
        crawl(project, f"{server.url}/good", env={"CRAWLER_CONTACT": "me\r\nX-Evil: 1\nX-Worse: 2"})
        assert "/good" in server.paths()
        assert not headers(server, "X-Evil") | headers(server, "X-Worse")


@pytest.mark.parametrize("mode", ["honest", "browser"])
def test_robots_txt_is_asked_first_and_read_by_our_own_name(project, mode):
    answers = {"/robots.txt": ROBOTS, "/moved": redirect(b"/linked")}
    with hostile_server(answers) as server:
        crawl(project, f"{server.url}/moved", f"{server.url}/private", env={"USER_AGENT_MODE": mode})
        assert server.paths() == ["/robots.txt", "/moved", "/linked"]
    reasons = {log["url"].removeprefix(server.url): log["reason"] for log in project.rows("scrape_logs")}
    assert reasons == {"/linked": None, "/private": "robots"}


def test_a_site_that_asks_for_a_long_crawl_delay_is_visited_to_its_end(project):
    """Longer than a slot is held: the first page waits in the downloader, and the slot is given back."""
    answers = {"/robots.txt": whole("200 OK", b"User-agent: *\nCrawl-delay: 6\n")}
    with hostile_server(answers) as server:
        done = crawl(project, f"{server.url}/good")
        assert server.paths() == ["/robots.txt", "/good", "/linked"]
    assert done.stdout.startswith("finished: 2 pages")


def test_as_a_browser_one_run_has_one_user_agent_of_a_browser(project):
    with hostile_server() as server:
        crawl(project, f"{server.url}/good", env={"USER_AGENT_MODE": "browser"})
        (user_agent,) = headers(server, "User-Agent")
    assert user_agent.startswith("Mozilla/5.0 (")


def test_an_unknown_user_agent_mode_is_refused_in_one_line(project):
    done = project.run(
        "crawl",
        "links",
        "-a",
        "start_urls=http://127.0.0.1:9/",
        env={"USER_AGENT_MODE": "sneaky"},
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "scrapy: USER_AGENT_MODE is 'sneaky': set it to honest or browser\n"


def test_by_default_a_page_a_second_is_asked_of_a_site(project):
    shown = project.run("settings", "--get", "DOWNLOAD_DELAY").stdout.strip()
    concurrent = project.run("settings", "--get", "CONCURRENT_REQUESTS_PER_DOMAIN").stdout.strip()
    assert (shown, concurrent) == ("1.0", "1")


def test_with_a_concurrency_of_nought_pages_are_sent_without_a_limit(project):
    with hostile_server() as server:
        done = project.run(
            "crawl", "links", "-a", f"start_urls={server.url}/good", *FAST, "-s", "CONCURRENT_REQUESTS=0"
        )
    assert done.stdout.startswith("finished: 2 pages")


def test_a_worker_listens_on_no_port(project):
    with hostile_server() as server:
        process = project.start("crawl", "links", "-a", f"start_urls={server.url}/silent", *FAST)
        deadline = time.monotonic() + 30
        while "/silent" not in server.paths():
            assert process.poll() is None, project.errors(process)
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert sockets(process.pid)
        assert not sockets(process.pid) & listening()


def sockets(pid):
    """The inodes of a process's sockets."""
    links = [link.readlink().name for link in Path(f"/proc/{pid}/fd").iterdir()]
    return {link[len("socket:[") : -1] for link in links if link.startswith("socket:[")}


def listening():
    """The inodes of every TCP socket that listens."""
    tables = [Path(f"/proc/net/{table}").read_text().splitlines()[1:] for table in ("tcp", "tcp6")]
    rows = [line.split() for table in tables for line in table]
    return {row[9] for row in rows if row[3] == LISTENING}


def test_every_request_that_waits_for_a_robots_txt_hears_it(project):
    paths = [f"/{number}" for number in range(8)]
    answers = {path: whole("200 OK", b"<a href=/>home</a>") for path in paths}
    with hostile_server(answers | {"/robots.txt": whole("200 OK", b"User-agent: *\nDisallow: /")}) as site:
        urls = ",".join(f"{site.url}{path}" for path in paths)
        eagerly = ("-s", "DOWNLOAD_DELAY=0", "-s", "CONCURRENT_REQUESTS_PER_DOMAIN=8")
        project.run("crawl", "links", "-a", f"start_urls={urls}", *eagerly, check=False)
        assert site.paths() == ["/robots.txt"]
    assert [row["reason"] for row in project.rows("scrape_logs")] == ["robots"] * 8
