"""What the frontier answers beside a step, and how the answers of its scripts are read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scraping_project.frontier.messages import Grant, Leased, Ledger, Reply

#: What a crawl has beside its counters, and how these look.
_WORDS, _NUMBER = (b"id", b"rules", b"seeds"), re.compile(rb"-?[0-9]{1,18}")
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
    """The crawl that a frontier holds, as its first worker began it."""

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


def reply(now_ms: int, answer: list[Any]) -> Reply:
    """The answer to a step, from what its script returns (lua/parts/answer.lua)."""
    pushed, leased, ledger, letters, finished, grants, news, known, (found_to, found) = answer
    *numbers, paused = ledger
    return Reply(
        now_ms=now_ms,
        pushed=pushed.decode(),
        leased=[_leased(request) for request in leased],
        ledger=Ledger(**dict(zip(_LEDGER, numbers, strict=True)), paused=bool(paused)),
        letters={int(letters[at]): letters[at + 1] for at in range(0, len(letters), 2)},
        finished=bool(finished),
        grants=[Grant(name.decode(errors="replace"), *numbers) for name, *numbers in grants],
        news=[name.decode(errors="replace") for name in news],  # of no slot that is worked on, if not ours
        known=known.decode(),
        found=found.decode(errors="replace").split(),
        found_to=found_to,
    )


def counters(fields: Mapping[bytes, bytes]) -> dict[str, int]:
    """The counters of a crawl, from all that Redis has of it."""
    return {
        name.decode(errors="replace"): int(value)
        for name, value in fields.items()
        if name not in _WORDS and _NUMBER.fullmatch(value)
    }


def no_counters(fields: Mapping[bytes, bytes]) -> list[str]:
    """The fields of a crawl that should be counters, and are none: somebody else has written them."""
    return [
        name.decode(errors="replace")
        for name, value in fields.items()
        if name not in _WORDS and not _NUMBER.fullmatch(value)
    ]


def _leased(fields: list[Any]) -> Leased:
    request_id, attempt, delivery, deaths, slot, priority, payload, *flags = fields
    return Leased(
        request_id,
        attempt,
        delivery,
        deaths,
        slot.decode(errors="replace"),
        priority,
        payload,
        *map(bool, flags),
    )
