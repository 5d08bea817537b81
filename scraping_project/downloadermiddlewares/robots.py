import logging

from scrapy import Request
from scrapy.downloadermiddlewares import robotstxt
from scrapy.exceptions import IgnoreRequest
from scrapy.robotstxt import RobotParser

from scraping_project.reasons import Filtered


def _without_traceback(record: logging.LogRecord) -> bool:
    """Let a robots.txt that can't be fetched be one line; its pages have rows of their own."""
    record.exc_info = record.exc_text = None
    return True


logging.getLogger(robotstxt.__name__).addFilter(_without_traceback)


class Robots(robotstxt.RobotsTxtMiddleware):
    """Scrapy's robots.txt, saying so when it filters a request."""

    def process_request_2(self, rp: RobotParser | None, request: Request) -> None:
        try:
            super().process_request_2(rp, request)
        except IgnoreRequest as error:
            raise Filtered("robots", str(error)) from error
