"""Every attempt has its row in scrape_logs: what the server did, told by status and reason."""

from collections import Counter

import pytest

from testing.servers import free_port
from tests.support.empty_redis import emptied
from tests.support.hostile_server import hostile_server, whole
from tests.support.project import Project

QUICK = {
    "DOWNLOAD_DELAY": "0",
    "CONCURRENT_REQUESTS_PER_DOMAIN": "32",
    "RETRY_TIMES": "1",
    "DOWNLOAD_TIMEOUT": "5",
    "DOWNLOAD_MAXSIZE": "1500000",
}
RESOLVER = {"RES_OPTIONS": "attempts:1 timeout:1"}  # gives up before DOWNLOAD_TIMEOUT where no DNS is reached

#: Path or URL -> the rows of its attempts: status, reason, status code.
SUCCESS = [("success", None, 200)]
EXPECTED = {
    "/good": SUCCESS,
    "/linked": SUCCESS,
    "/meta-refresh": SUCCESS,
    "/refreshed": SUCCESS,
    "/nested": SUCCESS,
    "/nul": SUCCESS,
    "/many-headers": SUCCESS,
    "/two-part-gzip": SUCCESS,
    "/unknown-encoding": SUCCESS,
    "/no-content": [("success", None, 204)],
    "/not-modified": [("success", None, 304)],
    "/999": [("failed", "http_999", 999)],
    "/000": [("failed", "http_000", 0)],
    "/missing": [("failed", "http_404", 404)],
    "/endless/20": [("failed", "http_302", 302)],
    "/empty-location": [("failed", "http_302", 302)],
    "/bad-location": [("dead", "parse", 302)],
    "/false-gzip": [("dead", "parse", None)],
    "/large": [("dead", "too_large", None)],
    "/streamed": [("dead", "too_large", None)],
    "/bomb": [("dead", "too_large", None)],
    "/short": [("retried", "truncated", None), ("dead", "truncated", None)],
    "/bad-chunk": [("retried", "truncated", None), ("dead", "truncated", None)],
    "/truncated-gzip": [("retried", "truncated", None), ("dead", "truncated", None)],
    "/headless-gzip": [("retried", "truncated", None), ("dead", "truncated", None)],
    "/garbage": [("retried", "parse", None), ("dead", "parse", None)],
    "/two-lengths": [("retried", "parse", None), ("dead", "parse", None)],
    "/nul-name": [("retried", "parse", None), ("dead", "parse", None)],
    "/silent": [("retried", "timeout", None), ("dead", "timeout", None)],
    "/drip": [("retried", "timeout", None), ("dead", "timeout", None)],
    "/reset": [("retried", "reset", None), ("dead", "reset", None)],
    "/hang-up": [("retried", "reset", None), ("dead", "reset", None)],
    "http://no-such-name.invalid/": [("retried", "dns", None), ("dead", "dns", None)],
    "REFUSED": [("retried", "refused", None), ("dead", "refused", None)],
}
NOT_SEEDS = {"/linked", "/refreshed", "/endless/20"}


def settings(**more):
    return [word for name, value in (QUICK | more).items() for word in ("-s", f"{name}={value}")]


class Crawled:
    def __init__(self, project, server, refused):
        self.base = server.url
        seeds = [self.url(key, refused) for key in [*EXPECTED, "/endless/0"] if key not in NOT_SEEDS]
        self.process = project.run(
            "crawl", "links", "-a", f"start_urls={','.join(seeds)}", *settings(), env=RESOLVER
        )
        self.sites = {site["url"]: site for site in project.rows("sites")}
        self.logs = sorted(project.rows("scrape_logs"), key=lambda log: log["attempt"])
        self.refused = refused

    def url(self, key, refused=None):
        if key == "REFUSED":
            return refused or self.refused
        return key if "://" in key else self.base + key


@pytest.fixture(scope="module", name="crawled")
def one_crawl(tmp_path_factory, shared_redis):
    redis_url = emptied(shared_redis)
    project = Project(tmp_path_factory.mktemp("hostile"), lambda: redis_url)
    try:
        with hostile_server() as server:
            yield Crawled(project, server, f"http://127.0.0.1:{free_port()}/")
    finally:
        project.end_all()


