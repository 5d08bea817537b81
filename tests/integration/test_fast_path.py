"""Links that never become Requests change nothing that people see: ledger, stats, rows."""

import ast
import json
import re
from pathlib import Path

import pytest
from scrapy import Request
from scrapy.utils.request import fingerprint
from w3lib.url import safe_url_string

from scraping_project.http.fingerprints import of_link
from scraping_project.parsing.urls import Resolver
from tests.support.hostile_server import hostile_server, whole
from tests.support.manuals import manual

HTML = b"Content-Type: text/html\r\n"
PATH = {"PYTHONPATH": str(Path(__file__).with_name("fast_spiders"))}
ONE_BY_ONE = (
    "-s",
    "DOWNLOAD_DELAY=0",
    "-s",
    "CONCURRENT_REQUESTS=1",
    "-s",
    "DEPTH_STATS_VERBOSE=1",
    "-L",
    "INFO",
)
PLAINLY = ("-s", "REQUEST_FINGERPRINTER_CLASS=scrapy.utils.request.RequestFingerprinter")
SEEN_BY_PEOPLE = ("request_depth", "frontier/filtered", "offsite/", "depth/", "attempts/", "item_scraped")


def page(*links):
    return whole("200 OK", b"".join(b"<a href='%s'>x</a>" % link.encode() for link in links), HTML)


def site():
    """Each page links to all others, to itself, to another spelling of one, and to another host."""
    paths = [f"/{n}?a=1&b=2" for n in range(12)]
    own = {path: page(*paths, "/3?b=2&a=1", "http://other.example/", "/last#x") for path in paths[:11]}
    return {**own, paths[11]: page("/deep"), "/deep": page("/0?a=1&b=2"), "/last": page()}


def crawl(project, url, *arguments):
    """The ledger and the stats of a crawl of the frontier that is named after how it was made."""
    name = f"f{len(arguments)}"
    given = ("-a", f"start_urls={url}/0?a=1&b=2", "-a", f"frontier={name}")
    stats = stats_of(project.run("crawl", "links", *given, *ONE_BY_ONE, *arguments))
    return ledger(project, name), stats


def stats_of(done):
    dump = re.search(r"Dumping Scrapy stats:\n(\{.*?\})\n", done.stderr, re.DOTALL)
    text = re.sub(r"datetime\.datetime\(.*?\)", "None", dump[1], flags=re.DOTALL)
    return {key: value for key, value in ast.literal_eval(text).items() if key.startswith(SEEN_BY_PEOPLE)}


def ledger(project, name):
    counts = json.loads(project.run("frontier", name, "--json").stdout)
    return {key: counts[key] for key in ("discovered", "done", "filtered")}


@pytest.mark.parametrize(
    "rules",
    [(), ("-a", "allowed_domains=127.0.0.1"), ("-a", "max_depth=1"), ("-s", "DEPTH_LIMIT=1")],
    ids=["host", "allowed_domains", "max_depth", "DEPTH_LIMIT"],
)
def test_ledger_and_stats_are_those_of_a_crawl_that_requests_every_link(project, rules):
    with hostile_server(site()) as server:
        plainly = crawl(project, server.url, *rules, *PLAINLY)
        fast = crawl(project, server.url, *rules)
    assert fast == plainly
    assert fast[0]["filtered"]["duplicate"] > 0


def count(project, url, *arguments):
    """The ledger and the stats of any spider with one import, and how many requests it made."""
    project.run("frontier", "counting", "clear", check=False)
    spider = ("crawl", "counting", "-s", "SPIDER_MODULES=counting", "-a", f"url={url}/0?a=1&b=2")
    stats = stats_of(project.run(*spider, *ONE_BY_ONE, *arguments, env=PATH))
    made = stats.pop("attempts/requests_made")
    return ledger(project, "counting"), stats, made


def test_links_that_the_worker_has_asked_for_never_become_requests(project):
    with hostile_server(site()) as server:
        *plainly, many = count(project, server.url, *PLAINLY)
        *fast, few = count(project, server.url)
    assert fast == plainly
    # Each page once, one of them under two spellings, and what eleven pages link to on another host, which
    # is Scrapy's to count.
    assert few == fast[0]["discovered"] - 1 + 1 + 11 < many / 5


TWINS, LEAVES = 30, 60


