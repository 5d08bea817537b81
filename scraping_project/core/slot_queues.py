"""What is leased and not yet begun, slot by slot; which comes next, and what more to ask for."""

import heapq
import itertools
import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from scraping_project.frontier.messages import Ask, Leased
from scraping_project.politeness.clocks import NEVER, RENEW_WITHIN, SlotClock, SlotClocks

#: Seconds of work that a worker leases ahead.
AHEAD = 2.0
#: What may be sent within this, seconds, counts as work at hand.
SOON = 0.5
#: Requests that a worker holds at the most, and leases at once of a slot that it begins with.
MOST, TURN = 2000, 16


@dataclass(slots=True, eq=False)
class SlotQueue:
    """One slot's requests: the armed may be begun now, the buffered after the next checkpoint."""

    clock: SlotClock
    armed: deque[Leased] = field(default_factory=deque)
    buffered: deque[Leased] = field(default_factory=deque)
    turn_at: float = NEVER  # when the heap has it
    spent: bool = False  # what comes now is only ended, and there may be much of it
    fruitless: bool = False  # the last ask for more brought none

    def __len__(self) -> int:
        return len(self.armed) + len(self.buffered)

    def at_hand(self, now: float) -> int:
        """How many may be sent soon."""
        clock = self.clock
        if clock.blocked:
            return len(self)
        if not clock.delay:
            return min(len(self), 2 * clock.permits)
        left = SOON - max(clock.next_send - now, 0.0)
        return min(len(self), 1 + int(left / clock.delay)) if left >= 0 else 0


