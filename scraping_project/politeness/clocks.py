"""What this worker may do in each slot now: its permits, and the one clock that keeps the gaps.

The frontier gives permits for a few seconds at a time (frontier/lua/parts/permit.lua), asked for again
at the checkpoints. In between this alone decides when a request may be sent: the scheduler asks
it before it hands one out, the downloader before it lets one onto the wire, be it a page, a robots.txt or a
file. All times are monotonic seconds; a permit counts from when it was asked for, a wait from when it was
heard of, so that an error of either is on the safe side.
"""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from scraping_project.frontier.messages import BLOCKED, GRANTED, Ask, Grant, Reply
from scraping_project.politeness.policy import Policy

#: Permits are asked for again when they last for less than this, seconds.
RENEW_WITHIN = 3.0
#: A slot that may not be asked again for longer than this is given back, seconds.
TOO_FAR = 5.0
NEVER = math.inf


@dataclass(slots=True, eq=False)
class SlotClock:
    """One slot, as far as this worker has to do with it."""

    name: str
    own_delay: float  # s, by this worker's settings
    cap: int  # in flight, of all workers
    jitter: float  # of the delay, which it only lengthens: 0.5 is up to half as much again
    delay: float = 0.0  # s, in force
    permits: int = 0
    until: float = 0.0  # the permits are worth nothing after
    next_send: float = 0.0
    sent_at: float | None = None
    handed: int = 0  # by the scheduler to the engine, and not yet back from the download
    on_wire: int = 0
    queued: int = 0  # in the downloader, not yet on the wire
    leaving: int = 0  # on their way to the wire: when they were sent will be known in a moment
    crawl_delay: float | None = None  # s, what robots.txt asks for; None: it is not known yet
    adaptive: float | None = None  # s, what the site's latency asks for; None: not known
    after: float = 0.0  # Retry-After runs till then
    blocked: bool = False  # by the operator: nothing is sent at all
    giving_back: bool = False  # finishes what is in flight, and begins nothing
    ask_now: bool = True
    _pages_from: float = 0.0
    _stretch: float = 1.0  # of the delay after the last request, by chance

    def may_hand_out(self, now: float) -> float:
        """When the scheduler may hand out the next request; NEVER while that depends on something else."""
        if self.blocked:
            return now
        if self.handed >= self.permits or now >= self.until or self.giving_back:
            return NEVER
        return max(self.next_send, self._pages_from)

    def may_send(self, now: float) -> float:
        """When the next request may go onto the wire; NEVER while that depends on something else."""
        if self.on_wire >= self.permits or now >= self.until or self.giving_back or self.leaving:
            return NEVER
        return self.next_send

    def hand_out(self, now: float) -> None:
        self.handed += 1
        self._pages_from = now + self.delay

    def take_back(self) -> None:
        """What was handed out was not sent, being in a cache or forbidden: the next need not wait for it."""
        self.handed -= 1
        self._pages_from = 0.0

    def send(self, now: float) -> None:
        self.on_wire += 1
        self.queued -= 1
        self._stretch = 1 + self.jitter * random.random()  # noqa: S311  a delay, no secret
        self.begin(now)

    def begin(self, now: float) -> None:
        """The request leaves now: a little later than it was sent on its way, on a busy machine.

        What the site has asked for in between still holds.
        """
        self.sent_at = now
        self.next_send = max(self.next_send, now + self.delay * self._stretch)

    def hold_until(self, moment: float) -> None:
        """Send nothing before: the site asks for it."""
        self.after = max(self.after, moment)
        self.next_send = max(self.next_send, moment)
        self.ask_now = True

    def learn_robots(self, crawl_delay: float) -> None:
        """Take note of what robots.txt asks for, 0 for nothing; what is too fast for it stops at once."""
        if self.crawl_delay is not None and crawl_delay <= self.crawl_delay:
            return
        self.crawl_delay = crawl_delay
        self.ask_now = True
        self._slow_down(crawl_delay)

    def adapt(self, delay: float) -> None:
        """Follow what the site can bear; 0 when that is no concern any more."""
        faster = self.adaptive is not None and delay < self.adaptive == self.delay
        self.adaptive = delay
        if faster:
            self.delay = max(delay, self.own_delay, self.crawl_delay or 0.0)
        self._slow_down(delay)
        self.ask_now = True

    def _slow_down(self, delay: float) -> None:
        if delay <= self.delay:
            return
        if not self.delay:
            self.until = 0.0  # others may have permits, too: from now on there is one holder
        self.delay = delay
        if self.sent_at is not None:
            self.next_send = max(self.next_send, self.sent_at + delay)

    @property
    def in_flight(self) -> int:
        """How many the site has, or may have by the time the frontier answers."""
        return self.on_wire if self.giving_back else max(self.handed, self.on_wire)

    @property
    def busy(self) -> bool:
        return bool(self.handed or self.on_wire or self.queued)

    def ask(self, now: float, *, want: int, arm: int, need: int) -> Ask:
        """The slot's part of the next step; ``need`` 0 gives the permits back."""
        self.ask_now = False
        return Ask(
            slot=self.name,
            want=want,
            arm=arm,
            need=need,
            in_flight=self.in_flight,
            waits=self.queued > 0,
            sent_ms=-1 if self.sent_at is None else math.floor((now - self.sent_at) * 1000),
            delay_ms=math.ceil(self.own_delay * 1000),
            cap=self.cap,
            crawl_delay_ms=-1 if self.crawl_delay is None else math.ceil(self.crawl_delay * 1000),
            after_ms=max(math.ceil((self.after - now) * 1000), 0),
            adaptive_ms=-1 if self.adaptive is None else math.ceil(self.adaptive * 1000),
        )

    def give_back(self, now: float) -> Ask:
        """Say what is known of the slot and let others have it; what they learn counts from then on."""
        ask = self.ask(now, want=0, arm=0, need=0)
        self.permits, self.until, self.adaptive = 0, 0.0, None
        return ask

    def take(self, grant: Grant, asked_at: float, replied_at: float) -> None:
        """Take what the frontier answered."""
        self.blocked = grant.outcome == BLOCKED
        self.until = asked_at + grant.lasts_ms / 1000
        self.giving_back = grant.outcome != GRANTED and not self.blocked
        if self.giving_back:
            self.permits = 0
            return
        self.permits = grant.permits
        if self.adaptive is None and grant.adaptive_ms:
            self.adaptive = grant.adaptive_ms / 1000
        self.ask_now |= self.in_flight > self.permits  # others wait for what ends
        before = self.delay
        self.delay = max(grant.delay_ms / 1000, self.crawl_delay or 0.0, self.adaptive or 0.0)
        if self.delay < before and self.sent_at is not None:
            self.next_send = max(self.sent_at + self.delay, self.after)
            self._pages_from = min(self._pages_from, self.next_send)
        if grant.wait_ms:
            self.next_send = max(self.next_send, replied_at + grant.wait_ms / 1000)
        if self.sent_at is not None:
            self.next_send = max(self.next_send, self.sent_at + self.delay)

    def is_too_far(self, now: float) -> bool:
        """Whether others had better take their turn: there is nothing to do here for long."""
        return not self.blocked and self.next_send - now > TOO_FAR


