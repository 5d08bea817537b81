"""An example with an item, a pipeline and a table of its own: how much there is to read on each page."""

import asyncio
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from scrapy import Request, Spider
from scrapy.http import HtmlResponse, Response
from sqlalchemy import Column, Integer, MetaData, String, Table

from scraping_project.settings import ITEM_PIPELINES
from scraping_project.worker.session import WorkerSession, session_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

key = Column("url", String(700), primary_key=True)
outlines = Table("outlines", MetaData(), key, Column("heading", String(500)), Column("words", Integer))


@dataclass
class Outline:
    url: str
    heading: str
    words: int


class OutlinePipeline:
    stores = (Outline,)  # so that they are not in the table items as well

    def __init__(self, session: WorkerSession) -> None:
        self._writer = session.writer  # in one transaction with the sites and the logs

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        return cls(session_of(crawler))

    async def open_spider(self) -> None:
        await asyncio.to_thread(self._writer.create, outlines)

    async def process_item(self, item: Any) -> Any:
        if isinstance(item, Outline):
            self._writer.put(outlines, asdict(item))
        return item


class OutlineSpider(Spider):
    name = "outline"
    custom_settings = {"ITEM_PIPELINES": {**ITEM_PIPELINES, OutlinePipeline: 400}}  # noqa: RUF012  Scrapy's own way

    def parse(self, response: Response, **_: Any) -> Iterator[Outline | Request]:
        if isinstance(response, HtmlResponse):
            heading, text = (response.xpath(f"string(//{tag})").get("") for tag in ("h1", "body"))
            yield Outline(response.url, " ".join(heading.split())[:500], len(text.split()))
            yield from response.follow_all(css="a[href^='/']:not([href^='//'])")
