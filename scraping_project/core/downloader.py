"""How each request left the download, and when it may go onto the wire: only the downloader sees both."""

import asyncio
import math
from time import monotonic
from typing import TYPE_CHECKING

from scrapy import Request
from scrapy.core import downloader
from scrapy.http import Response
from scrapy.utils.asyncio import call_later
from scrapy.utils.defer import _schedule_coro, deferred_from_coro  # as Scrapy's downloader does
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from scraping_project.attempts.registry import asking
from scraping_project.frontier.messages import slot_name
from scraping_project.http import authorization, conditional
from scraping_project.http.failure_reasons import Filtered
from scraping_project.politeness.autothrottle import AutoThrottle
from scraping_project.politeness.clocks import NEVER, SlotClock
from scraping_project.politeness.registered_domain import registered_domain
from scraping_project.worker.session import session_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from scraping_project.attempts.registry import Attempt

_PRIVATE = ("_enqueue_request", "_process_queue", "_download", "_wait_for_download", "_latercall")
#: Turns of the event loop in which a request leaves: to connect and to write take one or two each. A busy
#: machine may take long for them, and the gap to the next request counts from the last.
TURNS = 6
_BLOCKED = ("guard", "the operator has blocked this slot")


class Downloader(downloader.Downloader):
    """Scrapy's downloader, which records what became of each attempt and obeys the slots' clocks.

    Whatever a slot sends, be it a page, a robots.txt, a file or what a redirect leads to, waits here for the
    slot's permit and its delay; Scrapy's own delay is not applied a second time. It overrides private names
    of Scrapy's downloader; ``__init__`` fails when they are gone.
    """

    def __init__(self, crawler: "Crawler") -> None:
        super().__init__(crawler)
        session = session_of(crawler)
        if missing := [name for name in _PRIVATE if not hasattr(downloader.Downloader, name)]:
            raise RuntimeError(f"this Scrapy's Downloader has no {missing[0]}: use the pinned version")
        self._attempts = session.log.attempts
        self._clocks = session.clocks
        self._clocks.watchers.append(self._look_again)
        self._commit_soon = session.commit_soon
        self._by_domain = session.policy.by_domain
        self._throttle = AutoThrottle(
            session.policy.throttling, session.redis_time, session.membership.holds.tell
        )
        self._most_on_wire = self.total_concurrency or math.inf
        self._on_wire = 0
        self._crowded: dict[downloader.Slot, None] = {}  # may send, once an answer makes room; in turn

    def needs_backout(self) -> bool:
        """Whether enough is under way; what waits for its slot would hold up others, so it does not count."""
        if not super().needs_backout():
            return False
        return (
            len(self.active) - sum(len(slot.queue) for slot in self.slots.values()) >= self.total_concurrency
        )

    def get_slot_key(self, request: Request) -> str:
        key = super().get_slot_key(request)
        if self._by_domain and self.DOWNLOAD_SLOT not in request.meta:
            key = registered_domain(key)
        return slot_name(key)

    def fetch(self, request: Request) -> Deferred[Response | Request]:  # type: ignore[override]
        attempt = self._attempts.of(request)
        if attempt is None:  # a file's or an image's, say, which the scheduler never saw
            request = authorization.from_url(request)
        if attempt and (why := _refusal(attempt)):
            fetched: Deferred[Response | Request] = deferred_from_coro(_refuse(why))
        else:
            fetched = super().fetch(request)
        return fetched.addBoth(self._record, attempt) if attempt else fetched

    def _record(
        self, result: Response | Request | Failure, attempt: "Attempt"
    ) -> Response | Request | Failure:
        self._clocks.came_back(attempt)
        attempt.result = result.value if isinstance(result, Failure) else result
        if isinstance(result, Failure):
            asking.set(attempt)  # the errback runs without the spider middlewares, which would say it
        elif isinstance(result, Request):
            self._attempts.replace(attempt, result)
            if result.url != attempt.request.url:
                conditional.drop(result)
        elif isinstance(result, Response) and result.request is not None:
            self._attempts.also(result.request, attempt)
        return result

    async def _enqueue_request(self, request: Request) -> Response:
        attempt = self._attempts.of(request)
        chosen = self.DOWNLOAD_SLOT in request.meta
        clock = self._clocks.of(self.get_slot_key(request))
        clock.queued += 1
        try:
            response = await super()._enqueue_request(request)
        except Exception as error:
            if attempt:
                attempt.sent(error)
            raise
        finally:
            if not chosen:  # Scrapy wrote it: a redirect would take it along to another host
                request.meta.pop(self.DOWNLOAD_SLOT, None)
        if attempt:
            attempt.sent(response)
        return response

    def _process_queue(self, slot: downloader.Slot) -> None:
        """Send what may be sent now, and come back when the next may."""
        if not slot.queue or slot.latercall:
            return
        clock = self._clocks.of(slot.queue[0][0].meta[self.DOWNLOAD_SLOT])
        if clock.blocked:
            self._refuse_queued(slot, clock)
        self._throttle.begin(clock)
        while slot.queue and (at := clock.may_send(now := monotonic())) <= now:
            if self._on_wire >= self._most_on_wire:  # many slots may come due at once
                self._crowded[slot] = None
                return
            self._send(slot, clock, now)
        if not slot.queue:
            return
        if at < NEVER:
            slot.latercall = call_later(at - now, self._latercall, slot)
        elif clock.on_wire < max(clock.permits, 1) and not clock.leaving:
            self._commit_soon()  # it waits for a permit

    def _refuse_queued(self, slot: downloader.Slot, clock: SlotClock) -> None:
        while slot.queue:
            clock.queued -= 1
            slot.queue.popleft()[1].errback(Filtered(*_BLOCKED))

    def _send(self, slot: downloader.Slot, clock: SlotClock, now: float) -> None:
        request, queued = slot.queue.popleft()
        slot.lastseen, slot.delay, slot.concurrency = now, clock.delay, clock.permits
        self._clocks.send(clock, now)
        self._on_wire += 1
        _schedule_coro(self._wait_for_download(slot, request, queued))

    async def _download(self, slot: downloader.Slot, request: Request) -> Response:
        clock = self._clocks.of(request.meta[self.DOWNLOAD_SLOT])
        clock.begin(monotonic())
        if clock.delay:
            clock.leaving += 1
            self._leave(clock, TURNS)
        if attempt := self._attempts.of(request):
            attempt.sending()
        try:
            response = await super()._download(slot, request)
        except Exception:
            self._throttle.failed(clock)
            raise
        else:
            self._throttle.answered(clock, request, response)
            return response
        finally:
            clock.on_wire -= 1
            self._on_wire -= 1
            self._make_use_of_room()
            self._process_queue(slot)  # when Scrapy did it, this one was still on the wire

    def _leave(self, clock: SlotClock, turns: int) -> None:
        """Follow a request till it has left the process, and count the gap to the next from then."""
        if turns:
            asyncio.get_running_loop().call_soon(self._leave, clock, turns - 1)
            return
        clock.leaving -= 1
        clock.begin(monotonic())
        self._look_again(clock)

    def _make_use_of_room(self) -> None:
        while self._crowded and self._on_wire < self._most_on_wire:
            slot = next(iter(self._crowded))
            del self._crowded[slot]
            self._process_queue(slot)

    def _look_again(self, clock: SlotClock) -> None:
        if slot := self.slots.get(clock.name):
            slot.close()  # what it waits for may come sooner now
            self._process_queue(slot)


def _refusal(attempt: "Attempt") -> Filtered | None:
    """Why an attempt is not sent at all, if it is not."""
    if attempt.leased and attempt.leased.too_many:
        return Filtered("budget", "FRONTIER_SLOT_PAGES requests of this slot were handed out")
    return Filtered(*_BLOCKED) if attempt.clock and attempt.clock.blocked else None


async def _refuse(why: Filtered) -> Response:
    raise why