class HandedOut(Protocol):
    """What an attempt is to its slot."""

    clock: SlotClock | None
    sent_ms: float | None  # None: it never was


class SlotClocks:
    """The clocks of all slots that this worker has to do with.

    It forgets a slot when its permits are given back; what is worth keeping the frontier keeps.
    """

    def __init__(self, policy: Policy) -> None:
        self.delay = policy.manners.delay_s
        self.cap = policy.manners.cap
        self.robots = policy.obeys_robots
        self._policy = policy
        self._clocks: dict[str, SlotClock] = {}
        self.sent = 0  # requests, by this worker, whatever their slot
        self.watchers: list[Callable[[SlotClock], None]] = []  # called when a clock may have changed its mind

    def __iter__(self) -> Iterator[SlotClock]:
        return iter(self._clocks.values())

    def of(self, name: str) -> SlotClock:
        """The clock of a slot, a new one for one that was not in use."""
        clock = self._clocks.get(name)
        if clock is None:
            clock = self._clocks[name] = self._new(name)
        return clock

    def own(self) -> dict[str, tuple[int, int]]:
        """The slots with settings of their own: delay (ms) and permits of all workers."""
        clocks = map(self._new, self._policy.own)
        return {clock.name: (math.ceil(clock.own_delay * 1000), clock.cap) for clock in clocks}

    def _new(self, name: str) -> SlotClock:
        own = self._policy.own.get(name, self._policy.manners)
        return SlotClock(name=name, own_delay=own.delay_s, cap=own.cap, jitter=own.jitter)

    def send(self, clock: SlotClock, now: float) -> None:
        self.sent += 1
        clock.send(now)

    def remove(self, clock: SlotClock) -> None:
        del self._clocks[clock.name]

    def take_in(self, reply: Reply, asked_at: float, replied_at: float) -> None:
        """Take the news and grants of a reply."""
        for name in reply.news:
            if clock := self._clocks.get(name):
                clock.ask_now = True
                if not clock.delay:
                    clock.until = 0.0
        for grant in reply.grants:
            clock = self.of(grant.slot)
            clock.take(grant, asked_at, replied_at)
            self.changed(clock)

    def came_back(self, attempt: HandedOut) -> None:
        """The attempt is back from the download, or never got there; asked more than once."""
        if (clock := attempt.clock) is not None:
            attempt.clock = None
            if attempt.sent_ms is None:
                clock.take_back()
            else:
                clock.handed -= 1
            self.changed(clock)

    def changed(self, clock: SlotClock) -> None:
        for watch in self.watchers:
            watch(clock)

    def lose_all(self) -> None:
        """This worker was reaped, or its crawl is over: its permits are worth nothing."""
        for clock in self:
            clock.until = 0.0
            clock.ask_now = True
