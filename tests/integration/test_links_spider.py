"""The links spider's crawl of the demo site, row for row, and the rules by which it follows links."""

import json

import pytest

from demo.expected import expected
from demo.server import serve
from tests.support.crawled_pages import failures, retried, stored
from tests.support.hostile_server import hostile_server, redirect, whole

EXPECTED = expected()
HTML = b"Content-Type: text/html\r\n"
FAST = ("-s", "DOWNLOAD_DELAY=0", "-s", "CONCURRENT_REQUESTS_PER_DOMAIN=8")


def crawl(project, *urls, **arguments):
    given = [word for name, value in arguments.items() for word in ("-a", f"{name}={value}")]
    return project.run("crawl", "links", "-a", f"start_urls={','.join(urls)}", *given, *FAST)


def page(*links, head=""):
    body = f"<title>A page</title>{head}" + "".join(f"<a href='{link}'>x</a>" for link in links)
    return whole("200 OK", body.encode(), HTML)


@pytest.fixture(name="database")
def project_on_each_database(project, database_url):
    project.env["DATABASE_URL"] = database_url
    return project


def test_the_demo_is_stored_row_for_row_and_a_second_crawl_doubles_nothing(database):
    requests = []
    with serve(requests=requests) as base:
        for crawls in (1, 2):
            requests.clear()
            crawl(database, f"{base}/")

            assert stored(database, base) == EXPECTED["sites"]
            assert len(database.rows("sites")) == len(EXPECTED["sites"])
            assert failures(database, base) == EXPECTED["failures"]
            assert retried(database, base) == {key: n * crawls for key, n in EXPECTED["retried"].items()}
            assert not set(EXPECTED["never"]) & set(requests)
            finals = [log for log in database.rows("scrape_logs") if log["status"] != "retried"]
            assert len(finals) == crawls * (len(EXPECTED["sites"]) + 2)  # two are robots.txt's


def test_every_log_names_the_site_of_its_own_url(project, demo_site):
    crawl(project, f"{demo_site}/")
    urls = {site["id"]: site["url"] for site in project.rows("sites")}
    answered = [log for log in project.rows("scrape_logs") if log["status"] in {"success", "failed"}]
    assert answered
    assert all(urls[log["site_id"]] == log["url"] for log in answered)


def test_a_link_of_a_page_is_recorded_and_not_followed_when_the_page_says_nofollow(project, demo_site):
    requests = []
    with serve(requests=requests) as base:
        crawl(project, f"{base}/robots/page")
        links = stored(project, base)["/robots/page"]["links"]
    assert "/robots/unread" in links
    assert set(requests) == {"/robots.txt", "/robots/page"}


@pytest.mark.parametrize(("depth", "pages"), [(0, {"/0"}), (1, {"/0", "/1"}), (2, {"/0", "/1", "/2"})])
def test_max_depth_counts_steps_from_a_seed(project, depth, pages):
    answers = {f"/{n}": page(f"/{n + 1}") for n in range(4)}
    with hostile_server(answers) as server:
        crawl(project, f"{server.url}/0", max_depth=depth)
        assert set(server.paths()) == {"/robots.txt", *pages}


def test_a_page_that_redirects_to_another_host_is_not_fetched_there(project):
    with hostile_server() as other:
        away = f"http://localhost:{other.port}/good"
        answers = {"/": page("/away"), "/away": redirect(away.encode())}
        with hostile_server(answers) as server:
            crawl(project, f"{server.url}/")
        assert other.requests == []
    assert [site["url"] for site in project.rows("sites")] == [f"{server.url}/"]


def test_a_seed_may_redirect_to_another_host_whose_links_are_followed_then(project):
    with hostile_server({"/new": page("/good")}) as other:
        away = f"http://localhost:{other.port}"
        with hostile_server({"/": redirect(f"{away}/new".encode())}) as server:
            crawl(project, f"{server.url}/")
    assert {f"{away}/new", f"{away}/good"} <= {site["url"] for site in project.rows("sites")}


def test_without_allowed_domains_only_the_pages_own_host_is_followed(project):
    with hostile_server() as other:
        answers = {"/": page(f"http://localhost:{other.port}/good", "/here"), "/here": page()}
        with hostile_server(answers) as server:
            crawl(project, f"{server.url}/")
            assert "/here" in server.paths()
        assert other.requests == []


