"""Scrapy's own cache beside the frontier: what it answers is stored and logged like a site's answer."""

import os

import pytest
import redis
from scrapy.extensions.httpcache import DummyPolicy
from scrapy.http import Request, Response
from scrapy.settings import Settings

from demo.expected import expected
from demo.server import serve
from scraping_project.settings import HTTPCACHE_IGNORE_HTTP_CODES
from tests.support.crawled_pages import failures, retried, stored
from tests.support.fast_crawl import FAST

EXPECTED = expected()
PAGES = {
    "index.html": "<a href=/a.html>a</a>",
    "a.html": "<a href=/b.html>b</a>",
    "b.html": "<title>b</title>",
}
URIS = sorted(f"/{name}" for name in PAGES)


@pytest.fixture(name="root")
def the_files_of_a_site(tmp_path):
    root = tmp_path / "site"
    root.mkdir()
    for name, text in PAGES.items():
        (root / name).write_text(text)
    return root


@pytest.fixture(name="served")
def a_site(root, nginx):
    return nginx(root)


def crawl(project, url, policy, *arguments):
    cache = ("-s", "HTTPCACHE_ENABLED=1", "-s", f"HTTPCACHE_POLICY=scrapy.extensions.httpcache.{policy}")
    return project.run("crawl", "links", *FAST, *cache, "-a", f"start_urls={url}", *arguments)


def asked(served):
    return sorted(
        (request.uri, request.status) for request in served.requests() if "robots" not in request.uri
    )


def sites_of(project, base):
    return {row["url"].removeprefix(base): row for row in project.rows("sites")}


def test_a_crawl_from_the_cache_alone_stores_and_logs_every_page(project):
    requests = []
    with serve(requests=requests) as base:
        crawl(project, f"{base}/", "DummyPolicy")
        requests.clear()
        project.env["DATABASE_URL"] = f"sqlite:///{project.directory}/second.db"
        crawl(project, f"{base}/", "DummyPolicy")

        assert stored(project, base) == EXPECTED["sites"]
        assert failures(project, base) == EXPECTED["failures"]
        assert retried(project, base) == {"/answers/unavailable": 2}
    # What the site could not answer was asked for again
    assert requests == ["/answers/unavailable"] * 3
    logs = project.rows("scrape_logs")
    assert len([log for log in logs if log["status"] != "retried"]) == len(EXPECTED["sites"]) + 2
    # What came from the cache says so by having no latency
    unsent = {log["url"].removeprefix(base) for log in logs if log["latency_ms"] is None}
    assert unsent == {*EXPECTED["sites"], *EXPECTED["failures"]} - {"/answers/unavailable"}


def test_a_cached_failure_that_is_tried_again_is_logged_as_what_it_was(project):
    with serve() as base:
        for _ in range(2):
            crawl(project, f"{base}/answers/unavailable", "DummyPolicy", "-s", "HTTPCACHE_IGNORE_HTTP_CODES=")

    logs = project.rows("scrape_logs")
    assert {(log["status"], log["reason"], log["status_code"]) for log in logs} == {
        ("retried", "http_503", 503),
        ("failed", "http_503", 503),
    }


def test_a_cache_that_must_ask_does_so_on_a_condition_and_the_links_are_followed(project, served, root):
    # Given a page that is fresh for long, since it has not changed for long, and others that are not
    os.utime(root / "index.html", (1_700_000_000, 1_700_000_000))
    crawl(project, f"{served.url}index.html", "RFC2616Policy")
    before = sites_of(project, served.url)
    assert asked(served) == [(uri, 200) for uri in URIS]
    served.forget()
    # When one has changed and the site is crawled again
    (root / "b.html").write_text("<title>changed</title>")
    crawl(project, f"{served.url}index.html", "RFC2616Policy")
    # Then the fresh one was not asked for, another on a condition, and the changed one is stored
    after = sites_of(project, served.url)
    assert asked(served) == [("/a.html", 304), ("/b.html", 200)]
    assert after["b.html"]["title"] == "changed"
    assert after["b.html"]["last_changed"] > before["b.html"]["last_changed"]
    for name in ("index.html", "a.html"):
        assert after[name] == before[name] | {"last_scraped": after[name]["last_scraped"]}
        assert after[name]["last_scraped"] > before[name]["last_scraped"]
    second = {log["url"].removeprefix(served.url): log for log in project.rows("scrape_logs")}
    assert {(name, log["status"], log["status_code"]) for name, log in second.items()} == {
        ("index.html", "success", 200),
        ("a.html", "success", 304),
        ("b.html", "success", 200),
    }


def test_what_the_cache_answers_makes_the_next_wait_for_no_delay(project, served, redis_url):
    crawl(project, f"{served.url}index.html", "DummyPolicy")
    served.forget()
    with redis.Redis.from_url(redis_url, protocol=2) as client:
        client.flushall()  # else the clock of the site would still be at its last request

    # Within a minute, after which the command is ended
    crawl(project, f"{served.url}index.html", "DummyPolicy", "-s", "DOWNLOAD_DELAY=60")

    assert asked(served) == []
    assert len(project.rows("scrape_logs")) == 2 * len(PAGES)


@pytest.mark.parametrize(
    ("status", "kept"), [(200, True), (404, True), (304, False), (429, False), (503, False)]
)
def test_what_answers_a_condition_or_is_tried_again_is_not_kept(status, kept):
    policy = DummyPolicy(Settings({"HTTPCACHE_IGNORE_HTTP_CODES": HTTPCACHE_IGNORE_HTTP_CODES}))
    request = Request("http://a.example/")

    assert policy.should_cache_response(Response(request.url, status=status), request) is kept


def test_the_cache_lies_in_the_project_s_data(project, served):
    crawl(project, f"{served.url}index.html", "DummyPolicy")

    assert (project.data_dir / "httpcache" / "links").is_dir()
