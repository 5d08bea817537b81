"""A spider whose ``start()`` yields nothing waits for seeds in Redis instead of ending."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Self

import redis.asyncio
from redis.exceptions import RedisError
from scrapy import Request

from scraping_project.extensions.attempts import AttemptLog
from scraping_project.frontier.seeds import Seed, SeedError, SeedQueue, parse
from scraping_project.scheduler import Scheduler

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)


class Seeds:
    """Feeds ``<frontier>:start_urls`` to any spider that has no start URLs of its own."""

    def __init__(self, crawler: "Crawler") -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        return cls(crawler)

    async def process_start(self, start: AsyncIterator[Any]) -> AsyncIterator[Any]:
        own = 0
        async for item in start:
            own += 1
            yield item
        scheduler = self._crawler.engine.scheduler
        if own or not isinstance(scheduler, Scheduler):
            return
        async for request in self._seeds(scheduler):
            yield request

    async def _seeds(self, scheduler: Scheduler) -> AsyncIterator[Request]:
        scheduler.waits_for_seeds = True
        name = scheduler.keys.seeds
        line = f"waiting for seeds: redis-cli lpush {name} https://example.com/"
        print(line, file=sys.stderr, flush=True)  # noqa: T201  for people, as the summary is
        server = redis.asyncio.from_url(scheduler.redis_url, protocol=2)
        queue = SeedQueue(server, scheduler.keys, scheduler.worker)
        try:
            async for raw in _patiently(queue):
                if seed := self._parsed(raw):
                    yield _request(seed)
        finally:
            await queue.give_back()
            await server.aclose()

    def _parsed(self, raw: bytes) -> Seed | None:
        try:
            return parse(raw)
        except SeedError as error:
            logger.warning("Refused a seed: %s", error)
            if log := self._crawler.get_extension(AttemptLog):
                log.refuse_seed(raw[:8000].decode(errors="replace"), error)
            return None


async def _patiently(queue: SeedQueue) -> AsyncIterator[bytes]:
    """The seeds, through outages of Redis: said once, then asked again every second."""
    away = False
    while True:
        try:
            async for raw in queue:
                if away:
                    logger.warning("Redis answers again")
                away = False
                yield raw
        except RedisError as error:
            if not away:
                logger.warning("Redis does not answer (%s): waiting for it", error)
            away = True
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
