"""What this worker is working on: every request taken from the frontier, until it has ended."""

import itertools
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4
from weakref import WeakKeyDictionary

from scrapy import Request
from scrapy.http import Response

from scraping_project.frontier.messages import Leased, Push
from scraping_project.politeness.clocks import SlotClock

#: How an attempt ended: status, reason, message. None: it leaves no log row.
Outcome = tuple[str, str | None, str | None]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True, eq=False)
class Attempt:
    """One try of one request. The identity stays the same over redirects, retries and crashes."""

    request: Request
    request_id: str
    number: int = 1  # 1 for the first try, one more for every retry
    started_at: datetime = field(default_factory=utc_now)
    sent_ms: float | None = None  # monotonic; None while it has not been sent
    latency_ms: int | None = None
    wire: Response | BaseException | None = None  # what the download itself gave
    result: Response | Request | BaseException | None = None  # what the middlewares made of it
    error: tuple[str, str] | None = None  # reason and message: of its callback, a pipeline, its heir
    remark: str | None = None  # what its row says though it ended well
    records: int = 0  # items stored
    alias: Request | None = None  # what a middleware's own Response names as its request
    site_url: str | None = None  # set once a Site for this answer has been stored
    leased: Leased | None = None  # None: it can't be written down, or its lease is with another worker
    successor: Push | None = None  # the redirect or retry that takes its place
    retry_in_ms: int = 0  # how long its retry waits
    given_back: bool = False  # its callback asked for the run to end
    asked: bool = False  # its callback asked for other requests
    origin: "Attempt | None" = None  # of one that can't be written down: whose lease waits for it
    unstorable: bool = False  # it never had a lease; see core/local_requests.py
    kept: int = 0  # requests that can't be written down and that its lease waits for
    clock: SlotClock | None = None  # of its slot, until it is back from the download

    @property
    def was_left(self) -> bool:
        """Whether it was not brought to an end: another run may do that."""
        return self.given_back or self.result is None

    @property
    def root(self) -> "Attempt":
        """Whose lease waits for this one in the end; one that nobody's callback asked for is its own."""
        attempt = self
        while attempt.origin is not None:
            attempt = attempt.origin
        return attempt

    def sending(self) -> None:
        self.sent_ms = time.monotonic() * 1000
        self.started_at = utc_now()

    def sent(self, wire: Response | BaseException) -> None:
        self.wire = wire
        if self.sent_ms is not None:
            self.latency_ms = round(time.monotonic() * 1000 - self.sent_ms)


#: Whose callback or errback is running: Scrapy parses each answer in a task of its own.
asking: ContextVar[Attempt | None] = ContextVar("asking", default=None)


class Attempts:
    """The attempts of this worker, and who takes over from whom.

    It holds what the scheduler has handed out, so its size is bounded by CONCURRENT_REQUESTS and the
    answers that wait for their callbacks; robots.txt and media downloads are not in it.
    """

    def __init__(self) -> None:
        self._current: dict[Request, Attempt] = {}
        # Weak, for a replacement may be dropped before it is scheduled: offsite, duplicate.
        self._heirs: WeakKeyDictionary[Request, Attempt] = WeakKeyDictionary()
        self._aliases: dict[Request, Attempt] = {}
        self._held: dict[Attempt, Outcome | None] = {}  # ended, but what they asked for is kept here
        self._serial = itertools.count(1)
        self._prefix = uuid4().hex[:12]

    def __iter__(self) -> Iterator[Attempt]:
        return iter(self._current.values())

    def __len__(self) -> int:
        return len(self._current)

    def begin(
        self,
        request: Request,
        request_id: str,
        number: int,
        *,
        leased: Leased | None = None,
        clock: SlotClock | None = None,
        origin: Attempt | None = None,
    ) -> None:
        self._current[request] = Attempt(
            request,
            request_id,
            number,
            leased=leased,
            clock=clock,
            origin=origin,
            unstorable=leased is None,
        )

    def of(self, request: Request | None) -> Attempt | None:
        if request is None:
            return None
        return self._current.get(request) or self._aliases.get(request)

    def also(self, request: Request, attempt: Attempt) -> None:
        """Know the attempt by another request too, until it ends."""
        if request is not attempt.request:
            attempt.alias = request
            self._aliases[request] = attempt

    def end(self, attempt: Attempt) -> None:
        del self._current[attempt.request]
        if attempt.alias is not None:
            self._aliases.pop(attempt.alias, None)  # two answers of a cache may name the same request

    def leases_that_end(
        self, attempt: Attempt, outcome: Outcome | None
    ) -> Iterator[tuple[Attempt, Outcome | None]]:
        """An ended attempt, unless its lease has to wait, and what has waited for this one."""
        if attempt.kept:
            self._held[attempt] = outcome
            return
        yield attempt, outcome
        origin = attempt.origin
        if origin is None:
            return
        origin.kept -= 1
        origin.given_back |= attempt.was_left
        if not origin.kept and origin in self._held:
            yield from self.leases_that_end(origin, self._held.pop(origin))

    def lose_held(self) -> None:
        """Others have the leases of those that have ended and wait."""
        for attempt in self._held:
            attempt.leased = None

    def replace(self, attempt: Attempt, replacement: Request) -> None:
        """Remember that a redirect's or retry's new request takes the place of another."""
        self._heirs[replacement] = attempt

    def parent(self, request: Request) -> Attempt | None:
        """The attempt whose place the request takes, if any.

        It is never read from ``meta``, which spiders copy from request to request.
        """
        return self._heirs.pop(request, None)

    def identify(self, request: Request, parent: Attempt | None) -> tuple[str, int]:
        """The id and attempt number of a request that stays local: inherited from its parent, else new."""
        if parent is None:
            return self.new_id(), 1
        return parent.request_id, parent.number + is_retry(parent.request, request)

    def new_id(self) -> str:
        return f"{self._prefix}{next(self._serial):x}"


def is_retry(request: Request, replacement: Request) -> bool:
    """Whether Scrapy's retry made ``replacement``: a redirect copies the count, a retry raises it."""
    tried: int = request.meta.get("retry_times", 0)
    return bool(replacement.meta.get("retry_times", 0) > tried)
