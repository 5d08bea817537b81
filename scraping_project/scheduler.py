"""Scrapy's request scheduler over the queue and dupe filter of scrapy-redis."""

import logging
import os
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar
from uuid import uuid4

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from scrapy import Request, Spider
from scrapy_redis import defaults, dupefilter, queue, scheduler

from scraping_project import embedded, payloads
from scraping_project.extensions.attempts import AttemptLog
from scraping_project.frontier.crawl import Crawl
from scraping_project.frontier.keys import Keys

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

#: A popped or kept request with its identity.
Identified = tuple[Request, str, int]

#: Seconds between two calls while Redis is away, and how long one may block the reactor.
PAUSE, TIMEOUT = 1.0, 5.0

Answer = TypeVar("Answer")


class DupeFilter(dupefilter.RFPDupeFilter):  # type: ignore[misc]
    """scrapy-redis's filter with Scrapy's own fingerprints."""

    def __init__(self, server: redis.Redis, key: str, crawler: "Crawler") -> None:
        super().__init__(server, key)
        self._fingerprinter = crawler.request_fingerprinter

    def request_fingerprint(self, request: Request) -> bytes:
        return self._fingerprinter.fingerprint(request)


class RequestQueue(queue.PriorityQueue):  # type: ignore[misc]
    """scrapy-redis's priority queue with msgpack payloads, first in first out within a priority."""

    def __init__(self, server: redis.Redis, spider: Spider, key: str) -> None:
        self.server, self.spider, self.key = server, spider, key

    def push(self, request: Identified) -> None:
        payload = payloads.encode(*request, self.spider)
        self.server.zadd(self.key, {time.time_ns().to_bytes(8, "big") + payload: -request[0].priority})

    def _decode_request(self, member: bytes) -> Identified:
        return payloads.decode(member[8:], self.spider)


