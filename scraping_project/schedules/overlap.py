"""What becomes of a firing while others of its schedule have begun, or are to begin before it."""

from collections.abc import Collection
from enum import Enum

from scraping_project.storage.scheduling.firings import Firing
from scraping_project.storage.scheduling.schedules import Overlap


class Verdict(Enum):
    """What to do with a firing."""

    START = "start"
    SKIP = "skip"
    WAIT = "wait"
    CANCEL_FIRST = "cancel what is before it, and wait for its end"


def decide(overlap: Overlap, firing: Firing, others: Collection[Firing]) -> Verdict:
    """What to do with a firing whose time to start has come.

    Args:
        overlap: What its schedule wants.
        firing: Which one.
        others: Those of its schedule that have begun and not ended, or wait and are due before it.
    """
    if firing.kind == "backfill":  # one after the other, whatever else goes on
        return Verdict.WAIT if any(other.kind == "backfill" for other in others) else Verdict.START
    begun = [other for other in others if other.state != "waiting"]
    if overlap == "allow" or not begun:
        return Verdict.START
    if overlap == "skip":
        return Verdict.SKIP
    return Verdict.WAIT if overlap == "queue" else Verdict.CANCEL_FIRST
