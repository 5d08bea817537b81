"""How a callback ended, where Scrapy's signals leave it open."""

from typing import TYPE_CHECKING, Self

from scrapy.exceptions import CloseSpider
from scrapy.http import Response

from scraping_project.attempts.registry import Attempts, asking
from scraping_project.worker.session import session_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


class Outcomes:
    """Gives a request back when its callback asks for the run to end: another run may process it.

    And remembers whose callback runs, for what it asks for comes to the scheduler without a word about that.
    """

    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        return cls(session_of(crawler).log.attempts)

    def process_spider_input(self, response: Response) -> None:
        asking.set(self._attempts.of(response.request))

    def process_spider_exception(self, response: Response, exception: Exception) -> None:
        if isinstance(exception, CloseSpider) and (attempt := self._attempts.of(response.request)):
            attempt.given_back = True
