"""Start requests and seeds that ``allowed_domains`` leaves out."""

import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Self

from scrapy import Request
from scrapy.downloadermiddlewares.offsite import OffsiteMiddleware
from scrapy.utils.httpobj import urlparse_cached

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

#: So many hosts are named at the most.
MOST_HOSTS = 1000


class OffsiteStarts:
    """Says which of them Scrapy is about to drop, once a host: else a crawl that begins nowhere is silent."""

    def __init__(self, crawler: "Crawler") -> None:
        self._crawler = crawler
        self._hosts: set[str] = set()

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        return cls(crawler)

    async def process_start(self, start: AsyncIterator[Any]) -> AsyncIterator[Any]:
        offsite = self._crawler.get_downloader_middleware(OffsiteMiddleware)
        async for each in start:
            if offsite is not None and isinstance(each, Request) and self._is_dropped(each, offsite):
                self._say(each)
            yield each

    def _is_dropped(self, request: Request, offsite: OffsiteMiddleware) -> bool:
        spider = self._crawler.spider
        if request.dont_filter or request.meta.get("allow_offsite") or spider is None:
            return False
        return bool(getattr(spider, "allowed_domains", None)) and not offsite.should_follow(request, spider)

    def _say(self, request: Request) -> None:
        host = urlparse_cached(request).hostname or ""
        if host not in self._hosts and len(self._hosts) < MOST_HOSTS:
            self._hosts.add(host)
            logger.warning("%s is offsite and not fetched: allowed_domains leaves out %s", request.url, host)
