"""Which of the times that have come fire, and which are missed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, islice
from typing import NamedTuple

from scraping_project.schedules.timing import Timing
from scraping_project.storage.scheduling.schedules import Late

#: Late times that ``all`` fires at the most, the newest.
MOST_LATE = 24
#: Times that one call sorts: more have come only after weeks of absence.
MOST_SORTED = 5_000
#: A time that nobody has fired for so long is late.
ON_TIME = timedelta(seconds=60)
INSTANT = timedelta(microseconds=1)


class Stretch(NamedTuple):
    """Times, one after the other, that do not fire."""

    first: datetime
    last: datetime
    times: int


@dataclass(frozen=True, slots=True)
class Come:
    """What becomes of the times up to now. All moments are UTC and naive."""

    fires: tuple[datetime, ...]
    missed: tuple[Stretch, ...]
    next_due: datetime | None


def come(timing: Timing, next_due: datetime, now: datetime, grace_seconds: int, late: Late) -> Come:
    """Sorts the times from ``next_due`` up to ``now``.

    A time that is at most a minute late fires as ever. Of later ones inside the grace, ``late`` says which
    fire: the newest (once), the newest 24 (all) or none; where one fires as ever, it is the newest.

    The work is bounded. After a long absence some thousand times are sorted; ``next_due`` is then one of
    those that have come, for the next call.
    """
    times = list(islice(timing.after(next_due - INSTANT), MOST_SORTED + 1))
    passed = [time for time in times[:MOST_SORTED] if time <= now]
    following = times[len(passed)] if len(passed) < len(times) else None
    grace = timedelta(seconds=grace_seconds)
    on_time = [time for time in passed if now - time <= min(ON_TIME, grace)]
    late_ones = [time for time in passed if min(ON_TIME, grace) < now - time <= grace]
    is_whole = following is None or following > now
    fires = {*on_time, *_chosen(late_ones, late, newest_is_here=is_whole and not on_time)}
    return Come(tuple(sorted(fires)), tuple(_stretches(passed, fires)), following)


def _chosen(late_ones: list[datetime], late: Late, *, newest_is_here: bool) -> list[datetime]:
    if late == "all":
        return late_ones[-MOST_LATE:]
    return late_ones[-1:] if late == "once" and newest_is_here else []


def _stretches(passed: Iterable[datetime], fires: set[datetime]) -> Iterable[Stretch]:
    for do_fire, group in groupby(passed, fires.__contains__):
        if not do_fire:
            times = list(group)
            yield Stretch(times[0], times[-1], len(times))