class SlotQueues:
    """Hands out the slots' requests in turn, none before its slot's clock allows."""

    def __init__(self, clocks: SlotClocks, concurrency: int) -> None:
        self._clocks = clocks
        self._concurrency = concurrency
        self._queues: dict[str, SlotQueue] = {}
        self._heap: list[tuple[float, int, SlotQueue]] = []  # when each may be next, and its turn
        self._turns = itertools.count()
        self._too_many: deque[Leased] = deque()  # not to be sent, so they wait for no clock
        self._first = -1  # which slot asks first
        clocks.watchers.append(self._look_again)

    def __len__(self) -> int:
        return sum(map(len, self._queues.values())) + len(self._too_many)

    def __bool__(self) -> bool:
        return bool(self._too_many) or any(map(len, self._queues.values()))

    def next(self, now: float) -> Leased | None:
        """The next request that may be begun, if any."""
        if self._too_many:
            return self._too_many.popleft()
        while self._heap and self._heap[0][0] <= now:
            at, _, queue = heapq.heappop(self._heap)
            if at != queue.turn_at:
                continue  # it was put forward
            queue.turn_at = NEVER
            if not queue.armed:
                continue
            if queue.clock.may_hand_out(now) <= now:
                leased = queue.armed.popleft()
                queue.clock.hand_out(now)
                self._enter(queue, now)
                return leased
            self._enter(queue, now)
        return None

    @property
    def next_at(self) -> float:
        """When there may be something to hand out, monotonic; NEVER while that depends on something else."""
        return self._heap[0][0] if self._heap else NEVER

    @property
    def runs_low(self) -> bool:
        """Whether a slot that could give more is about to have nothing left here."""
        return any(
            not queue.clock.delay and len(queue) < queue.clock.permits and not queue.fruitless
            for queue in self._queues.values()
        )

    def add(self, requests: Iterable[Leased], armed: Iterable[int]) -> None:
        """Take what was leased, and the ids of those that may be begun from now on."""
        may_begin = set(armed)
        for queue in self._queues.values():
            while queue.buffered and queue.buffered[0].id in may_begin:
                queue.armed.append(queue.buffered.popleft())
        for leased in requests:
            queue = self._of(leased.slot)
            queue.spent = queue.spent or leased.too_many
            if leased.too_many:
                self._too_many.append(leased)
                continue
            (queue.armed if leased.armed and not queue.buffered else queue.buffered).append(leased)
            queue.fruitless = False
        for queue in self._queues.values():
            self._look_again(queue.clock)

    def clear(self) -> None:
        for queue in self._queues.values():
            queue.armed.clear()
            queue.buffered.clear()
        self._too_many.clear()

    def give_up(self, *, everything: bool = False) -> Iterator[Leased]:
        """Let go of what can't be begun here any more, a slot's in the order in which it was leased."""
        if everything:
            yield from self._too_many
            self._too_many.clear()
        for queue in self._queues.values():
            if everything or queue.clock.giving_back:
                yield from (*queue.armed, *queue.buffered)
                queue.armed.clear()
                queue.buffered.clear()

    def to_arm(self, interval: float, rate: float) -> list[int]:
        """The ids to be armed with the next checkpoint, so that nobody waits until the one after."""
        return [
            leased.id
            for queue in self._queues.values()
            for leased in itertools.islice(queue.buffered, self._arm(queue, interval, rate))
        ]

    def asks(self, now: float, interval: float, rate: float, room: int) -> list[Ask]:
        """The asks of the slots that need one.

        Args:
            now: Monotonic.
            interval: Seconds between two checkpoints.
            rate: Requests that ended, a second, of late.
            room: How many more requests this worker may hold.
        """
        asks = []
        for clock in self._in_turn():
            queue = self._of(clock.name)
            if clock.is_too_far(now):
                clock.giving_back = True
            if clock.giving_back or (queue.fruitless and not len(queue) and not clock.busy):
                ask = self._giving_back(queue, now)
            else:
                ask = self._more(queue, now, interval, rate, room)
                room -= ask.want if ask else 0
            if ask:
                asks.append(ask)
        return asks

    def _in_turn(self) -> list[SlotClock]:
        """The slots, another first each time: there may not be room for what all of them ask for."""
        clocks = list(self._clocks)
        self._first = (self._first + 1) % max(len(clocks), 1)
        return clocks[self._first :] + clocks[: self._first]

    def last_asks(self, now: float, interval: float, rate: float) -> list[Ask]:
        """As ``asks``, of a worker that begins nothing more: for what is in the downloader alone."""
        for clock in self._clocks:
            clock.giving_back |= not clock.busy
        return self.asks(now, interval, rate, room=0)

    def farewells(self, now: float) -> list[Ask]:
        """Give all permits back."""
        return [clock.ask(now, want=0, arm=0, need=0) for clock in self._clocks]

    def at_hand(self, now: float) -> int:
        """How many may be sent soon."""
        return sum(queue.at_hand(now) for queue in self._queues.values())

    def note_fruitless(self, asks: Iterable[Ask], leased: Iterable[Leased]) -> None:
        """Remember which asks brought nothing."""
        brought = {request.slot for request in leased}
        for ask in asks:
            if ask.want and ask.slot in self._queues:
                self._queues[ask.slot].fruitless = ask.slot not in brought

    def _giving_back(self, queue: SlotQueue, now: float) -> Ask | None:
        clock = queue.clock
        if len(queue):
            return None  # they are released first
        if clock.on_wire:
            renew = clock.until - now < RENEW_WITHIN or clock.ask_now
            return clock.ask(now, want=0, arm=0, need=clock.on_wire) if renew else None
        if clock.busy and clock.until <= now:
            return self._asking_again(clock, now)
        if not clock.busy:
            self._clocks.remove(clock)
            del self._queues[clock.name]
        return clock.give_back(now)

    def _asking_again(self, clock: SlotClock, now: float) -> Ask | None:
        """Of a slot that was given back while something waits in the downloader, or is on its way there."""
        if not clock.ask_now and (not clock.queued or clock.is_too_far(now)):
            return None
        ask = clock.ask(now, want=0, arm=0, need=1)
        clock.giving_back = False
        return ask

    def _more(self, queue: SlotQueue, now: float, interval: float, rate: float, room: int) -> Ask | None:
        clock = queue.clock
        quota = MOST // 4 if queue.spent else self._quota(clock, rate)
        want = min(quota - len(queue), room) if 2 * len(queue) <= quota else 0
        if not (want > 0 or clock.ask_now or clock.until - now < RENEW_WITHIN):
            return None
        demand = len(queue) + clock.handed + clock.queued + max(want, 0)
        need = clock.cap if clock.delay else min(clock.cap, max(demand, 1))
        return clock.ask(now, want=max(want, 0), arm=self._arm(queue, interval, rate), need=need)

    def _quota(self, clock: SlotClock, rate: float) -> int:
        """How many requests of a slot to hold: what may be sent in the next seconds."""
        if clock.delay and not clock.blocked:
            return 1 + int(AHEAD / clock.delay)
        shared = max(sum(not each.delay for each in self._clocks), 1)
        soon = 2 * min(self._concurrency // shared, clock.permits)
        return min(max(math.ceil(rate * AHEAD / shared), soon, TURN), MOST)

    def _arm(self, queue: SlotQueue, interval: float, rate: float) -> int:
        delay = 0.0 if queue.clock.blocked else queue.clock.delay
        soon = 4 * interval
        most = 1 + math.ceil(soon / delay) if delay else max(2 * self._concurrency, math.ceil(rate * soon))
        return max(most - len(queue.armed), 0)

    def _of(self, name: str) -> SlotQueue:
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = SlotQueue(self._clocks.of(name))
        return queue

    def _look_again(self, clock: SlotClock) -> None:
        queue = self._queues.get(clock.name)
        if queue is not None:
            self._enter(queue, 0.0)

    def _enter(self, queue: SlotQueue, now: float) -> None:
        """Queue the slot for its next turn, if its clock says when that is."""
        at = max(queue.clock.may_hand_out(now), now)
        if queue.armed and at < queue.turn_at:
            heapq.heappush(self._heap, (at, next(self._turns), queue))
            queue.turn_at = at
