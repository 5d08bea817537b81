"""``scrapy crawl``: what it refuses, what it prints, when it ends and with which exit code."""

import os
import pty
import re
import socket
import subprocess
import sys
from contextlib import closing
from urllib.parse import quote

import pytest
import redis

from demo.expected import expected
from scraping_project.embedded import stop
from scraping_project.frontier.keys import Keys
from tests.support.fast_crawl import CLOSED, crawl
from tests.support.project import ROOT

SUMMARY = re.compile(
    r"finished: 103 pages, 4 failed \(.+\), 2 filtered \(robots\), 226 links, \d+ s \(.+ pages/s\)"
)


@pytest.fixture(name="silent_port")
def a_port_that_accepts_and_says_nothing():
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def stored(project, base):
    return {row["url"].removeprefix(base) for row in project.rows("sites")}


def refused(project, *arguments, **env):
    """Returns the one line of a command that must refuse; it must have printed nothing else."""
    done = project.run(*arguments, env={"REDIS_URL": CLOSED, **env}, check=False, timeout=30)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith("scrapy: ")
    assert done.stderr.count("\n") == 1
    assert "sesame" not in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "got none"),
        (("links", "links"), "got links links"),
        (("nosuch",), "there are links"),
        (("links", "-a", "foo"), "NAME=VALUE"),
        (("links", "-s", "x"), "NAME=VALUE"),
        (("links", "-a", "bogus=1"), "it takes start_urls"),
        (("links", "-a", "start_urls=example.com"), "start_urls"),
        (("links", "-a", "allowed_domains=a/b"), "allowed_domains"),
        (("links", "-a", "max_depth=x"), "max_depth"),
        (("links", "-a", "max_pages=0"), "max_pages"),
        (("links", "-a", "frontier=a:b"), "frontier"),
        (("links", "--bogus"), "no option --bogus"),
        (("links", "--workers"), "--workers"),
        (("links", "--workers", "0"), "--workers"),
        (("links", "--workers", "65"), "--workers"),
        (("links", "--workers", "x"), "--workers"),
        (("links", "-s", "USER_AGENT_MODE=x"), "USER_AGENT_MODE"),
        (("links", "-s", "DOWNLOAD_DELAY=x"), "DOWNLOAD_DELAY"),
        (("links", "-s", "CONCURRENT_REQUESTS=x"), "CONCURRENT_REQUESTS"),
        (("links", "-s", "FRONTIER_LEASE=0"), "FRONTIER_LEASE is a number of seconds from 0.5"),
        (("links", "-s", "RUN_HEARTBEAT=0"), "RUN_HEARTBEAT is a number of seconds from 0.1 to 30"),
        (("links", "-s", "RUN_HEARTBEAT=61"), "RUN_HEARTBEAT is a number of seconds from 0.1 to 30"),
        (("links", "-s", "FRONTIER_STUCK_AFTER=inf"), "FRONTIER_STUCK_AFTER is a number of seconds"),
        (("links", "-s", "CHECKPOINT_INTERVAL=nan"), "CHECKPOINT_INTERVAL is a number of seconds"),
        (("links", "-s", "ROBOTSTXT_OBEY=x"), "ROBOTSTXT_OBEY"),
        (("links", "-L", "x"), "LOG_LEVEL"),
        (("links", "-s", "LOG_LEVEL=10"), "LOG_LEVEL is '10': set it to DEBUG"),
        (("links", "-s", "DOWNLOAD_DELAY=1e400"), "DOWNLOAD_DELAY is a number from 0 to 86400, not '1e400'"),
        (("links", "-s", 'DOWNLOAD_SLOTS={"127.0.0.1": 5}'), "DOWNLOAD_SLOTS says 5 of '127.0.0.1'"),
        (("links", "-s", "DOWNLOAD_SLOTS=[1]"), "DOWNLOAD_SLOTS is a JSON object such as {}, not '[1]'"),
        (("links", "-s", "ITEM_PIPELINES=x"), "ITEM_PIPELINES is a JSON object such as {}, not 'x'"),
        (("links", "--logfile", "/dev/null/x"), "/dev/null/x"),
        (("links", "--pidfile", "/dev/null/x"), "/dev/null/x"),
        (("links",), "no Redis answers"),
    ],
)
def test_bad_input_is_refused_in_one_line_with_exit_code_2(project, arguments, word):
    assert word in refused(project, "crawl", *arguments)


