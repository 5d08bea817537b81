"""Schedules as people look at them: one line each, and one with its history and its next times."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Engine

from scraping_project.monitor.stores import Stores
from scraping_project.schedules.definitions import in_zone, timing_of
from scraping_project.schedules.errors import ScheduleRefused
from scraping_project.schedules.in_words import in_words
from scraping_project.schedules.words import ends_as, state_of, target_in_words
from scraping_project.storage.reading.cursors import Cursor
from scraping_project.storage.scheduling import firings, schedules
from scraping_project.storage.scheduling.firings import Firing
from scraping_project.storage.scheduling.heartbeats import alive
from scraping_project.storage.scheduling.process import Process
from scraping_project.storage.scheduling.schedules import Schedule

#: Seconds: a process that fires schedules beats far more often.
ALIVE = 60.0
#: Next times that are shown.
NEXT = 10


@dataclass(frozen=True, slots=True)
class ShownSchedule:
    """A schedule in a line."""

    name: str
    state: str  # in words
    is_on: bool
    when: str  # in words
    next_due: datetime | None  # UTC; None: it does not fire
    target: str  # in words


@dataclass(frozen=True, slots=True)
class Schedules:
    """All schedules; None while the database is away."""

    schedules: tuple[ShownSchedule, ...] | None
    firing: int | None = None  # processes that fire them


@dataclass(frozen=True, slots=True)
class ShownFiring:
    """What became of a due time."""

    due: datetime  # UTC; of a stretch, the first
    last_due: datetime | None
    times: int
    kind: str
    outcome: str  # in words
    run_id: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class NextTime:
    """A time that comes."""

    due: datetime  # UTC
    local: str  # on the schedule's clocks


@dataclass(frozen=True, slots=True)
class ScheduleDetail:
    """One schedule, what it did and when it fires."""

    shown: ShownSchedule
    timing: str
    timezone: str
    target: Mapping[str, Any]
    jitter_seconds: int
    grace_seconds: int
    late: str
    overlap: str
    pause_after: int | None
    enabled: bool
    paused: bool
    error: str | None
    changed_at: datetime  # UTC
    changed_by: str
    firings: tuple[ShownFiring, ...]
    older: Cursor
    newer: Cursor
    next_times: tuple[NextTime, ...]


def read_schedules(stores: Stores) -> Schedules:
    """Reads all of them."""

    def ask(engine: Engine) -> Schedules:
        now = Process(engine, "").time()
        lines = tuple(_shown(each, now) for each in schedules.read_all(engine))
        return Schedules(lines, alive(engine, "periodic", ALIVE))

    return stores.database.read(ask) or Schedules(None)


def read_schedule(stores: Stores, name: str, cursor: Cursor = None) -> ScheduleDetail | None:
    """Reads one; None where there is none of this name.

    Raises:
        ValueError: The cursor is none of this list.
        StorageError: The database is away.
    """

    def ask(engine: Engine) -> ScheduleDetail | None:
        schedule = schedules.read(engine, name)
        return None if schedule is None else _detail(engine, schedule, cursor)

    return stores.database.demand(ask)


def _detail(engine: Engine, schedule: Schedule, cursor: Cursor) -> ScheduleDetail:
    now = Process(engine, "").time()
    page = firings.newest(engine, schedule.id, cursor=cursor, limit=10)
    return ScheduleDetail(
        shown=_shown(schedule, now),
        timing=schedule.timing,
        timezone=schedule.timezone,
        target=schedule.target,
        jitter_seconds=schedule.jitter_seconds,
        grace_seconds=schedule.grace_seconds,
        late=schedule.late,
        overlap=schedule.overlap,
        pause_after=schedule.pause_after,
        enabled=schedule.enabled,
        paused=schedule.is_paused(now),
        error=schedule.error,
        changed_at=schedule.changed_at,
        changed_by=schedule.changed_by,
        firings=tuple(map(_firing, page.rows)),
        older=page.older,
        newer=page.newer,
        next_times=tuple(_next_times(schedule, now)),
    )


def _shown(schedule: Schedule, now: datetime) -> ShownSchedule:
    return ShownSchedule(
        name=schedule.name,
        state=state_of(schedule, now),
        is_on=state_of(schedule, now) == "on",
        when=in_words(schedule.timing, schedule.timezone),
        next_due=schedule.next_due if schedule.enabled else None,
        target=target_in_words(schedule.target),
    )


def _firing(firing: Firing) -> ShownFiring:
    return ShownFiring(
        due=firing.due,
        last_due=firing.last_due,
        times=firing.times,
        kind=firing.kind,
        outcome=ends_as(firing),
        run_id=firing.run_id,
        error=firing.error,
    )


def _next_times(schedule: Schedule, now: datetime) -> list[NextTime]:
    if not schedule.enabled:
        return []
    try:
        dues = list(islice(timing_of(schedule).after(now), NEXT))
    except ScheduleRefused:  # its error says why
        return []
    return [NextTime(due, f"{in_zone(due, schedule.timezone):%a %Y-%m-%d %H:%M:%S %Z}") for due in dues]
