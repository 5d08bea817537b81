import asyncio
import logging
from collections import defaultdict
from typing import TYPE_CHECKING

from scrapy import Request
from scrapy.downloadermiddlewares import robotstxt
from scrapy.exceptions import IgnoreRequest
from scrapy.robotstxt import RobotParser
from scrapy.utils.httpobj import urlparse_cached

from scraping_project.reasons import Filtered

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


def _without_traceback(record: logging.LogRecord) -> bool:
    """Let a robots.txt that can't be fetched be one line; its pages have rows of their own."""
    record.exc_info = record.exc_text = None
    return True


logging.getLogger(robotstxt.__name__).addFilter(_without_traceback)


class Robots(robotstxt.RobotsTxtMiddleware):
    """Scrapy's robots.txt, saying so when it filters a request, and heard by every request that waits for it.

    Of several requests that wait for one robots.txt, Scrapy 2.19 gives the answer to the first and lets the
    others pass: they await one Deferred, whose callbacks each pass None on to the next.
    """

    def __init__(self, crawler: "Crawler") -> None:
        super().__init__(crawler)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def robot_parser(self, request: Request) -> RobotParser | None:
        async with self._locks[urlparse_cached(request).netloc]:
            return await super().robot_parser(request)

    def process_request_2(self, rp: RobotParser | None, request: Request) -> None:
        try:
            super().process_request_2(rp, request)
        except IgnoreRequest as error:
            raise Filtered("robots", str(error)) from error
