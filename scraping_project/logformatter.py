import logging
from typing import TYPE_CHECKING

from scrapy import logformatter

if TYPE_CHECKING:
    from scrapy import Request, Spider
    from twisted.python.failure import Failure


class LogFormatter(logformatter.LogFormatter):
    """Scrapy's own, with failed downloads at INFO: each of them has its row in scrape_logs."""

    def download_error(
        self, failure: "Failure", request: "Request", spider: "Spider", errmsg: str | None = None
    ) -> logformatter.LogFormatterResult:
        return {**super().download_error(failure, request, spider, errmsg), "level": logging.INFO}