@pytest.mark.parametrize("key", EXPECTED)
def test_each_attempt_has_the_row_of_what_it_met(crawled, key):
    url = crawled.url(key)
    logs = [log for log in crawled.logs if log["url"] == url]
    assert [(log["status"], log["reason"], log["status_code"]) for log in logs] == EXPECTED[key]
    assert [log["attempt"] for log in logs] == list(range(1, len(logs) + 1))


def test_a_page_that_is_as_it_was_though_nobody_asked_is_a_site_of_unknown_content(crawled):
    site = crawled.sites[crawled.url("/not-modified")]
    assert (site["status_code"], site["etag"], site["content_hash"]) == (304, '"1"', None)


def test_nothing_else_has_a_row(crawled):
    assert {log["url"] for log in crawled.logs} == {crawled.url(key) for key in EXPECTED}


def test_each_row_is_of_a_task_of_its_own(crawled):
    tasks = Counter(log["task_id"] for log in crawled.logs)
    assert set(tasks.values()) == {1}
    assert len({log["crawl_id"] for log in crawled.logs}) == 1
    assert len({log["run_id"] for log in crawled.logs}) == 1


def test_every_answer_has_its_site_and_nothing_else_has_one(crawled):
    answered = {log["url"]: log for log in crawled.logs if log["status_code"] is not None}
    assert {url: log["status_code"] for url, log in answered.items()} == {
        url: site["status_code"] for url, site in crawled.sites.items()
    }
    assert all(crawled.sites[url]["id"] == log["site_id"] for url, log in answered.items())
    assert all(log["site_id"] is None for log in crawled.logs if log["url"] not in answered)


def test_every_attempt_is_measured(crawled):
    assert all(log["started_at"] <= log["finished_at"] for log in crawled.logs)
    assert all(log["latency_ms"] >= 0 for log in crawled.logs if log["latency_ms"] is not None)
    assert all(log["latency_ms"] is not None for log in crawled.logs if log["status_code"])
    assert all((log["bytes"] is None) == (log["status_code"] is None) for log in crawled.logs)


def test_bytes_are_those_of_the_wire(crawled):
    size = {log["url"]: log["bytes"] for log in crawled.logs}
    assert size[crawled.url("/nested")] > 1_000_000
    assert size[crawled.url("/no-content")] == 0
    assert size[crawled.url("/two-part-gzip")] < 100


def test_a_failure_says_in_one_line_what_it_was(crawled):
    for log in crawled.logs:
        if log["status"] in {"dead", "retried"}:
            assert log["error_message"]
            assert "\n" not in log["error_message"]


def test_a_page_counts_its_records(crawled):
    answered = [log for log in crawled.logs if log["status"] == "success"]
    assert {log["records_scraped"] for log in answered} == {1}


def test_a_hostile_server_makes_no_traceback(crawled):
    assert "Traceback" not in crawled.process.stderr
    assert crawled.process.returncode == 0


def test_the_links_of_an_error_page_are_kept_and_not_followed(project):
    error = whole("404 Not Found", b"<a href=/from-an-error>x</a>", b"Content-Type: text/html\r\n")
    with hostile_server({"/error": error}) as server:
        project.run("crawl", "links", "-a", f"start_urls={server.url}/error", *settings())
        assert server.paths() == ["/robots.txt", "/error"]
    (site,) = project.rows("sites")
    assert site["links"] == f'["{server.url}/from-an-error"]'


@pytest.mark.parametrize("path", ["/short", "/silent", "/reset", "/bomb"])
def test_a_crawl_whose_seed_is_not_answered_ends_with_1(project, path):
    with hostile_server() as server:
        done = project.run("crawl", "links", "-a", f"start_urls={server.url}{path}", *settings(), check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("path", ["/missing", "/999", "/bad-location"])
def test_a_seed_that_is_answered_badly_is_answered(project, path):
    with hostile_server() as server:
        project.run("crawl", "links", "-a", f"start_urls={server.url}{path}", *settings())
