"""What the log says of requests and items."""

import logging
from typing import TYPE_CHECKING, Any, Self

from scrapy import logformatter

if TYPE_CHECKING:
    from scrapy import Request, Spider
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.logformatter import LogFormatterResult
    from twisted.python.failure import Failure


class LogFormatter(logformatter.LogFormatter):
    """Scrapy's own, with failed downloads at INFO: each of them has its row in scrape_logs.

    It makes no messages of every page and item when nobody would read them.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        level = crawler.settings["LOG_LEVEL"]
        return cls(quiet=logging.getLevelNamesMapping().get(level, 0) > logging.DEBUG)

    def crawled(  # type: ignore[override]  # Scrapy's engine takes None, too
        self, request: "Request", response: "Response", spider: "Spider"
    ) -> "LogFormatterResult | None":
        return None if self._quiet else super().crawled(request, response, spider)

    def scraped(  # type: ignore[override]  # so does its scraper
        self, item: Any, response: "Response | Failure | None", spider: "Spider"
    ) -> "LogFormatterResult | None":
        return None if self._quiet else super().scraped(item, response, spider)

    def download_error(
        self, failure: "Failure", request: "Request", spider: "Spider", errmsg: str | None = None
    ) -> "LogFormatterResult":
        return {**super().download_error(failure, request, spider, errmsg), "level": logging.INFO}