def twins():
    """Pages of which each links to sixty leaves, and as many that link to the same."""
    names = [f"/{kind}/{number}" for kind in "ab" for number in range(TWINS)]
    leaves = {name: page(*(f"/leaf/{name[3:]}/{leaf}" for leaf in range(LEAVES))) for name in names}
    return {"/": page(*names), **leaves}


def resume(project, url, pages, *arguments):
    """The requests that a worker makes which ends after so many pages, and the stats."""
    unhurried = (
        "-s",
        "DOWNLOAD_DELAY=0.1",
        "-s",
        "CONCURRENT_REQUESTS=1",
        "-s",
        "ROBOTSTXT_OBEY=0",
        "-L",
        "INFO",
    )
    spider = ("crawl", "asking", "-s", "SPIDER_MODULES=asking", "-a", f"url={url}/", *unhurried)
    stats = stats_of(project.run(*spider, "-s", f"CLOSESPIDER_PAGECOUNT={pages}", *arguments, env=PATH))
    return stats.pop("attempts/requests_made"), stats


def test_links_that_another_worker_has_found_become_no_requests_once_most_are_known(project):
    with hostile_server(twins()) as server:
        made, _ = resume(project, server.url, 1 + TWINS)
        assert made == 2 * TWINS + TWINS * LEAVES

        made, stats = resume(project, server.url, TWINS)
        assert LEAVES < made < TWINS * LEAVES / 2
        assert stats["frontier/filtered/duplicate"] == TWINS * LEAVES - made
    assert ledger(project, "asking")["filtered"] == {
        "duplicate": TWINS * LEAVES + 1
    }  # its own first page, too


def lose(project, url, how, *settings):
    """A crawl that asks about every link, and is lost to its worker while its first page does."""
    spider = ("crawl", "asking_while_lost", "-s", "SPIDER_MODULES=asking", "-s", "ROBOTSTXT_OBEY=0")
    first = ("-a", f"url={url}", "-a", f"how={how}")
    fast = ("-s", "DOWNLOAD_DELAY=0", *settings)
    return project.run(*spider, *first, *fast, env=PATH, check=how != "cleared")


def test_pages_that_fill_what_scrapy_lets_wait_for_callbacks_are_asked_about_at_once(project):
    # Given a worker that holds one page at a time, has enough to do, and commits that are far apart
    one_page = ("-s", "SCRAPER_SLOT_MAX_ACTIVE_SIZE=1", "-s", "CONCURRENT_REQUESTS=1")
    with hostile_server(twins()) as server:
        done = lose(
            project,
            f"{server.url}/",
            "never",
            *one_page,
            "-s",
            "CHECKPOINT_INTERVAL=20",
            "-s",
            "CLOSESPIDER_PAGECOUNT=10",
        )
    assert done.stdout.startswith("ended early (closespider_pagecount): 10 pages")


def test_a_page_that_asks_when_its_worker_is_reaped_is_crawled_again(project):
    with hostile_server(site()) as server:
        done = lose(project, f"{server.url}/0?a=1&b=2", "reaped")
        assert "others have its requests" in done.stderr
        assert {row["url"].removeprefix(server.url) for row in project.rows("sites")} >= site().keys()


def test_a_page_that_asks_when_its_crawl_is_cleared_does_not_hold_up_the_end(project):
    with hostile_server(site()) as server:
        done = lose(project, f"{server.url}/0?a=1&b=2", "cleared")
        assert "the crawl was cleared" in done.stderr
        assert "do not end" not in done.stderr
        assert [row["reason"] for row in project.rows("runs")] == ["cleared"]


@pytest.mark.parametrize("name", ["postgresql", "scrapy"])
def test_every_link_of_a_manual_resolves_to_what_scrapy_requests_under_the_same_fingerprint(name):
    pages = sorted(manual(name).glob("**/*.html"))
    hrefs = {
        href for page in pages for href in re.findall(r'href="([^"]*)"', page.read_text("utf-8", "replace"))
    }
    resolver = Resolver("https://www.example.com/docs/16/index.html")
    urls = {url for url in map(resolver, hrefs) if url is not None}
    assert len(urls) > 500
    for url in urls:
        assert safe_url_string(url) == url
        assert of_link(url) == fingerprint(Request(url))
