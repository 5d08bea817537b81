"""What asks for too much is a dead letter that says so, and no page that asks for much keeps a worker."""

import json
import re

import pytest
import redis

from scraping_project.frontier.outgoing import CROWDED

SPIDERS = '''
from scrapy import Request, Spider

from scraping_project.worker.session import WorkerSession
from scraping_project.frontier.errors import FrontierRefused
from scraping_project.frontier.frontier import Frontier


class Large(Spider):
    """Asks its first page for more by the method that ``asks`` names."""

    name = "large"

    def __init__(self, site, asks, start_size="1"):
        self.site, self.asks, self.start_size = site, asks, int(start_size)

    async def start(self):
        yield self.request("start.html", self.start_size, callback=self.first)

    def request(self, path, size, **options):
        return Request(self.site + path, meta={"text": "x" * size}, **options)

    def first(self, response):
        yield from getattr(self, self.asks)()
        yield {"page": response.url}

    def parse(self, response):
        yield {"page": response.url}

    def many(self):
        for number in range(40):
            yield self.request(f"page.html?{number}", 1_000_000)
        for _ in range(2):
            yield self.request("page.html?large", 1_100_000)

    def one_that_is_tried_again(self):
        url = self.site + "missing.html"
        yield self.request("missing.html", 2**20 - len(url) - 30)  # as much as there may be

    def poison(self):
        for number in range(30):
            yield self.request(f"page.html?{number}{'poison' * (number == 20)}", 1)


class Endless(Large):
    """Asks for far more than a step has room for, and notes how much of it waits at the most."""

    name = "endless"
    waiting = 0

    async def start(self):
        if self.asks == "at_start":
            for request in self.requests():
                yield request
        yield Request(self.site + "start.html", priority=1, callback=self.first)

    def requests(self):
        worker = self.crawler.get_extension(WorkerSession).worker
        for number in range(10_000):
            yield Request(f"{self.site}page.html?{number}")
            self.waiting = max(self.waiting, len(worker.outgoing.push))

    def first(self, response):
        if self.asks != "at_start":
            yield from self.requests()
        yield {"waiting": self.waiting}

    def parse(self, response):
        return None


class Refused(Large):
    """Its Redis refuses a step in which there is poison."""

    name = "refused"


class Forbidden(Large):
    """Its Redis refuses whatever ends a lease."""

    name = "forbidden"


checkpoint = Frontier.checkpoint


def refuse(self, step):
    refused = [each for each in step.push if b"poison" in bytes(each.payload)]
    if refused or (self.keys.name == "forbidden" and (step.ack or step.ack_parents)):
        raise FrontierRefused("ERR no")
    return checkpoint(self, step)


Frontier.checkpoint = refuse
'''


@pytest.fixture(name="crawl")
def a_crawl_of_a_small_site_by_a_spider_that_asks_for_much(project, tmp_path, nginx, redis_server):
    root = tmp_path / "site"
    root.mkdir()
    for name in ("start.html", "page.html"):
        (root / name).write_text("a page")
    (tmp_path / "large_spiders.py").write_text(SPIDERS)
    site = nginx(root)

    def run(asks, *settings, spider="large", start_size=1, **options):
        fast = ("SPIDER_MODULES=large_spiders", "DOWNLOAD_DELAY=0", "ROBOTSTXT_OBEY=0")
        words = [
            word
            for setting in (*fast, "CONCURRENT_REQUESTS_PER_DOMAIN=8", *settings)
            for word in ("-s", setting)
        ]
        arguments = (f"site={site.url}", f"asks={asks}", f"start_size={start_size}")
        words += [word for argument in arguments for word in ("-a", argument)]
        env = {"PYTHONPATH": str(tmp_path), "REDIS_URL": redis_server.url}
        return project.run("crawl", spider, *words, env=env, **options)

    return run


