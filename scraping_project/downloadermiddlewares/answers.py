from typing import TYPE_CHECKING, Self

from scrapy import Request
from scrapy.http import Response

from scraping_project.worker.session import session_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from scraping_project.attempts.registry import Attempts


class Answers:
    """Tells an attempt what it was answered by a cache, or whoever else answers in the site's place.

    Before other middlewares make a redirect or a retry of it: how the attempt ended depends on both.
    """

    def __init__(self, attempts: "Attempts") -> None:
        self._attempts = attempts

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        return cls(session_of(crawler).log.attempts)

    def process_response(self, request: Request, response: Response) -> Response:
        attempt = self._attempts.of(request)
        if attempt and attempt.wire is None:
            attempt.wire = response
        return response
