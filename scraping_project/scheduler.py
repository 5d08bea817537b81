"""Scrapy's request scheduler over local buffers: no network."""

import logging
import math
from collections import Counter, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from scrapy import Request, Spider
from scrapy.utils.defer import deferred_f_from_coro_f

from scraping_project import engine, payloads
from scraping_project.attempts import Attempt, is_retry
from scraping_project.checkpoint import Checkpoint
from scraping_project.extensions.attempts import AttemptLog
from scraping_project.fingerprints import Fingerprinter, number_of
from scraping_project.frontier.steps import Heard, Leased, Push, Step, blob

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

#: Seconds of work that a worker leases ahead.
AHEAD = 2.0


class Scheduler:
    """Hands out what the checkpoint has leased, and gathers what the next one will push.

    A request that can't be written down stays in this process, is counted, and is lost with it.
    """

    def __init__(self, crawler: "Crawler", checkpoint: Checkpoint, log: AttemptLog) -> None:
        self._crawler = crawler
        self._checkpoint = checkpoint
        self._log = log
        self._armed: deque[Leased] = deque()  # may be begun now
        self._buffered: deque[Leased] = deque()  # may be begun after the next checkpoint
        self._kept: deque[tuple[Request, str, int]] = deque()  # can't be written down
        self._seen_here: set[str] = set()  # fingerprints of all that were ever kept
        self._pushing: set[str] = set()  # fingerprints said, not yet heard of
        self._concurrency = crawler.settings.getint("CONCURRENT_REQUESTS")

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        checkpoint, log = crawler.get_extension(Checkpoint), crawler.get_extension(AttemptLog)
        if checkpoint is None or log is None:
            raise RuntimeError("scraping_project.scheduler.Scheduler needs the project's EXTENSIONS")
        return cls(crawler, checkpoint, log)

    def open(self, spider: Spider) -> None:
        self._spider = spider

    @deferred_f_from_coro_f
    async def close(self, reason: str) -> None:
        if self._kept:
            logger.warning("%d requests could not be written down and are lost", len(self._kept))
            self._crawler.stats.set_value("frontier/lost", len(self._kept))
        await self._checkpoint.close(reason)

    def has_pending_requests(self) -> bool:
        return bool(self._armed or self._buffered or self._kept)

    def enqueue_request(self, request: Request) -> bool:
        parent = self._log.attempts.parent(request)
        try:
            push = self._push(request, parent)
        except payloads.Unstorable as error:
            return self._keep(request, parent, error)
        if parent is not None:
            parent.successor = push
            return True
        if self._is_known(push.fingerprint):
            self._checkpoint.filtered("duplicate")
            return False
        self._pushing.add(push.fingerprint)
        self._checkpoint.push(push)
        return True

    def next_request(self) -> Request | None:
        if self._checkpoint.budget <= len(self._log.attempts):
            return None
        if len(self._armed) + len(self._buffered) < self._concurrency:
            self._checkpoint.hurry()
        if self._kept:
            request, request_id, number = self._kept.popleft()
            self._log.attempts.begin(request, request_id, number)
            return request
        while self._armed and self._checkpoint.may_begin():
            leased = self._armed.popleft()
            try:
                request = payloads.decode(leased.payload, self._spider)
            except payloads.Undecodable as error:
                self._checkpoint.undecodable(leased, error)
                continue
            self._log.attempts.begin(request, str(leased.id), leased.attempt, leased)
            return request
        return None

    def wishes(self, rate: float, interval: float) -> dict[str, object]:
        """What the next step asks for, by the names of its fields.

        Args:
            rate: Requests that ended, a second, of late.
            interval: Seconds between two checkpoints.
        """
        held = Counter(leased.slot for leased in (*self._armed, *self._buffered))
        held.update(attempt.leased.slot for attempt in self._log.attempts if attempt.leased)
        caps = {slot: self._cap(slot) for slot in held}
        target = min(max(2 * self._concurrency, math.ceil(rate * AHEAD)), 2000)
        to_arm = max(2 * self._concurrency, math.ceil(rate * interval * 4)) - len(self._armed)
        arm = [leased.id for leased in list(self._buffered)[: max(to_arm, 0)]]
        if engine.is_closing(self._crawler):
            return {}
        open_budget = max(self._checkpoint.budget - len(self._log.attempts) - sum(held.values()), 0)
        want = int(min(max(target - len(self._armed) - len(self._buffered), 0), open_budget))
        return {
            "want": want,
            "turn": min(self._cap(None), max(16, want // 4)),  # not all from one slot, when there are many
            "skip": [slot for slot, count in held.items() if count >= caps[slot]],
            "arm": arm,
            "arm_new": max(to_arm - len(arm), 0),
        }

    def receive(self, heard: Heard, step: Step) -> None:
        """Take what a checkpoint brought."""
        self._pushing.difference_update(push.fingerprint for push in step.push)
        ready = set(step.arm)
        while self._buffered and self._buffered[0].id in ready:
            self._armed.append(self._buffered.popleft())
        self._armed.extend(heard.leased[: step.arm_new])
        self._buffered.extend(heard.leased[step.arm_new :])

    def drop(self) -> None:
        """Forget what is leased: it is with others."""
        self._armed.clear()
        self._buffered.clear()
        self._pushing.clear()

    @property
    def idle(self) -> bool:
        return not self.has_pending_requests() and not len(self._log.attempts)

    def _push(self, request: Request, parent: Attempt | None) -> Push:
        slot = self._crawler.engine.downloader.get_slot_key(request)
        payload = blob(payloads.encode(request, self._spider))
        return Push(self._fingerprint(request, parent), slot, request.priority, payload)

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
        here = fingerprint in self._pushing or fingerprint in self._seen_here
        return bool(fingerprint) and (here or self._checkpoint.knows(fingerprint))

    def unseen(self, urls: list[str], number_of: Callable[[str], str]) -> list[str]:
        """Those that may be new, by their numbers; the others are counted as duplicates."""
        pushing, here, known = self._pushing, self._seen_here, self._checkpoint.worker.known
        left = [
            url
            for url in urls
            if (number := number_of(url)) not in known and number not in pushing and number not in here
        ]
        if dropped := len(urls) - len(left):
            self._checkpoint.filtered("duplicate", dropped)
        return left

    def _is_default_start(self, request: Request) -> bool:
        """Whether Scrapy's own ``start()`` let it pass: every worker of a crawl would fetch it."""
        own = type(self._spider).start is Spider.start and not self._checkpoint.started
        return own and bool(request.meta.get("is_start_request"))

    def _decimal(self, request: Request) -> str:
        """63 bits of Scrapy's fingerprint, as a decimal number."""
        fingerprinter = self._crawler.request_fingerprinter
        if isinstance(fingerprinter, Fingerprinter):
            return fingerprinter.number(request)
        return number_of(fingerprinter.fingerprint(request))

    def _cap(self, slot: str | None) -> int:
        """How many requests of a slot to hold at most: a few seconds of work."""
        own = self._crawler.engine.downloader.per_slot_settings.get(slot, {}) if slot else {}
        delay = own.get("delay", self._crawler.settings.getfloat("DOWNLOAD_DELAY"))
        return max(2, math.ceil(AHEAD / delay)) if delay else 2000

    def _keep(self, request: Request, parent: Attempt | None, error: payloads.Unstorable) -> bool:
        fingerprint = self._fingerprint(request, parent)
        if self._is_known(fingerprint):
            self._checkpoint.filtered("duplicate")
            return False
        self._seen_here.add(fingerprint)
        if not self._crawler.stats.get_value("frontier/unstorable"):
            logger.warning("%s can't be written down and stays with this worker: %s", request, error)
        self._crawler.stats.inc_value("frontier/unstorable")
        self._kept.append((request, *self._log.attempts.identify(request, parent)))
        return True
