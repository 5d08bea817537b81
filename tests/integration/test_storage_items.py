"""Items of any spider: in the table items, or where a pipeline of their own puts them."""

import json

import pytest

from demo.expected import expected
from tests.support.hostile_server import hostile_server, whole

FAST = ("-s", "DOWNLOAD_DELAY=0", "-s", "CONCURRENT_REQUESTS_PER_DOMAIN=8")

SPIDER = """
from dataclasses import dataclass
from datetime import UTC, datetime
from scrapy import Item, Field, Request, Spider
from scrapy.exceptions import DropItem

@dataclass
class Quote:
    text: str

class Old(Item):
    name = Field()

class Drops:
    async def process_item(self, item):
        if item == {"drop": True}:
            raise DropItem("unwanted")
        if isinstance(item, dict) and "stamp" in item:
            item["stamp"] += 1
        return item

class Own:
    stores = (Quote,)
    async def process_item(self, item):
        return item

class Mine(Spider):
    name = "mine"
    custom_settings = {"ITEM_PIPELINES": {
        "pipelines.logs.LogsPipeline": 310, "pipelines.items.ItemsPipeline": 320, Drops: 400, **OWN}}

    def __init__(self, base, **kwargs):
        super().__init__(**kwargs)
        self.start_urls = [f"{base}#part"]

    async def start(self):
        yield {"from": "start"}
        async for request in super().start():
            yield request

    def parse(self, response):
        yield Quote("a ' \\\\ \\ud800 \\u0000 😀")
        yield {"drop": True}
        yield {"stamp": 1, "at": datetime(2026, 1, 1, tzinfo=UTC), "raw": b"caf\\xe9", "odd": float("nan"),
               "set": {1}, "large": 2**70}
        yield Old(name="old")
        loop = {}
        loop["self"] = loop
        if self.start_urls[0].endswith("loop#part"):
            yield loop
"""


@pytest.fixture(name="crawl")
def a_crawl(project):
    def run(path="/", own=""):
        (project.directory / "mine.py").write_text(SPIDER.replace("**OWN", own))
        page = whole("200 OK", b"<title>x</title>", b"Content-Type: text/html\r\n")
        with hostile_server({"/": page, "/loop": page}) as server:
            arguments = ("-a", f"base={server.url}{path}", "-s", "SPIDER_MODULES=mine", *FAST)
            project.run("crawl", "mine", *arguments, env={"PYTHONPATH": str(project.directory)})
        return sorted(project.rows("items"), key=lambda row: (row["url"], row["number"]))

    return run


def test_every_item_that_nobody_else_stores_is_in_the_table_items(project, crawl):
    started, quote, stamped, old = crawl()
    (log,) = project.rows("scrape_logs")
    assert json.loads(started["data"]) == {"from": "start"}
    assert started["url"] == ""
    assert (quote["type"], json.loads(quote["data"])) == ("Quote", {"text": "a ' \\ \ufffd \0 😀"})
    assert json.loads(stamped["data"]) == {
        "stamp": 2,  # as the last pipeline left it
        "at": "2026-01-01T00:00:00+00:00",
        "raw": "caf\ufffd",
        "odd": None,
        "set": [1],
        "large": 2**70,
    }
    assert (old["type"], old["data"]) == ("Old", '{"name": "old"}')
    for row in (quote, stamped, old):
        assert row["url"] == log["url"]
        assert (row["task_id"], row["run_id"]) == (log["task_id"], log["run_id"])
    assert log["records_scraped"] == 3


def test_an_item_that_another_pipeline_says_it_stores_is_left_to_it(crawl):
    assert "Quote" not in {row["type"] for row in crawl(own="Own: 900")}


def test_an_item_that_is_no_json_at_all_is_an_error_of_its_page(project, crawl):
    assert len(crawl("/loop")) == 4
    (log,) = project.rows("scrape_logs")
    assert (log["status"], log["reason"]) == ("dead", "pipeline")


@pytest.mark.parametrize("database", ["sqlite", "mariadb"])
def test_the_example_with_a_table_of_its_own(project, demo_site, database, request):
    if database == "mariadb":
        project.env["DATABASE_URL"] = request.getfixturevalue("mariadb_url")
    for _ in range(2):
        project.run("crawl", "outline", "-a", f"start_urls={demo_site}/depths/", *FAST)
    rows = {row["url"].removeprefix(demo_site): row for row in project.rows("outlines")}
    titles = {path: expected()["sites"][path]["title"] for path in ("/", "/depths/", "/depths/5")}
    assert {path: rows[path]["heading"] for path in titles} == titles
    assert rows["/depths/5"]["words"] > 5
    assert len(rows) == len(project.rows("outlines"))
    assert project.rows("items") == []
    assert rows.keys() <= {row["url"].removeprefix(demo_site) for row in project.rows("sites")}