def dead_letters(server):
    with redis.Redis.from_url(server.url, protocol=2) as client:
        return [json.loads(letter) for key in client.keys("*:dead") for letter in client.hvals(key)]


def rows_of(project, status):
    return [row for row in project.rows("scrape_logs") if row["status"] == status]


def path_of(row):
    return row["url"].rpartition("/")[2]


def scripts_sent(client):
    """How many bytes of arguments each script got, by Redis's own log, which cuts and counts them."""
    commands = [entry["command"] for entry in client.slowlog_get(10_000)]
    return [
        sum(map(int, re.findall(rb"\((\d+) more bytes\)", command)))
        for command in commands
        if command.startswith(b"EVALSHA")
    ]


def test_a_page_that_asks_for_many_large_requests_gets_them_all_and_no_step_is_large(
    project, crawl, redis_server
):
    with redis.Redis.from_url(redis_server.url, protocol=2) as client:
        client.config_set("slowlog-max-len", 10_000)
        client.config_set("slowlog-log-slower-than", 0)
        crawl("many")
        sizes = scripts_sent(client)

    assert len(rows_of(project, "success")) == 41
    assert 1_000_000 < max(sizes) < 1_100_000
    (dead,) = rows_of(project, "dead")
    assert (dead["reason"], path_of(dead)) == ("too_large", "page.html?large")
    assert "page.html?large> takes 1,100," in dead["error_message"]
    assert "FRONTIER_REQUEST_MAXSIZE is 1,048,576" in dead["error_message"]
    (letter,) = dead_letters(redis_server)
    assert (letter["reason"], letter["message"]) == ("too_large", dead["error_message"])


def test_a_request_whose_retry_would_be_too_large_is_a_dead_letter(project, crawl, redis_server):
    crawl("one_that_is_tried_again", "RETRY_HTTP_CODES=404")

    (dead,) = rows_of(project, "dead")
    assert (dead["reason"], path_of(dead)) == ("too_large", "missing.html")
    assert [letter["reason"] for letter in dead_letters(redis_server)] == ["too_large"]


def test_a_start_request_that_is_too_large_has_a_row_that_names_it_and_the_crawl_ends(project, crawl):
    done = crawl("poison", "FRONTIER_REQUEST_MAXSIZE=2000", start_size=5000, check=False)

    (dead,) = project.rows("scrape_logs")
    assert (dead["status"], dead["reason"], path_of(dead)) == ("dead", "too_large", "start.html")
    assert done.returncode == 1  # nothing was answered
    assert "Traceback" not in done.stderr


def test_what_redis_refuses_is_a_dead_letter_and_all_else_is_crawled(project, crawl, redis_server):
    done = crawl("poison", spider="refused")

    assert len(rows_of(project, "success")) == 30
    (dead,) = rows_of(project, "dead")
    assert (dead["reason"], path_of(dead)) == ("undecodable", "page.html?20poison")
    assert [letter["reason"] for letter in dead_letters(redis_server)] == ["undecodable"]
    assert "Redis refuses" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_whose_redis_refuses_what_can_not_be_left_out_ends_with_one_line(crawl, redis_server):
    done = crawl("poison", spider="forbidden", check=False)

    assert done.returncode == 1
    assert "Redis refuses what this run sends (ERR no), so it ends" in done.stderr
    assert "Traceback" not in done.stderr
    with redis.Redis.from_url(redis_server.url, protocol=2) as client:
        assert not client.exists("{forbidden:start_urls}:workers")  # it gave back what it held


@pytest.mark.parametrize("asks", ["at_start", "on_a_page"])
def test_what_asks_for_more_than_the_next_steps_have_room_for_waits_for_it(project, crawl, asks):
    crawl(asks, "CLOSESPIDER_ITEMCOUNT=1", spider="endless", check=False)

    (item,) = project.rows("items")
    assert 1 < json.loads(item["data"])["waiting"] <= CROWDED + 20  # the rest of what Scrapy has at hand
