"""What Scrapy's signals do not tell of how a callback ended."""

from typing import TYPE_CHECKING, Self

from scrapy.exceptions import CloseSpider
from scrapy.http import Response

from scraping_project.attempts.log import AttemptLog
from scraping_project.attempts.registry import asking

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


class Outcomes:
    """Gives a request back when its callback asks for the run to end: another run may process it.

    And remembers whose callback runs, for what it asks for comes to the scheduler without a word about that.
    """

    def __init__(self, crawler: "Crawler") -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        return cls(crawler)

    def process_spider_input(self, response: Response) -> None:
        if log := self._crawler.get_extension(AttemptLog):
            asking.set(log.attempts.of(response.request))

    def process_spider_exception(self, response: Response, exception: Exception) -> None:
        log = self._crawler.get_extension(AttemptLog)
        if isinstance(exception, CloseSpider) and log and (attempt := log.attempts.of(response.request)):
            attempt.given_back = True
