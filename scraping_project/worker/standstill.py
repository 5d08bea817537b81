"""Nothing is sent for long though something waits: logged once, with the cause.

A site, the operator or an outage may forbid it: then it is an information, for the slot's own command and the
outage show it anyway. When nothing does, it is a warning: this ought not to be, and people should know where.
"""

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scraping_project.frontier.messages import Ledger
from scraping_project.frontier.slot_state import SlotState
from scraping_project.frontier.worker_tokens import process_of
from scraping_project.politeness.clocks import SlotClocks

logger = logging.getLogger(__name__)

#: So many slots are looked at, and so many of them named.
MOST, NAMED = 20, 3


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a slot's requests wait."""

    slot: str
    why: str
    forbidden: bool  # by its site or the operator


class Standstill:
    """Sees with each answer of the frontier whether the crawl moves, and warns when it does not."""

    def __init__(
        self, clocks: SlotClocks, *, after: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._clocks = clocks
        self._after = after
        self._now = now
        self._seen: object = None
        self._since = now()
        self._warned = self._informed = False

    def is_due(self, ledger: Ledger | None, *, away: bool) -> bool:
        """Whether nothing was sent, by anyone, for so long that the cause is to be looked for.

        Once a standstill; again when something forbade it, which may be over.

        Args:
            ledger: Of the last reply.
            away: Whether the database or Redis is away, which is logged elsewhere.
        """
        moved = self._moved(ledger)
        rests = away or ledger is None or ledger.paused or not ledger.queued + ledger.leased
        if moved or rests:
            self._since, self._warned, self._informed = self._now(), False, False
        if self._warned or self._now() - self._since < self._after:
            return False
        self._since = self._now()
        return True

    def say(self, causes: list[Cause], *, at_work: int) -> None:
        """Say what waits for what.

        Args:
            causes: Of the slots that have something to send.
            at_work: How many requests are with callbacks and pipelines, or wait for one of these slots.
        """
        unexplained = [cause for cause in causes if not cause.forbidden]
        if unexplained or (at_work and not causes):
            self._warned = True
            self._log(logging.WARNING, unexplained, at_work)
        elif causes and not self._informed:  # what others hold, they speak of
            self._informed = True
            self._log(logging.INFO, causes, at_work)

    def _log(self, level: int, causes: list[Cause], at_work: int) -> None:
        named = "; ".join(f"{cause.slot} {cause.why}" for cause in causes[:NAMED])
        if len(causes) > NAMED:
            named += f"; and {len(causes) - NAMED} more"
        named = named or f"{at_work} requests are with callbacks and pipelines"
        logger.log(level, "Nothing was sent for %d s though requests wait: %s", self._after, named)

    def waiting(self) -> dict[str, str]:
        """What waits in this worker, in words, by its slot."""
        return {
            clock.name: f" ({clock.queued} wait for it here, {clock.on_wire} are in flight)"
            for clock in self._clocks
            if clock.busy
        }

    def _moved(self, ledger: Ledger | None) -> bool:
        now: object = self._clocks.sent
        if ledger:  # a send ends as done, delayed or dead, or finds something, whoever made it
            now = (now, ledger.discovered, ledger.delayed, ledger.done, ledger.dead, ledger.pages)
        moved = now != self._seen
        self._seen = now
        return moved


def cause_of(slot: str, clock: SlotState, order: Mapping[str, Any], *, token: str, here: str) -> Cause:
    """Why a slot's requests wait.

    Args:
        slot: Its name.
        clock: What the frontier knows of it.
        order: The operator's, for it.
        token: This worker's own.
        here: What of it waits in this worker.
    """
    if forbidden := _forbidden(clock, order):
        return Cause(slot, forbidden, forbidden=True)
    return Cause(slot, _held(clock, token) + here, forbidden=False)


def _forbidden(clock: SlotState, order: Mapping[str, Any]) -> str:
    if order.get("paused"):
        return "was paused by the operator"
    if clock.retry_after:
        return f"asked to be left alone for {math.ceil(clock.retry_after)} s more"
    left = clock.delay - (math.inf if clock.sent_ago is None else clock.sent_ago)
    return f"has its next turn in {math.ceil(left)} s, by its delay" if left > 0 else ""


def _held(clock: SlotState, token: str) -> str:
    holders = ["this worker" if each == token else _named(each) for each in clock.holders]
    state = "is held by " + ", ".join(holders) if holders else "is free and nobody takes it"
    return state if clock.crawl_delay is not None else f"{state}, its robots.txt not known"


def _named(token: str) -> str:
    process = process_of(token)
    return f"process {process[1]} of {process[0]}" if process else token
