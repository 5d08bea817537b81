"""What the errback of a failed download yields is stored and asked for like what any callback yields."""

import json
import signal
import socket
from collections import Counter
from pathlib import Path

import pytest

from tests.support.hostile_server import hostile_server, whole
from tests.support.leaving_crawl import ledger
from tests.support.project import until

FAST = ("-s", "DOWNLOAD_DELAY=0", "-s", "CONCURRENT_REQUESTS_PER_DOMAIN=32")
PATH = {"PYTHONPATH": str(Path(__file__).with_name("failing_spiders"))}

ROBOTS = whole("200 OK", b"User-agent: *\nDisallow: /forbidden\n", b"Content-Type: text/plain\r\n")

#: What happens to a download -> why its attempt ended.
FAILURES = {
    "http://no.such.invalid/": "dns",
    "gopher://127.0.0.1/": "guard",
    "/silent": "timeout",
    "/large": "too_large",
    "/streamed": "too_large",
    "/short": "truncated",
    "/reset": "reset",
    "/hang-up": "reset",
    "/garbage": "parse",
    "/missing": "http_404",
    "/forbidden": "robots",
    "/ignored": None,  # by a middleware, before it was sent: it has no row
}


@pytest.fixture(name="site", scope="module")
def a_site_where_much_fails():
    with hostile_server({"/robots.txt": ROBOTS}) as server:
        yield server


@pytest.fixture(name="closed_port", scope="module")
def a_port_where_nobody_listens():
    with socket.socket() as bound:  # bound, so that nobody else gets it, and never listening
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def crawl(project, urls, yields, *more, check=False):
    arguments = (
        "-s",
        "SPIDER_MODULES=downloads",
        *FAST,
        "-a",
        f"urls={' '.join(urls)}",
        "-a",
        f"yields={yields}",
    )
    return project.run("crawl", "downloads", *arguments, *more, env=PATH, check=check)


def at(site, path):
    return path if "://" in path else site.url + path


def stored(project):
    return sorted((row["url"], row["data"]) for row in project.rows("items"))


@pytest.fixture(name="urls")
def what_fails(site, closed_port):
    return [f"http://127.0.0.1:{closed_port}/refused", *(at(site, path) for path in FAILURES)]


FORMS = {
    "returned": 1,
    "listed": 2,
    "generated": 2,
    "awaited": 2,
    "async_generated": 2,
}


@pytest.mark.parametrize(("form", "count"), FORMS.items())
def test_items_of_every_form_of_errback_are_stored_with_the_urls_of_what_failed(project, urls, form, count):
    feed = project.directory / "feed.jl"

    process = crawl(project, urls, form, "-O", str(feed))

    assert Counter(url for url, _ in stored(project)) == dict.fromkeys(urls, count)
    in_feed = Counter(json.dumps(json.loads(line), sort_keys=True) for line in feed.read_text().splitlines())
    assert Counter(json.dumps(json.loads(data), sort_keys=True) for _, data in stored(project)) == in_feed
    assert all(f'{{"failed": "{url}"}}' in in_feed for url in urls)
    assert "AttributeError" not in process.stderr


def test_each_failure_has_its_row_which_counts_the_items(project, site, urls):
    crawl(project, urls, "listed")

    rows = {
        row["url"]: (row["reason"], row["records_scraped"])
        for row in project.rows("scrape_logs")
        if row["status"] != "retried"
    }
    expected = {at(site, path): (reason, 2) for path, reason in FAILURES.items() if reason}
    assert rows == expected | {urls[0]: ("refused", 2)}
    tasks = {row["task_id"] for row in project.rows("scrape_logs")}
    of_ignored = {row["task_id"] for row in project.rows("items") if row["url"] == at(site, "/ignored")}
    assert {row["task_id"] for row in project.rows("items")} - of_ignored <= tasks


@pytest.mark.parametrize("form", ["asks", "asks_all"])
def test_requests_of_errbacks_are_crawled(project, site, form):
    crawl(project, [at(site, "/hang-up"), at(site, "/missing")], form, check=True)

    good = at(site, "/good")
    assert (good, json.dumps({"fine": good})) in stored(project)
    assert [row["status"] for row in project.rows("scrape_logs") if row["url"] == good] == ["success"]


@pytest.mark.parametrize("path", ["/hang-up", "/forbidden"])
def test_an_item_of_an_errback_that_cannot_be_stored_is_said_in_the_row_of_the_failure(project, site, path):
    crawl(project, [at(site, path)], "unstorable")

    (row,) = [row for row in project.rows("scrape_logs") if row["status"] != "retried"]
    assert (row["reason"], row["records_scraped"]) == (FAILURES[path], 1)
    assert "; then RecursionError" in row["error_message"]


def test_an_item_of_a_request_without_a_row_that_cannot_be_stored_is_said_in_the_log(project, site):
    process = crawl(project, [at(site, "/ignored")], "unstorable")

    assert [url for url, _ in stored(project)] == [at(site, "/ignored")]
    assert "RecursionError" in process.stderr


def test_what_an_errback_yielded_before_it_raised_is_stored_and_its_error_is_in_the_row(project, site):
    crawl(project, [at(site, "/hang-up")], "raises")

    assert [url for url, _ in stored(project)] == [at(site, "/hang-up")]
    (row,) = [row for row in project.rows("scrape_logs") if row["status"] != "retried"]
    assert row["reason"] == "reset"
    assert row["error_message"].endswith("; then ValueError: the errback is broken")


def test_the_lease_of_what_failed_waits_for_requests_of_its_errback_that_cannot_be_written_down(
    project, monkeypatch
):
    monkeypatch.setattr("tests.support.hostile_server.SILENCE", 5)
    with hostile_server() as site:
        # Given a worker that is killed while such a request is in flight, and its origin is stored
        arguments = ("-s", "SPIDER_MODULES=downloads", *FAST, "-s", "RETRY_TIMES=0", "-a", f"base={site.url}")
        process = project.start("crawl", "keeps_of_failed", *arguments, "-s", "DOWNLOAD_TIMEOUT=90", env=PATH)
        until(lambda: "/silent" in site.paths(), process, project)
        until(lambda: project.rows("scrape_logs"), process, project)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        left = ledger(project, "keeps_of_failed")
        assert (left["leased"], left["dead"]) == (1, 0)

        # When the same command goes on
        project.run("crawl", "keeps_of_failed", *arguments, "-s", "DOWNLOAD_TIMEOUT=1", env=PATH, check=False)
        asked = Counter(site.paths())

    # Then it has asked for both again
    assert (asked["/hang-up"], asked["/silent"]) == (2, 2)
    left = ledger(project, "keeps_of_failed")
    assert (left["discovered"], left["leased"], left["queued"]) == (1, 0, 0)