class Scheduler(scheduler.Scheduler):  # type: ignore[misc]
    """Shares one queue and one dupe filter between all workers of a frontier.

    Every call is a round trip to Redis that blocks the reactor. While Redis is away, new requests wait here
    and none is handed out. What a worker held when it was killed is lost, as with scrapy-redis.
    """

    def __init__(self, crawler: "Crawler", server: redis.Redis, keys: Keys, redis_url: str) -> None:
        super().__init__(server=server, persist=True, dupefilter=DupeFilter(server, keys.dupefilter, crawler))
        self.keys = keys
        self.redis_url = redis_url
        self.worker = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:6]}"
        self.crawl = Crawl(server, keys, self.worker)
        self.waits_for_seeds = False
        log = crawler.get_extension(AttemptLog)
        if log is None:
            raise RuntimeError("scraping_project.scheduler.Scheduler needs the extension AttemptLog")
        self._log = log
        self._kept: deque[Identified] = deque()
        self._unpushed: deque[Identified] = deque()
        self._pushing: Request | None = None
        self._away = False
        self._retry_at = 0.0
        self._reported = 0  # answered pages that the crawl knows of
        self._crawler = crawler
        self.stats = crawler.stats

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        settings = crawler.settings
        found = embedded.resolve(settings["REDIS_URL"], Path(settings["DATA_DIR"]))
        patience = {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT}
        params = {**defaults.REDIS_PARAMS, **patience, **settings.getdict("REDIS_PARAMS"), "protocol": 2}
        params.pop("retry_on_timeout", None)  # redis-py 8 warns about it
        params["retry"] = Retry(NoBackoff(), 0)  # its own sleep, and pop a second time when a reply got lost
        keys = Keys(getattr(crawler.spider, "frontier", "") or crawler.spidercls.name)
        return cls(crawler, redis.from_url(found.url, **params), keys, found.url)

    def open(self, spider: Spider) -> None:
        self.spider = spider
        self.queue = RequestQueue(self.server, spider, self.keys.requests)
        joined = self.crawl.join()
        self._log.crawl_id = joined.crawl_id
        self.alone = joined.alone
        if joined.resumed:
            print(  # noqa: T201  for people, as the summary is
                f"resuming: {joined.queued} queued", file=sys.stderr
            )

    def close(self, reason: str) -> None:  # noqa: ARG002  Scrapy's interface
        self._retry_at = 0.0
        self._log.settle()  # the last answers count too
        self.alive(busy=False)
        self.stats.set_value("frontier/queued", self._ask(self.crawl.leave, 0))
        self.stats.set_value("frontier/answered", self.crawl.pages)
        if lost := len(self._kept) + len(self._unpushed):
            logger.error("%d requests could not be queued and are lost", lost)
            self.stats.set_value("frontier/lost", lost)
        self.server.close()

    def enqueue_request(self, request: Request) -> bool:
        self._unpushed.append((request, *self._log.attempts.identify(request)))
        return self._ask(self._push, True)

    def next_request(self) -> Request | None:
        if self._budget() <= 0:
            return None
        identified = self._kept.popleft() if self._kept else self._ask(self._pop, None)
        if identified is None:
            return None
        self._log.attempts.begin(*identified)
        return identified[0]

    def has_pending_requests(self) -> bool:
        return bool(self._kept) or self._ask(lambda: len(self), 1) > 0

    def finished(self) -> bool:
        """Whether nothing is queued and no worker may still push; not while Redis can't tell."""
        return self._ask(self.crawl.finished, False) and not self._kept

    def alive(self, *, busy: bool) -> None:
        """Tell the other workers that this one lives, and what it has answered."""
        self._ask(lambda: self._tell(busy=busy), None)

    @property
    def budget_spent(self) -> bool:
        """Whether the crawl has max_pages answered pages."""
        return self._budget() <= 0 and not len(self._log.attempts)

    def _ask(self, call: Callable[[], Answer], otherwise: Answer) -> Answer:
        """What Redis answers, or ``otherwise`` while it is away."""
        if self._away and time.monotonic() < self._retry_at:
            return otherwise
        try:
            if self._away:
                self._push()
            answer = call()
        except RedisError as error:
            if not self._away:
                logger.warning("Redis does not answer (%s): the crawl waits for it", error)
            self._away, self._retry_at = True, time.monotonic() + PAUSE
            return otherwise
        if self._away:
            logger.warning("Redis answers again: the crawl goes on")
        self._away = False
        return answer

    def _push(self) -> bool:
        """Push what waits; returns whether the last of it was new."""
        new = True
        while self._unpushed:
            new = self._push_one(self._unpushed[0])
            self._unpushed.popleft()
        return new

    def _push_one(self, identified: Identified) -> bool:
        request = identified[0]
        again, self._pushing = self._pushing is request, request
        seen = not request.dont_filter and self.df.request_seen(request)
        if seen and not again:  # at the second try the mark may be its own
            self.stats.inc_value("frontier/filtered/duplicate")
            self._pushing = None
            return False
        try:
            self.queue.push(identified)
        except payloads.Unstorable as error:
            logger.warning("%s can't be queued and stays with this worker: %s", request, error)
            self.stats.inc_value("frontier/unstorable")
            self._kept.append(identified)
        self.stats.inc_value("frontier/pushed")
        self._pushing = None
        return True

    def _tell(self, *, busy: bool) -> None:
        answered = self._log.answered - self._reported
        self.crawl.alive(busy=busy, answered=answered)
        self._reported += answered

    def _pop(self) -> Identified | None:
        if not self.crawl.busy:
            if not len(self):
                return None
            self._tell(busy=True)  # before the pop: nobody may see an empty queue and an idle worker
        try:
            popped: Identified | None = self.queue.pop()
        except payloads.Undecodable as error:
            logger.error(  # noqa: TRY400  the error says it all
                "A queued request is dropped, because it can't be read: %s", error
            )
            self.stats.inc_value("frontier/undecodable")
            return None
        return popped

    def _budget(self) -> float:
        """How many more requests may be sent before max_pages is reached."""
        limit = getattr(self.spider, "max_pages", None)
        if not limit:
            return float("inf")
        return float(
            limit - self.crawl.pages - (self._log.answered - self._reported) - len(self._log.attempts)
        )
