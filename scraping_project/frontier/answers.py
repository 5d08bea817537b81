"""What the frontier answers beside a step, and how the answers of its scripts are read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scraping_project.frontier.steps import Grant, Heard, Leased, Ledger

#: The counters of the ledger, in the order in which a checkpoint answers them.
_LEDGER = ("discovered", "queued", "delayed", "leased", "done", "dead", "pages")


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The crawl a worker works on."""

    epoch: int
    crawl_id: str
    began: bool  # with this worker
    queued: int
    pages: int  # answered so far
    alone: bool  # no other worker was alive


@dataclass(frozen=True, slots=True, kw_only=True)
class Crawl:
    """What a frontier holds, as its first worker said it."""

    epoch: int
    id: str
    rules: str
    seeds: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """What a repair changed."""

    pushed: int
    marked: int  # as done, that the frontier did not know
    ended: int  # as done, that waited


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A request that will not be tried again."""

    id: int
    letter: dict[str, Any]  # reason, and what else is known: message, attempts, deaths, at
    request: Leased


def heard(now_ms: int, answer: list[Any]) -> Heard:
    """The answer to a step, from what its script returns (lua/answer.lua)."""
    pushed, leased, ledger, letters, finished, grants, news, known, (found_to, found) = answer
    *numbers, paused = ledger
    return Heard(
        now_ms=now_ms,
        pushed=pushed.decode(),
        leased=[_leased(request) for request in leased],
        ledger=Ledger(**dict(zip(_LEDGER, numbers, strict=True)), paused=bool(paused)),
        letters={int(letters[at]): letters[at + 1] for at in range(0, len(letters), 2)},
        finished=bool(finished),
        grants=[Grant(name.decode(), *numbers) for name, *numbers in grants],
        news=[name.decode() for name in news],
        known=known.decode(),
        found=found.decode().split(),
        found_to=found_to,
    )


def counters(fields: Mapping[bytes, bytes]) -> dict[str, int]:
    """The counters of a crawl, from all that Redis has of it."""
    words = (b"id", b"rules", b"seeds")
    return {name.decode(): int(value) for name, value in fields.items() if name not in words}


def _leased(fields: list[Any]) -> Leased:
    request_id, attempt, delivery, deaths, slot, priority, payload, *flags = fields
    return Leased(request_id, attempt, delivery, deaths, slot.decode(), priority, payload, *map(bool, flags))