def test_allowed_domains_admit_other_hosts_and_shut_out_the_rest(project):
    with hostile_server() as other, hostile_server() as third:
        links = (f"http://localhost:{other.port}/good", f"http://127.0.0.2:{third.port}/good")
        with hostile_server({"/": page(*links)}) as server:
            crawl(project, f"{server.url}/", allowed_domains="127.0.0.1,localhost")
        assert "/good" in other.paths()
        assert third.requests == []


def test_a_redirect_out_of_the_allowed_domains_is_not_fetched(project):
    with hostile_server() as other:
        away = f"http://localhost:{other.port}/good".encode()
        with hostile_server({"/": page("/away"), "/away": redirect(away)}) as server:
            crawl(project, f"{server.url}/", allowed_domains="127.0.0.1")
        assert other.requests == []


def test_what_is_not_html_is_recorded_and_not_parsed(project):
    text = b"<a href=/from-a-text>x</a>"
    kinds = ("application/pdf", "application/json", "text/plain", "image/png")
    answers = {
        f"/{n}": whole("200 OK", text, f"Content-Type: {kind}; a=b\r\n".encode())
        for n, kind in enumerate(kinds)
    }
    with hostile_server(answers) as server:
        crawl(project, *(f"{server.url}/{n}" for n in range(len(kinds))))
        assert "/from-a-text" not in server.paths()
    sites = project.rows("sites")
    assert {site["content_type"] for site in sites} == set(kinds)
    assert {(site["links"], site["title"]) for site in sites} == {("[]", None)}


def test_a_seed_in_a_loop_of_redirects_is_given_up_after_20_hops_and_stored_as_it_is(project):
    with hostile_server({"/a": redirect(b"/b"), "/b": redirect(b"/a")}) as server:
        done = project.run("crawl", "links", "-a", f"start_urls={server.url}/a", *FAST)
        assert server.paths() == ["/robots.txt", *(["/a", "/b"] * 10), "/a"]
    assert done.stdout.startswith("finished: 0 pages, 1 failed (http_302 1)")
    (log,), (site,) = project.rows("scrape_logs"), project.rows("sites")
    assert (log["status"], log["reason"], log["attempt"]) == ("failed", "http_302", 1)
    assert (site["id"], site["url"], site["status_code"]) == (log["site_id"], f"{server.url}/a", 302)


class Once(dict):
    """Answers that are given once; the server's own follow."""

    def __getitem__(self, path):
        return self.pop(path)


def test_a_page_that_redirects_to_itself_is_asked_again_for_it_may_have_set_a_cookie(project):
    with hostile_server(Once({"/good": redirect(b"/good")})) as server:
        crawl(project, f"{server.url}/good", max_depth=0)
        assert server.paths() == ["/robots.txt", "/good", "/good"]
    assert [(site["url"], site["status_code"]) for site in project.rows("sites")] == [
        (f"{server.url}/good", 200)
    ]


def test_of_a_page_with_too_many_links_the_first_are_stored_and_followed_and_its_row_says_so(database):
    answers = {"/": page(*(f"/{number}" for number in range(30)))}
    answers |= {f"/{number}": page("/") for number in range(30)}
    with hostile_server(answers) as server:
        urls = ("-a", f"start_urls={server.url}/")
        database.run("crawl", "links", *urls, "-s", "PAGE_LINKS_MAX=10", *FAST)
        followed = {*server.paths()} - {"/robots.txt", "/"}
        (site,) = [row for row in database.rows("sites") if row["url"] == f"{server.url}/"]

    assert followed == {f"/{number}" for number in range(10)}
    assert (site["links_count"], len(json.loads(site["links"]))) == (30, 10)
    logs = {row["url"]: (row["status"], row["error_message"]) for row in database.rows("scrape_logs")}
    assert logs[f"{server.url}/"] == ("success", "10 of 30 links kept")
    assert logs[f"{server.url}/3"] == ("success", None)
    assert database.run("export", "links").stdout.count(f"\n{server.url}/,") == 10
