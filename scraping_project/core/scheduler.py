"""Scrapy's request scheduler over local buffers: no network."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Container, Iterable
from typing import TYPE_CHECKING, Self

from scrapy import Request, Spider
from scrapy.utils.defer import deferred_f_from_coro_f

from scraping_project import scrapy_internals
from scraping_project.attempts.registry import Attempt, asking, is_retry
from scraping_project.core.local_requests import LocalRequests
from scraping_project.core.slot_queues import AHEAD, MOST, TURN, SlotQueues
from scraping_project.frontier.messages import MAX_PRIORITY, End, Push, Reply, Step, blob
from scraping_project.http import authorization, failure_reasons, serialization
from scraping_project.http.fingerprints import Fingerprinter, number_of
from scraping_project.politeness.clocks import NEVER
from scraping_project.politeness.retry_backoff import RetryBackoff
from scraping_project.worker.session import WorkerSession, session_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

#: The frontier is asked first when it knows such a share of what is new here: a question costs far less than
#: a Request, and a wait till the next commit.
MOSTLY = 0.25


class Scheduler:
    """Hands out the requests that the last checkpoint leased, and queues new ones for the next.

    A request that can't be written down stays in this process and is counted (core/local_requests.py).
    """

    def __init__(self, crawler: "Crawler", session: WorkerSession) -> None:
        self._crawler = crawler
        self._session = session
        self._log = session.log
        self._clocks = session.clocks
        self._concurrency = session.pace.concurrency or MOST
        self._queues = SlotQueues(session.clocks, self._concurrency)
        self._alarm: asyncio.TimerHandle | None = None  # for when the next slot's turn comes
        self._kept = LocalRequests(session.log.attempts)
        self._pushing: set[str] = set()  # fingerprints sent or queued, not yet confirmed
        self._backoff = RetryBackoff(session.policy.backoff_base_s, session.redis_time)
        self._own = session.clocks.own()
        self._order = session.pace.order
        self._maxsize = session.pace.request_bytes
        self._slot_pages = session.pace.slot_pages

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        return cls(crawler, session_of(crawler))

    def open(self, spider: Spider) -> None:
        self._spider = spider
        session = self._session
        session.attach(self)
        scrapy_internals.after_each_output(self._crawler, lambda: session.is_crowded, session.room)

    @deferred_f_from_coro_f
    async def close(self, reason: str) -> None:
        if lost := self._kept.orphans:
            logger.warning("%d requests could not be written down and are lost", lost)
            self._crawler.stats.set_value("frontier/lost", lost)
        await self._session.close(reason)

    def has_pending_requests(self) -> bool:
        return bool(self._queues or self._kept)

    def enqueue_request(self, request: Request) -> bool:
        parent = self._log.attempts.parent(request)
        request = authorization.from_url(request)
        try:
            push = self._push(request, parent)
        except serialization.Unstorable as error:
            return self._keep(request, parent, error)
        except serialization.TooLarge as error:
            self._refuse(request, parent, error)
            return False
        if parent is not None:
            parent.successor = push
            if is_retry(parent.request, request):
                parent.retry_in_ms = self._backoff.delay_ms(request.meta["retry_times"], parent.wire)
            return True
        if not push.again and self._is_known(push.fingerprint):
            self._session.filtered("duplicate")
            return False
        if attempt := asking.get():
            attempt.asked = True
        self._pushing.add(push.fingerprint)
        self._session.push(push)
        return True

    def next_request(self) -> Request | None:
        if self._session.budget <= len(self._log.attempts):
            return None
        if self._queues.runs_low:
            self._session.commit_soon()
        if self._kept:
            return self._kept.begin()
        if not self._session.may_begin():
            return None
        return self._next_leased()

    def _next_leased(self) -> Request | None:
        while leased := self._queues.next(time.monotonic()):
            clock = None if leased.too_many else self._clocks.of(leased.slot)
            try:
                request = serialization.decode(leased.payload, self._spider)
            except serialization.Undecodable as error:
                if clock:
                    clock.handed -= 1
                self._session.undecodable(leased, error)
                continue
            self._log.attempts.begin(request, str(leased.id), leased.attempt, leased=leased, clock=clock)
            return request
        self._set_alarm()
        return None

    def _set_alarm(self) -> None:
        """Have the engine look again when the next slot's turn comes."""
        at = self._queues.next_at
        if self._alarm:
            self._alarm.cancel()
        if at < NEVER:
            loop = asyncio.get_running_loop()
            delay = max(at - time.monotonic(), 0)
            self._alarm = loop.call_later(delay, scrapy_internals.wake, self._crawler)

    def demand(self, rate: float, interval: float) -> dict[str, object]:
        """What the next step asks for, by the names of its fields.

        Args:
            rate: Requests that ended, a second, of late.
            interval: Seconds between two checkpoints.
        """
        now = time.monotonic()
        if scrapy_internals.is_closing(self._crawler):
            at_work = len(self._log.attempts) > 0  # files of its items may still wait for their slot's turn
            asks = self._queues.last_asks(now, interval, rate) if at_work else self._queues.farewells(now)
            return {"asks": asks, "robots": self._clocks.robots}
        held = len(self._queues)
        room = int(max(min(MOST, self._session.budget - len(self._log.attempts)) - held, 0))
        asks = self._queues.asks(now, interval, rate, room)
        room -= sum(ask.want for ask in asks)
        return {
            "asks": asks,
            "want": max(min(2 * self._concurrency - self._queues.at_hand(now), room), 0),
            "turn": TURN,
            "skip": [clock.name for clock in self._clocks if not clock.delay],
            "arm": self._queues.to_arm(interval, rate),
            "arm_new": max(2 * self._concurrency, math.ceil(rate * interval * 4)),
            "ahead_ms": int(AHEAD * 1000),
            "delay_ms": math.ceil(self._clocks.delay * 1000),
            "cap": self._clocks.cap,
            "own": self._own,
            "slot_pages": self._slot_pages,
            "max_pages": self._session.max_pages,
            "lifo": self._order == "lifo",
            "robots": self._clocks.robots,
        }

    def receive(self, reply: Reply, step: Step) -> None:
        """Take the reply to a step."""
        self._pushing.difference_update(push.fingerprint for push in step.push)
        self._pushing.difference_update(refusal.fingerprint for refusal in step.refuse)
        self._queues.note_fruitless(step.asks, reply.leased)
        self._queues.add(reply.leased, step.arm)
        # It may take long until what is in flight has ended, and max_pages counts the rest as leased.
        waits = scrapy_internals.is_closing(self._crawler) and len(self._log.attempts) > 0
        for leased in self._queues.give_up(everything=waits):
            self._session.release(End(leased.id, leased.delivery))

    def drop(self) -> None:
        """Forget what is leased: it is with others."""
        self._queues.clear()
        self._clocks.lose_all()
        self._pushing.clear()

    @property
    def idle(self) -> bool:
        return not self.has_pending_requests() and not len(self._log.attempts)

    def _push(self, request: Request, parent: Attempt | None) -> Push:
        self._fit_priority(request)
        if parent is not None and is_retry(parent.request, request):
            request.dont_filter = parent.request.dont_filter  # Scrapy sets it, and a redirect would keep it
        slot = self._crawler.engine.downloader.get_slot_key(request)
        payload = serialization.encode(request, self._spider)
        if len(payload) > self._maxsize:
            raise _too_large(request, len(payload), self._maxsize)
        depth = request.meta.get("depth", 0) if self._order == "depth" else 0
        again = request.dont_filter and request in self._session.seeds
        fingerprint = self._decimal(request) if again else self._fingerprint(request, parent)
        return Push(fingerprint, slot, request.priority - depth, blob(payload), again)

    def _fit_priority(self, request: Request) -> None:
        """Move a priority that a record has no room for to the nearest that it has."""
        fitting = max(-MAX_PRIORITY, min(request.priority, MAX_PRIORITY))
        if fitting == request.priority:
            return
        if not self._crawler.stats.get_value("frontier/priorities_moved"):
            logger.warning("%s has the priority %d: it counts as %d", request, request.priority, fitting)
        self._crawler.stats.inc_value("frontier/priorities_moved")
        request.priority = fitting

    def _fingerprint(self, request: Request, parent: Attempt | None) -> str:
        """The request's fingerprint for the dupe filter; empty when it is to pass.

        A retry passes, and so does a redirect to a page of its own chain: the answer may depend on a cookie
        that was set on the way, and Scrapy counts the hops.
        """
        if parent is not None and is_retry(parent.request, request):
            return ""
        if request.dont_filter and not self._is_default_start(request):
            return ""
        fingerprint = self._decimal(request)
        if parent is not None:
            chain = [
                parent.request,
                *(parent.request.replace(url=url) for url in parent.request.meta.get("redirect_urls", ())),
            ]
            if any(fingerprint == self._decimal(hop) for hop in chain):
                return ""
        return fingerprint

    def _is_known(self, fingerprint: str) -> bool:
        """Whether it is surely a duplicate; the frontier finds the others."""
        here = fingerprint in self._pushing or fingerprint in self._kept.fingerprints
        return bool(fingerprint) and (here or self._session.knows(fingerprint))

    async def unseen_by_all(self, urls: list[str], number_of: Callable[[str], str]) -> list[str]:
        """As ``unseen``; where other workers know most of what is new here, they are asked first."""
        new = self._new(urls, number_of)
        if new and self._session.worker.known_lately >= MOSTLY:
            await self._session.look_up(list(new.values()))
            new = self._new(new, number_of)
        return self._without_known(urls, new)

    def unseen(self, urls: list[str], number_of: Callable[[str], str]) -> list[str]:
        """Those that may be new, by their numbers; the others are counted as duplicates."""
        return self._without_known(urls, self._new(urls, number_of))

    def _new(self, urls: Iterable[str], number_of: Callable[[str], str]) -> dict[str, str]:
        """The numbers of those that may be new, by their URLs."""
        new = self._session.worker.mirror.new(urls, number_of)
        return {url: number for url, number in new.items() if not self._is_known(number)}

    def _without_known(self, urls: list[str], new: Container[str]) -> list[str]:
        left = [url for url in urls if url in new]
        if dropped := len(urls) - len(left):
            self._session.filtered("duplicate", dropped)
        return left

    def _is_default_start(self, request: Request) -> bool:
        """Whether Scrapy's own ``start()`` let it pass: every worker of a crawl would fetch it."""
        own = type(self._spider).start is Spider.start and not self._session.lifecycle.started
        return own and bool(request.meta.get("is_start_request"))

    def _decimal(self, request: Request) -> str:
        """63 bits of Scrapy's fingerprint, as a decimal number."""
        fingerprinter = self._crawler.request_fingerprinter
        if isinstance(fingerprinter, Fingerprinter):
            return fingerprinter.number(request)
        return number_of(fingerprinter.fingerprint(request))

    def _refuse(self, request: Request, parent: Attempt | None, error: serialization.TooLarge) -> None:
        """Make a dead letter of a request that is too large, or of the one whose place it was to take."""
        if parent is not None:
            parent.error = ("too_large", failure_reasons.describe(error))
            return
        fingerprint = self._fingerprint(request, None)
        if self._is_known(fingerprint):
            self._session.filtered("duplicate")
            return
        if not self._crawler.stats.get_value("frontier/too_large"):
            logger.warning("%s", error)
        self._crawler.stats.inc_value("frontier/too_large")
        if attempt := asking.get():
            attempt.asked = True
        self._pushing.add(fingerprint)
        self._session.refuse_request(request.url, fingerprint, error)

    def _keep(self, request: Request, parent: Attempt | None, error: serialization.Unstorable) -> bool:
        fingerprint = self._fingerprint(request, parent)
        if self._is_known(fingerprint):
            self._session.filtered("duplicate")
            return False
        if not self._crawler.stats.get_value("frontier/unstorable"):
            logger.warning("%s can't be written down and stays with this worker: %s", request, error)
        self._crawler.stats.inc_value("frontier/unstorable")
        self._kept.add(request, fingerprint, parent, parent or self._log.asking())
        return True


def _too_large(request: Request, size: int, maxsize: int) -> serialization.TooLarge:
    return serialization.TooLarge(
        f"<{request.method} {request.url[:200]}> takes {size:,} bytes, and FRONTIER_REQUEST_MAXSIZE is"
        f" {maxsize:,}: keep its body, headers, meta and cb_kwargs small"
    )