def test_a_redis_that_accepts_and_says_nothing_is_refused(project, silent_port):
    assert "no answer in time" in refused(
        project, "crawl", "links", REDIS_URL=f"redis://:sesame@127.0.0.1:{silent_port}/0"
    )


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("sesame", "cannot be read"),
        ("mysql+pymysql://u:sesame@127.0.0.1:1/db", "start it, or set DATABASE_URL"),
        ("mysql+pymysql://u:sesame@127.0.0.1:{port}/db", "start it, or set DATABASE_URL"),
        ("mysql+pymysql://u:sesame€@127.0.0.1:1/db", "start it, or set DATABASE_URL"),
        ("mysql+pymysql://u:sesame@a..b/db", "cannot be the name of one"),
        ("sqlite:////dev/null/x.db", "set DATA_DIR"),
        (" sqlite:////dev/null/x.db", "set DATA_DIR"),
    ],
)
def test_a_database_that_can_not_be_used_is_refused(project, redis_url, silent_port, url, word):
    database_url = url.format(port=silent_port)

    assert word in refused(project, "crawl", "links", REDIS_URL=redis_url, DATABASE_URL=database_url)


@pytest.mark.parametrize("place", ["/dev/null", "/dev/null/x"])
@pytest.mark.parametrize("embedded", [True, False])
def test_a_data_dir_that_can_not_be_written_is_refused(project, redis_url, place, embedded):
    line = refused(project, "crawl", "links", REDIS_URL="embedded" if embedded else redis_url, DATA_DIR=place)

    assert place in line


def test_a_component_that_can_not_start_is_one_line_and_debug_shows_the_traceback(project, redis_url):
    arguments = ("crawl", "links", "-s", "DOWNLOADER=nosuch.Thing")

    assert "the spider 'links' can't start" in refused(project, *arguments, REDIS_URL=redis_url)
    assert "Traceback" in project.run(*arguments, "-L", "DEBUG", check=False).stderr


def test_help_teaches(project):
    text = project.run("crawl", "--help", env={"REDIS_URL": CLOSED}).stdout

    for word in ("start_urls", "max_pages", "--workers", "example:", "130", "waits for seeds"):
        assert word in " ".join(text.split())


def test_a_crawl_ends_by_itself_and_prints_its_summary_on_standard_output(project, demo_site):
    done = crawl(project, "-a", f"start_urls={demo_site}/")

    first, database, export = done.stdout.splitlines()
    assert SUMMARY.fullmatch(first)
    assert database == f"stored: {project.data_dir / 'scraping.db'}"
    assert export.endswith("scrapy export sites -o sites.csv")
    assert done.stderr == ""
    assert stored(project, demo_site) == set(expected()["sites"])


def test_a_data_dir_of_the_command_line_is_that_of_all_files_and_of_every_command(project, demo_site):
    own = project.directory / "own"
    place = ("-s", f"DATA_DIR={own}")
    done = crawl(project, "-a", f"start_urls={demo_site}/depths/", "-a", "max_pages=1", *place)
    assert f"stored: {own}/scraping.db\n" in done.stdout
    assert project.run("export", "sites", *place).stdout.count("\n") == 2
    assert f"sqlite:///{own}/scraping.db" in project.run("doctor", *place).stdout
    assert not project.data_dir.exists()


def test_white_space_around_the_database_url_does_not_matter_at_the_end_either(project, demo_site):
    project.env["DATABASE_URL"] = f" sqlite:///{project.directory}/own.db"
    done = crawl(project, "-a", f"start_urls={demo_site}/depths/", "-a", "max_pages=1")
    assert f"stored: {project.directory}/own.db\n" in done.stdout


def test_the_same_command_crawls_again_and_stores_no_row_twice(project, demo_site):
    for run in (1, 2):
        done = crawl(project, "-a", f"start_urls={demo_site}/")

        assert SUMMARY.fullmatch(done.stdout.splitlines()[0])
        assert "resuming" not in done.stderr
        assert len(project.rows("sites")) == len(expected()["sites"])
        assert len(project.rows("runs")) == run
    assert len({row["crawl_id"] for row in project.rows("runs")}) == 2


def test_max_pages_counts_the_answered_pages_of_the_crawl_and_leaves_the_rest_queued(project, demo_site):
    first = crawl(project, "-a", f"start_urls={demo_site}/", "-a", "max_pages=7")

    queued = int(re.search(r"queued: (\d+)", first.stdout)[1])
    assert first.stdout.startswith("finished: 7 pages")
    assert len(project.rows("sites")) == 7

    second = crawl(project, "-a", f"start_urls={demo_site}/")

    assert f"resuming: {queued} queued\n" in second.stderr
    assert stored(project, demo_site) == set(expected()["sites"])


def test_the_budget_of_a_crawl_is_not_renewed_by_the_same_command(project, demo_site):
    for _ in range(2):
        done = crawl(project, "-a", f"start_urls={demo_site}/", "-a", "max_pages=7")

    assert done.stdout.startswith("finished: 0 pages")
    assert "a greater max_pages" in done.stdout
    assert len(project.rows("sites")) == 7


def test_frontiers_do_not_know_of_each_other(project, demo_site, redis_url):
    crawl(project, "-a", f"start_urls={demo_site}/", "-a", "max_pages=3", "-a", "frontier=one")

    done = crawl(project, "-a", f"start_urls={demo_site}/", "-a", "frontier=two")

    assert "resuming" not in done.stderr
    assert stored(project, demo_site) == set(expected()["sites"])
    with redis.Redis.from_url(redis_url, protocol=2) as client:
        assert int(client.hget(Keys("one").of("crawl"), "queued")) > 0
        assert int(client.hget(Keys("two").of("crawl"), "queued") or 0) == 0


