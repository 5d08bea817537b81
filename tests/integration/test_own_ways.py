"""Spiders whose attributes and names are such as plain Scrapy takes."""

import json
import shlex
from pathlib import Path

import pytest
import redis

from scraping_project.frontier.keys import Keys
from tests.support.hostile_server import hostile_server, whole
from tests.support.project import until

FAST = ("-s", "DOWNLOAD_DELAY=0", "-s", "CONCURRENT_REQUESTS_PER_DOMAIN=8")
PATH = {"PYTHONPATH": str(Path(__file__).with_name("familiar_spiders"))}
PAGES = [f"/n/{number}" for number in range(6)]

OWN_DOMAINS = (
    "domains_set",
    "domains_frozen",
    "domains_tuple",
    "domains_keys",
    "domains_filter",
    "domains_property",
)
OWN_MEANINGS = ("frontier_deque", "max_depth_object", "max_pages", "max_pages_text")
OWN_STARTS = ("start_generator", "start_set", "start_pairs")


@pytest.fixture(name="site")
def a_site_of_six_pages():
    page = whole("200 OK", b"<title>x</title>", b"Content-Type: text/html\r\n")
    with hostile_server(dict.fromkeys(PAGES, page)) as server:
        yield server


@pytest.fixture(name="client")
def a_client(redis_url):
    with redis.Redis.from_url(redis_url, protocol=2) as client:
        yield client


def crawl(project, site, name, *more, module="own_ways", start=False, env=None, **options):
    base = () if site is None else ("-a", f"base={site.url}")
    arguments = ("crawl", name, "-s", f"SPIDER_MODULES={module}", *FAST, *base, *more)
    return (project.start if start else project.run)(*arguments, env=PATH | (env or {}), **options)


def asked(site):
    return sorted(path for path in site.paths() if path != "/robots.txt")


@pytest.mark.parametrize("name", [*OWN_DOMAINS, *OWN_MEANINGS, *OWN_STARTS])
def test_it_crawls_all_its_pages_and_no_others(project, site, name):
    process = crawl(project, site, name)

    assert asked(site) == PAGES
    assert process.stdout.startswith("finished: 6 pages")
    assert [row["reason"] for row in project.rows("runs")] == ["finished"]
    assert sorted(json.loads(row["data"])["url"] for row in project.rows("items")) == [
        site.url + path for path in PAGES
    ]


@pytest.mark.parametrize("name", ["domains_set", "domains_filter", "start_set"])
def test_another_process_reads_the_same_rules_and_goes_on(project, site, name):
    for number, seed in enumerate(("1", "2", "3"), 1):  # of the order in which a process reads a set
        crawl(project, site, name, "-a", f"max_pages={2 * number}", env={"PYTHONHASHSEED": seed})

    assert asked(site) == PAGES
    assert len({row["crawl_id"] for row in project.rows("runs")}) == 1


def test_max_pages_and_a_frontier_are_any_spiders_arguments(project, site):
    given = ("-a", "max_pages=2", "-a", "frontier=mine")
    process = crawl(project, site, "strict", *given)

    assert process.stdout.startswith("finished: 2 pages")
    assert [row["crawl_id"].partition("-")[0] for row in project.rows("runs")] == ["mine"]


def test_what_is_given_counts_though_an_attribute_means_something_else(project, site):
    assert crawl(project, site, "max_pages", "-a", "max_pages=3").stdout.startswith("finished: 3 pages")
    assert crawl(project, site, "frontier_deque", "-a", "frontier=mine").stdout.startswith(
        "finished: 6 pages"
    )
    assert {row["crawl_id"].partition("-2")[0] for row in project.rows("runs")} == {"max_pages", "mine"}


def test_an_argument_that_only_a_spider_could_heed_is_refused_by_one_that_does_not_know_it(project, site):
    process = crawl(project, site, "strict", "-a", "max_depth=1", check=False)

    assert (process.returncode, asked(site)) == (2, [])
    assert "takes no argument max_depth" in process.stderr


def test_a_class_may_declare_that_its_attributes_are_the_crawls(project, site):
    process = crawl(project, site, "declares")

    assert process.stdout.startswith("finished: 2 pages")
    assert [row["crawl_id"].partition("-")[0] for row in project.rows("runs")] == ["declared"]


REFUSED = {
    "start_none": "start_urls holds None, no text: make it a list such as ['https://example.com/']",
    "start_nested": "start_urls holds ['http://127.0.0.1:1/'], no text",
    "start_text": "start_urls is 'http://127.0.0.1:1/', no list",
    "start_is_none": "start_urls is None, no list",
    "domains_text": "allowed_domains is 'example.com', no list: make it a list such as ['example.com']",
    "domains_number": "allowed_domains holds 5, no text",
    "domains_object": "allowed_domains is <object object at",
    "declares_other": "crawl_arguments of the spider may hold frontier, max_depth, max_pages, not max_page",
    "declares_text": "max_pages is a whole number from 0, not 'all'",
    "old_start": "Scrapy calls start_requests() no more: make it `async def start(self)`",
}


