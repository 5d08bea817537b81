"""How each request left the download: the engine tells when, only the downloader sees how."""

from typing import TYPE_CHECKING

from scrapy import Request
from scrapy.core import downloader
from scrapy.exceptions import NotConfigured
from scrapy.http import Response
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from scraping_project.extensions.attempts import AttemptLog

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from scraping_project.attempts import Attempt


class Downloader(downloader.Downloader):
    """Scrapy's downloader, recording what became of each attempt.

    It touches two private names of Scrapy's downloader, ``_enqueue_request`` (the way to the wire) and,
    through ``fetch``, the middlewares' result; ``__init__`` fails when they are gone.
    """

    def __init__(self, crawler: "Crawler") -> None:
        super().__init__(crawler)
        log = crawler.get_extension(AttemptLog)
        if log is None:
            raise NotConfigured("scraping_project.downloader.Downloader needs the extension AttemptLog")
        if not hasattr(downloader.Downloader, "_enqueue_request"):
            raise RuntimeError("this Scrapy has no Downloader._enqueue_request: use the pinned version")
        self._attempts = log.attempts

    def fetch(self, request: Request) -> Deferred[Response | Request]:  # type: ignore[override]
        fetched: Deferred[Response | Request] = super().fetch(request)
        attempt = self._attempts.of(request)
        return fetched.addBoth(self._record, attempt) if attempt else fetched

    def _record(
        self, result: Response | Request | Failure, attempt: "Attempt"
    ) -> Response | Request | Failure:
        attempt.result = result.value if isinstance(result, Failure) else result
        if isinstance(result, Request):
            self._attempts.replace(attempt, result)
        elif isinstance(result, Response) and result.request is not None:
            self._attempts.also(result.request, attempt)
        return result

    async def _enqueue_request(self, request: Request) -> Response:
        attempt = self._attempts.of(request)
        try:
            response = await super()._enqueue_request(request)
        except Exception as error:
            if attempt:
                attempt.sent(error)
            raise
        if attempt:
            attempt.sent(response)
        return response

    async def _download(self, slot: downloader.Slot, request: Request) -> Response:
        if attempt := self._attempts.of(request):
            attempt.sending()
        return await super()._download(slot, request)