def test_max_depth_0_fetches_the_seeds_alone(project, demo_site):
    crawl(project, "-a", f"start_urls={demo_site}/", "-a", "max_depth=0")

    assert stored(project, demo_site) == {"/"}


def test_max_depth_1_fetches_what_the_seed_links_to(project, tmp_path, nginx):
    site = tmp_path / "site"
    site.mkdir()
    for name, target in (("a", "b"), ("b", "c"), ("c", "a")):
        (site / f"{name}.html").write_text(f"<a href={target}.html>x</a>")
    base = nginx(site).url

    crawl(project, "-a", f"start_urls={base}a.html", "-a", "max_depth=1")

    assert stored(project, base) == {"a.html", "b.html"}


@pytest.mark.parametrize("path", ["a,b,c", "?a=1&b=2", "it's", "a;b", "%C3%A4"])
def test_a_url_reaches_the_site_as_it_was_typed(project, tmp_path, nginx, path):
    site = nginx(tmp_path)

    crawl(project, "-a", f"start_urls={site.url}{path}#part", "-s", "ROBOTSTXT_OBEY=0", check=False)

    assert [request.uri for request in site.requests()] == [f"/{path}"]
    assert stored(project, site.url) == {path}


def test_several_start_urls_are_separated_by_commas(project, tmp_path, nginx):
    site = nginx(tmp_path)
    (tmp_path / quote("a,b")).write_text("x")
    urls = f"{site.url}a,b,{site.url}c"

    crawl(project, "-a", f"start_urls={urls}")

    assert stored(project, site.url) == {"a,b", "c"}


def test_a_crawl_in_which_no_seed_is_answered_ends_with_1(project):
    done = crawl(project, "-a", "start_urls=http://127.0.0.1:1/", "-s", "RETRY_TIMES=0", check=False)

    assert done.returncode == 1
    assert done.stdout.startswith("finished: 0 pages, 1 failed (refused 1), 0 links")
    assert "Traceback" not in done.stderr


def test_an_answer_of_404_is_an_answer(project, tmp_path, nginx):
    done = crawl(project, "-a", f"start_urls={nginx(tmp_path).url}")

    assert done.stdout.startswith("finished: 0 pages, 1 failed (http_403 1), 0 links")


def test_several_workers_print_one_summary_and_each_line_once(project, demo_site):
    crawl(project, "-a", f"start_urls={demo_site}/", "-a", "max_pages=3")

    done = crawl(project, "-a", f"start_urls={demo_site}/", "--workers", "3")

    assert done.stdout.count("finished: ") == 1
    assert done.stderr.count("resuming: ") == 1
    assert stored(project, demo_site) == set(expected()["sites"])


def test_several_workers_that_are_all_refused_end_as_one_does(project, demo_site):
    crawl(project, "-a", f"start_urls={demo_site}/", "-a", "max_pages=3")

    done = crawl(project, "-a", f"start_urls={demo_site}/other", "--workers", "2", check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert "frontier links clear" in done.stderr


def test_several_workers_name_a_redis_of_their_own_choice_once(project, demo_site):
    env = {"REDIS_URL": "embedded"}
    try:
        done = crawl(project, "-a", f"start_urls={demo_site}/", "--workers", "2", env=env)
    finally:
        stop(project.data_dir)

    assert done.stderr.count("Redis: embedded") == 1


def test_progress_is_one_rewritten_line_on_a_terminal(project, demo_site, redis_url):
    ours, theirs = pty.openpty()
    env = {**os.environ, "DATA_DIR": str(project.data_dir), "REDIS_URL": redis_url}
    slow = (
        "-s",
        "DOWNLOAD_DELAY=0.02",
        "-s",
        "CONCURRENT_REQUESTS_PER_DOMAIN=1",
        "-s",
        "RETRY_BACKOFF_BASE=0",
    )
    command = [sys.executable, "-W", "error", "-m", "scrapy", "crawl", "links", *slow]
    with subprocess.Popen(
        [*command, "-a", f"start_urls={demo_site}/"], cwd=ROOT, env=env, stderr=theirs, stdout=subprocess.PIPE
    ) as process:
        os.close(theirs)
        shown = read_all(ours)
        output = process.stdout.read()

    assert process.returncode == 0
    assert SUMMARY.match(output.decode())
    assert re.match(r"\r\d+ pages?, .*pages/s\)\x1b\[K\r", shown)
    assert shown.endswith("\r\x1b[K")
    assert "\n" not in shown


def read_all(terminal):
    shown = b""
    try:
        while piece := os.read(terminal, 4096):
            shown += piece
    except OSError:  # what Linux says when the last writer has gone
        return shown.decode()
    finally:
        os.close(terminal)
    return shown.decode()