@pytest.mark.parametrize(("name", "why"), REFUSED.items())
def test_what_scrapy_could_not_start_with_is_refused_in_one_line(project, client, name, why):
    process = crawl(project, None, name, check=False)

    assert process.returncode == 2
    (line,) = [line for line in process.stderr.splitlines() if line.startswith("scrapy: ")]
    assert why in line
    assert "Traceback" not in process.stderr
    assert client.keys() == []


# --- names


NAMES = ["my spider", "книга", "shop:books", "n" * 65, "it's {odd}"]


@pytest.mark.parametrize("name", NAMES)
def test_a_spider_of_any_name_crawls_and_every_command_finds_its_frontier(project, site, name):
    crawl(project, site, name, module="odd_names")

    (run,) = project.rows("runs")
    assert (run["spider"], run["reason"], run["pages"]) == (name, "finished", 3)
    own = run["crawl_id"][: -len("-20260101T000000-abcdef")]
    for known_as in (name, own):
        shown = project.run("frontier", known_as, "--json", "-s", "SPIDER_MODULES=odd_names", env=PATH)
        assert json.loads(shown.stdout)["done"] == 3


@pytest.mark.parametrize("name", NAMES)
def test_its_seeds_are_pushed_under_its_name(project, site, client, name):
    process = crawl(project, None, name, module="odd_names", start=True)
    client.lpush(f"{name}:start_urls", f"{site.url}/n/1")
    until(lambda: "/n/1" in site.paths(), process, project)
    assert f"redis-cli lpush {shlex.quote(f'{name}:start_urls')} " in project.errors(process)

    seeded = project.run("seed", name, f"{site.url}/n/2", "-s", "SPIDER_MODULES=odd_names", env=PATH)
    until(lambda: "/n/2" in site.paths(), process, project)
    process.terminate()
    process.communicate(timeout=60)

    assert seeded.stdout == f"pushed 1 seed to {name}:start_urls\n"
    assert client.llen(f"{name}:start_urls") == 0


@pytest.mark.parametrize("known_as", ["the spider", "the frontier"])
def test_clear_gives_its_taken_seeds_back_under_its_name(project, client, known_as):
    keys = Keys.of_spider("my spider")
    client.zadd(keys.of("workers"), {"worker": 2**60})
    client.lpush(keys.of("seeds", "worker"), "http://127.0.0.1:1/taken")

    name = "my spider" if known_as == "the spider" else keys.name
    project.run("frontier", name, "clear", "-s", "SPIDER_MODULES=odd_names", env=PATH)

    assert client.lrange("my spider:start_urls", 0, -1) == [b"http://127.0.0.1:1/taken"]


def test_a_name_of_neither_a_frontier_nor_a_spider_is_refused(project):
    process = project.run("frontier", "no such", "-s", "SPIDER_MODULES=odd_names", env=PATH, check=False)

    assert process.returncode == 2
    assert "'no such' is no frontier name" in process.stderr
    assert "nor is there such a spider" in process.stderr


# --- start requests that are dropped


def test_a_crawl_whose_start_requests_are_all_dropped_ends_and_says_so(project, site):
    process = project.run(
        "crawl", "links", *FAST, "-a", f"start_urls={site.url}/n/0", "-s", "URLLENGTH_LIMIT=10", check=False
    )

    assert process.returncode == 1
    assert process.stdout.startswith("finished: 0 pages")
    assert "1 of 1 start requests were dropped by a spider middleware" in process.stderr
    assert "waiting for seeds" not in process.stderr


def test_start_urls_and_seeds_that_are_offsite_are_named_once_a_host(project, site, client):
    urls = f"start_urls={site.url}/n/0,http://localhost/a,http://localhost/b"
    process = project.run("crawl", "links", *FAST, "-a", urls, "-a", "allowed_domains=127.0.0.1")
    assert process.stdout.startswith("finished: 1 page,")
    assert "http://localhost/a is offsite and not fetched" in process.stderr
    assert "http://localhost/b" not in process.stderr

    waiting = project.start(
        "crawl", "links", *FAST, "-a", "allowed_domains=127.0.0.1", "-a", "frontier=other"
    )
    client.rpush("other:start_urls", f"{site.url}/n/1", "http://localhost/c", f"{site.url}/n/2")
    until(lambda: {"/n/1", "/n/2"} <= set(site.paths()), waiting, project)
    until(
        lambda: "http://localhost/c is offsite and not fetched" in project.errors(waiting), waiting, project
    )
    waiting.terminate()
    waiting.communicate(timeout=60)
