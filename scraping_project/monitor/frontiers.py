"""All frontiers, each in a line, and one of them with its workers and the sites that wait."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import redis

from scraping_project.frontier.dead_letters import DeadLetter, DeadPage
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.inventory import Standing, exists, standings_of
from scraping_project.frontier.view import FrontierView, SlotView, view
from scraping_project.http import serialization
from scraping_project.monitor.stores import Stores

#: Slots on a page.
SLOTS = 100
#: Dead letters on a page.
LETTERS = 50


@dataclass(frozen=True, slots=True)
class Frontiers:
    """All frontiers that Redis holds; None while it is away."""

    frontiers: tuple[Standing, ...] | None


@dataclass(frozen=True, slots=True)
class FrontierDetail:
    """One frontier; no view while Redis is away."""

    name: str
    exists: bool
    view: FrontierView | None
    seconds_left: float | None  # until the slowest site is through; None: nobody knows

    @property
    def adds_up(self) -> bool | None:
        """Whether the ledger's parts make its whole."""
        if self.view is None:
            return None
        ledger = self.view.ledger
        parts = ("queued", "delayed", "leased", "done", "dead")
        return ledger.get("discovered", 0) == sum(ledger.get(part, 0) for part in parts)


@dataclass(frozen=True, slots=True)
class ShownLetter:
    """A dead letter as people read it."""

    id: int
    url: str
    slot: str
    reason: str
    message: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Letters:
    """Some dead letters, and the place after which the next come; None while Redis is away."""

    letters: tuple[ShownLetter, ...] | None
    after: str  # empty: that was all


def read_frontiers(stores: Stores) -> Frontiers:
    """Reads them in two round trips; one that somebody has just begun by a seed may be missed for 30 s."""

    def ask(server: redis.Redis) -> tuple[Standing, ...]:
        return tuple(standings_of(server, stores.frontiers(server)))

    return Frontiers(stores.redis.read(ask))


def read_frontier(stores: Stores, name: str, by: str = "queued", slot: str | None = None) -> FrontierDetail:
    """Reads one frontier, by a script that writes nothing.

    Args:
        stores: Where it is.
        name: The frontier's.
        by: ``queued``: the sites with the most requests; ``wait``: those whose turn is farthest off.
        slot: This one alone.
    """
    keys = stores.keys_of(name)

    def ask(server: redis.Redis) -> tuple[bool, FrontierView]:
        found = view(server, keys, by="wait" if by == "wait" else "queued", slot=slot, limit=SLOTS)
        known = found.crawl_id is not None or found.paused or bool(found.seeds_waiting) or bool(found.workers)
        return known or exists(server, keys) or keys in stores.own_frontiers, found

    answer = stores.redis.read(ask)
    if answer is None:
        return FrontierDetail(name, exists=True, view=None, seconds_left=None)
    known, found = answer
    return FrontierDetail(name, exists=known, view=found, seconds_left=seconds_left(found.slots))


def read_letters(
    stores: Stores, name: str, reason: str | None = None, slot: str | None = None, after: str = ""
) -> Letters:
    """Reads some dead letters of a frontier.

    Raises:
        FrontierError: ``after`` is no place that a page has named.
    """
    keys = stores.keys_of(name)

    def ask(server: redis.Redis) -> DeadPage:
        return Frontier(server, keys).dead_page(reason=reason, slot=slot, after=after, limit=LETTERS)

    found = stores.redis.read(ask)
    if found is None:
        return Letters(None, "")
    return Letters(tuple(map(shown_letter, found.letters)), found.after)


def shown_letter(letter: DeadLetter) -> ShownLetter:
    return ShownLetter(
        id=letter.id,
        url=serialization.url_of(letter.request.payload),
        slot=letter.request.slot,
        reason=str(letter.letter.get("reason", "")),
        message=str(letter.letter.get("message", "")),
        attempts=letter.request.attempt,
    )


def seconds_left(slots: Sequence[SlotView]) -> float | None:
    """How long the slowest of these sites takes at its pace; None where none has a delay.

    The mean says little: a crawl ends when its slowest site is through.
    """
    paced = [each for each in slots if each.delay_ms and each.because not in ("paused", "blocked")]
    longest = max((each.queued * each.delay_ms / max(each.permits_max or 1, 1) for each in paced), default=0)
    return longest * timedelta(milliseconds=1) / timedelta(seconds=1) if longest else None
