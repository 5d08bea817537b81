"""What the log says of requests and items."""

import logging
from typing import TYPE_CHECKING, Any, Self

from scrapy import logformatter

from scraping_project import logins

if TYPE_CHECKING:
    from scrapy import Request, Spider
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.logformatter import LogFormatterResult
    from twisted.python.failure import Failure


class Record(logging.LogRecord):
    """A line of the log, whoever writes it, without the logins of its URLs."""

    def getMessage(self) -> str:  # noqa: N802  logging's own name
        return logins.hide(super().getMessage())

    @property
    def exc_text(self) -> str | None:
        """The traceback, once a formatter has written it."""
        return self._exc_text

    @exc_text.setter
    def exc_text(self, text: str | None) -> None:
        self._exc_text = text and logins.hide(text)


class LogFormatter(logformatter.LogFormatter):
    """Scrapy's own, with failed downloads at INFO: each of them has its row in scrape_logs.

    It makes no messages of every page and item when nobody would read them.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        logging.setLogRecordFactory(Record)
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
