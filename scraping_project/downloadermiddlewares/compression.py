import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

from scrapy import Request
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.downloadermiddlewares.retry import RetryMiddleware
from scrapy.exceptions import DownloadCancelledError, IgnoreRequest, ResponseDataLossError
from scrapy.http import Response

from scraping_project.worker.session import NoSession, session_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from scraping_project.attempts.registry import Attempts

_GZIP = 16 + zlib.MAX_WBITS


class Compression(HttpCompressionMiddleware):
    """Scrapy's decompression, which takes half a gzip body for the whole, taking it for a failed download.

    So are a body that is too large when decompressed and one that is not compressed as it says. It does
    not notice a brotli or zstd body that ends early.
    """

    def __init__(self, crawler: "Crawler") -> None:
        super().__init__(crawler=crawler)
        self._crawler = crawler
        self._attempts: Attempts | None = None
        with suppress(NoSession):  # it reads pages in plain commands, too
            self._attempts = session_of(crawler).log.attempts

    def process_response(  # type: ignore[override]
        self, request: Request, response: Response
    ) -> Request | Response:
        gzipped = request.method != "HEAD" and _is_gzipped(response)  # before Scrapy takes the header off
        try:
            decoded = super().process_response(request=request, response=response)
            if gzipped and isinstance(decoded, Response) and ends_early(response.body, len(decoded.body)):
                raise ResponseDataLossError("the gzip body ends early")  # noqa: TRY301  caught with its like
        except IgnoreRequest as error:
            raise self._failed(request, DownloadCancelledError(str(error))) from error
        except (EOFError, ResponseDataLossError) as error:
            return self._again(request, error)
        except Exception as error:  # what the decompressors raise has no common type
            raise self._failed(request, error) from error
        return decoded

    def _again(self, request: Request, error: Exception) -> Request:
        """Retry as for a connection that broke; Scrapy itself retries no failure of process_response."""
        lost = self._failed(request, ResponseDataLossError(str(error)))
        retries = self._crawler.get_downloader_middleware(RetryMiddleware)
        again = retries.process_exception(request, lost) if retries else None
        if not isinstance(again, Request):
            raise lost from error
        return again

    def _failed(self, request: Request, error: Exception) -> Exception:
        """Let the attempt know that its answer is none."""
        if self._attempts and (attempt := self._attempts.of(request)):
            attempt.wire = error
        return error


def _is_gzipped(response: Response) -> bool:
    encodings = [value.strip().lower() for value in response.headers.getlist("Content-Encoding")]
    return encodings in ([b"gzip"], [b"x-gzip"])


def ends_early(body: bytes, decoded_length: int) -> bool:
    """Whether a gzip body lacks its end; what follows after a whole one may be anything."""
    if int.from_bytes(body[-4:], "little") == decoded_length & 0xFFFFFFFF:
        return False  # its trailer, which spares nearly every page from being decompressed twice
    while body:
        member = zlib.decompressobj(_GZIP)
        try:
            member.decompress(body)
        except zlib.error:
            return False
        if not member.eof:
            return True
        body = member.unused_data
    return False
