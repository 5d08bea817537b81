"""How a frontier stands at one moment, for people to read: one script that writes nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import redis

from scraping_project.frontier.foreign import read_of
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.replies import counters
from scraping_project.frontier.script_runner import ScriptRunner
from scraping_project.frontier.slot_order import read_order
from scraping_project.frontier.slot_wait import Because, SlotFields, wait_of

#: Slots, workers and orders at the most; groups of dead letters; slots and queues that are measured.
MOST, GROUPS, LOOKED_AT, LISTS = 200, 500, 600, 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerView:
    """A worker that has joined and was not taken off the books."""

    token: str
    host: str
    pid: int
    run_id: str | None  # None: an older version has joined
    leased: int
    joined_ms: int  # by Redis's clock
    deadline_ms: int  # the same; 0 of one that is being reaped, or leaves
    beat_ms: int | None  # since it was heard of; None: not known
    alive: bool  # before its deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotView:
    """A slot's queue and clock."""

    slot: str
    queued: int
    next_ms: int | None  # until its next request may be sent, 0: now; None: nobody knows
    because: Because
    because_ms: int  # what of that the clock knows: a delay, or what is left of a Retry-After
    delay_ms: int  # in force
    permits_in_use: int
    permits_max: int | None  # None: not known
    order: Mapping[str, Any] | None
    holders: Mapping[str, int]  # the permits of each worker, by its token


@dataclass(frozen=True, slots=True)
class DeadGroup:
    """Dead letters of one reason and one slot."""

    reason: str
    slot: str
    letters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontierView:
    """One moment, by Redis's clock."""

    name: str
    crawl_id: str | None  # None: there is no crawl
    rules: str
    seeds_text: str
    epoch: int
    as_of_ms: int
    paused: bool
    finished: bool
    ledger: Mapping[str, int]  # all counters of the crawl but ``filtered``
    filtered: Mapping[str, int]  # by reason
    seeds_waiting: int
    workers: tuple[WorkerView, ...]  # the last heard of first, MOST of them
    workers_total: int
    slots: tuple[SlotView, ...]
    slots_total: int
    slots_looked_at: int  # among which ``slots`` were chosen
    slots_waiting_at_limit: int  # whose next turn is still to come
    orders: Mapping[str, Mapping[str, Any]]  # MOST of them
    orders_total: int
    dead_groups: tuple[DeadGroup, ...]  # the largest first, GROUPS of them
    groups_total: int
    dead_counted: bool  # False: an older version has begun the crawl, see Frontier.count_letters


def view(
    server: redis.Redis,
    keys: Keys,
    *,
    by: Literal["queued", "wait"] = "queued",
    slot: str | None = None,
    limit: int = MOST,
) -> FrontierView:
    """Look at a frontier; one that was never used is empty.

    Args:
        server: Where it is.
        keys: Its own.
        by: The slots with most requests, or those whose next turn is farthest off.
        slot: This one alone.
        limit: Slots at the most.

    Raises:
        FrontierError: Redis does not answer, or somebody else has written where the ledger lies.
    """
    arguments = {"by": by, "slot": slot is not None and slot, "limit": max(min(limit, MOST), 1)}
    bounds = {"groups": GROUPS, "looked_at": LOOKED_AT, "lists": LISTS}
    with read_of(server, keys):
        answer = ScriptRunner(server, keys).call("view", **arguments, **bounds)
    return _view(keys.name, msgspec.json.decode(answer.decode(errors="replace")))


def _view(name: str, answer: Sequence[Any]) -> FrontierView:
    now, crawl, finished, seeds, workers, slots, orders, groups = answer
    fields = dict(_pairs(crawl))
    numbers = counters({key.encode(): value.encode() for key, value in fields.items()})
    filtered = {key.removeprefix("filtered:"): n for key, n in numbers.items() if key.startswith("filtered:")}
    ledger = {key: number for key, number in numbers.items() if not key.startswith("filtered:")}
    workers_total, *each_worker = workers
    slots_total, waiting, looked_at, *each_slot = slots
    clocks = [_slot(each, now, numbers) for each in each_slot]
    return FrontierView(
        name=name,
        crawl_id=fields.get("id"),
        rules=fields.get("rules", ""),
        seeds_text=fields.get("seeds", ""),
        epoch=numbers.get("epoch", 0),
        as_of_ms=now,
        paused=bool(numbers.get("paused")),
        finished="id" in fields and finished,
        ledger=ledger,
        filtered=filtered,
        seeds_waiting=seeds,
        workers=tuple(_worker(each, now) for each in each_worker),
        workers_total=workers_total,
        slots=tuple(clocks),
        slots_total=slots_total,
        slots_looked_at=looked_at,
        slots_waiting_at_limit=waiting,
        orders={slot: order for slot, text in _pairs(orders[1]) if (order := read_order(text))},
        orders_total=orders[0],
        dead_groups=tuple(_group(name, letters) for name, letters in _pairs(groups[1])),
        groups_total=groups[0],
        dead_counted=not numbers.get("epoch") or numbers.get("grouped") == 1,
    )


def _worker(fields: Sequence[Any], now: int) -> WorkerView:
    token, deadline, leased, found = fields
    host, pid, run, joined, lease, sequence = found or [False] * 6
    deadline_ms, lease_ms = _number(deadline), _number(lease)
    return WorkerView(
        token=token,
        host=host or "",
        pid=_number(pid),
        run_id=None if run is False else run,
        leased=leased,
        joined_ms=_number(joined),
        deadline_ms=deadline_ms,
        beat_ms=max(now - deadline_ms + lease_ms, 0) if lease_ms and deadline_ms else None,
        alive=sequence is not False and deadline_ms > now,
    )


def _slot(fields: Sequence[Any], now: int, crawl: Mapping[str, int]) -> SlotView:
    name, queued, turn, clock, text = fields
    order = read_order(text) if text else None
    slot = SlotFields.of(dict(_pairs(clock)), now, held_till=crawl.get("held", 0))
    wait = wait_of(slot, order or {}, now, paused=bool(crawl.get("paused")))
    turn_ms = max(_number(turn) - now, 0)
    return SlotView(
        slot=name,
        queued=queued,
        next_ms=turn_ms if wait.because == "" else wait.next_ms,
        because=wait.because,
        because_ms=wait.because_ms,
        delay_ms=wait.delay_ms,
        permits_in_use=sum(slot.holders.values()),
        permits_max=1 if slot.is_alone or wait.delay_ms else slot.cap,
        order=order,
        holders=slot.holders,
    )


def _group(name: str, letters: str) -> DeadGroup:
    reason, _, slot = name.partition(" ")
    return DeadGroup(reason, slot, _number(letters))


def _pairs(flat: Sequence[str]) -> Iterator[tuple[str, str]]:
    flat = flat or ()  # an empty list of Lua is an object
    return zip(flat[::2], flat[1::2], strict=True)


def _number(value: str | Literal[False]) -> int:
    try:
        return int(float(value or 0))
    except (ValueError, OverflowError):  # somebody else has written it
        return 0
