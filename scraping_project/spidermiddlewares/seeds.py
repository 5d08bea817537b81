"""A spider whose ``start()`` yields nothing waits for seeds in Redis instead of ending."""

import asyncio
import logging
import shlex
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Self

from redis.exceptions import RedisError, ResponseError
from scrapy import Request

from scraping_project.frontier.connection import connect_async
from scraping_project.frontier.seeds import Kind, Seed, SeedError, SeedQueue, kind_of, parse
from scraping_project.http import authorization
from scraping_project.spidermiddlewares.pushes import each_by_itself
from scraping_project.spidermiddlewares.starts import Starts
from scraping_project.worker.session import WorkerSession, session_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

#: How to push a seed to each kind of key.
_PUSH = {
    Kind.LIST: "lpush {key} https://example.com/",
    Kind.SET: "sadd {key} https://example.com/",
    Kind.SORTED_SET: "zadd {key} 0 https://example.com/",
}


class Seeds:
    """Feeds ``<frontier>:start_urls`` to any spider that has no start URLs of its own."""

    def __init__(self, crawler: "Crawler", session: WorkerSession) -> None:
        self._crawler = crawler
        self._session = session

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        return cls(crawler, session_of(crawler))

    async def process_start(self, start: AsyncIterator[Any]) -> AsyncIterator[Any]:
        own, session = 0, self._session
        async for item in start:
            own += 1
            yield item
            if session.is_crowded:
                await session.room()
        started = self._starts_with(own)
        session.lifecycle.started = True
        spider: Any = self._crawler.spider
        if hasattr(spider, "schedule_next_requests"):  # scrapy-redis's: it takes seeds itself when it is idle
            session.lifecycle.waits_for_seeds = True
            if make := getattr(spider, "make_request_from_data", None):
                spider.make_request_from_data = each_by_itself(make, self._refuse)
            self._say(f"waiting for seeds in {getattr(spider, 'redis_key', None)}")
        elif not started:
            async for request in self._seeds():
                yield request

    def _starts_with(self, passed: int) -> int:
        """How much ``start()`` yielded, of which so much was let pass; warns of the rest."""
        starts = self._crawler.get_spider_middleware(Starts)
        yielded = max(starts.count, passed) if starts else passed
        if dropped := yielded - passed:
            logger.warning("%d of %d start requests were dropped by a spider middleware", dropped, yielded)
        return yielded

    async def _seeds(self) -> AsyncIterator[Request]:
        session = self._session
        session.lifecycle.waits_for_seeds = True
        worker = session.worker
        kind = kind_of(self._crawler.settings)
        push = _PUSH[kind].format(key=shlex.quote(worker.keys.seeds))
        self._say(f"waiting for seeds: redis-cli {push}")
        found = session.membership.server
        server = connect_async(found.url, found.credentials)
        queue = SeedQueue(server, worker.keys, lambda: worker.token, polls=kind is not Kind.LIST)
        try:
            async for raw in _patiently(queue):
                if request := self._request(raw):
                    session.seeds.add(request)
                    yield request
                session.take(raw)
        finally:
            await server.aclose()

    def _say(self, line: str) -> None:
        alone = not self._crawler.settings["REPORT_FILE"]
        if alone or self._session.worker.came_first:  # of --workers, one says it
            print(line, file=sys.stderr, flush=True)  # noqa: T201  for people, as the summary is

    def _request(self, raw: bytes) -> Request | None:
        try:
            return authorization.from_url(_request(parse(raw)))
        except (SeedError, ValueError) as error:  # Scrapy refuses what it can't make a request of
            self._refuse(raw, error)
            return None

    def _refuse(self, raw: bytes, error: Exception) -> None:
        logger.warning("Refused a seed: %s", error)
        self._session.refuse(raw, error)


async def _patiently(queue: SeedQueue) -> AsyncIterator[bytes]:
    """The seeds, through outages of Redis, which the group commit reports."""
    refused = ""
    while True:
        try:
            async for raw in queue:
                refused = ""
                yield raw
        except (RedisError, TimeoutError) as error:
            news = isinstance(error, ResponseError) and str(error) != refused  # Redis is there, and says no
            refused = str(error) if news else refused
            logger.log(
                logging.WARNING if news else logging.INFO,
                "Seeds can't be taken: %s",
                str(error) or "no answer",
            )
            await asyncio.sleep(1)


def _request(seed: Seed) -> Request:
    return Request(
        seed.url,
        method=seed.method,
        headers=dict(seed.headers),
        body=seed.body,
        meta=dict(seed.meta),
        priority=seed.priority,
        dont_filter=seed.dont_filter,
    )
