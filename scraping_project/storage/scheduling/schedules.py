"""Schedules: what is to be started, at which times, and under which conditions. One row each."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    DateTime,
    Engine,
    Select,
    delete,
    insert,
    literal,
    select,
    update,
)

from scraping_project.storage import tables
from scraping_project.storage.clock import database_now
from scraping_project.storage.errors import Duplicated
from scraping_project.storage.tables import firings, schedules
from scraping_project.storage.transactions import reading, writing
from scraping_project.storage.values import compact_json, fit, fit_identity, whole, whole_or_none

Late = Literal["once", "all", "none"]
Overlap = Literal["skip", "queue", "cancel", "allow"]

#: More than anybody reads on a page.
MOST = 1_000


class ScheduleConflict(ValueError):  # noqa: N818 -- named for what is wrong, as operators read it
    """The database is well, and holds something else than was thought."""


class ScheduleExists(ScheduleConflict):
    """Another schedule has this name."""


class ScheduleChanged(ScheduleConflict):
    """Somebody else has changed or removed the schedule meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedSchedule:
    """A schedule as somebody wants it."""

    name: str
    timing: str  # a cron expression, or an interval such as 15m
    timezone: str  # IANA's name
    target: Mapping[str, Any]
    anchor: datetime  # UTC, naive; intervals count from here
    jitter_seconds: int = 0
    grace_seconds: int = 3_600  # so late may a time still fire
    late: Late = "once"
    overlap: Overlap = "skip"
    pause_after: int | None = None  # failures in a row; None: it goes on


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule(AskedSchedule):
    """A row as it reads now. All moments are UTC and naive, by the database's clock."""

    id: int
    enabled: bool
    paused_at: datetime | None
    paused_until: datetime | None
    pause_note: str | None
    paused_by: str | None
    failures_in_row: int
    next_due: datetime | None
    version: int
    error: str | None
    retry_at: datetime | None
    changed_at: datetime
    changed_by: str

    def is_paused(self, now: datetime) -> bool:
        """Whether its times pass without a start."""
        return self.paused_at is not None and (self.paused_until is None or now < self.paused_until)


NO_ERROR = {"error": None, "retry_at": None}
COLUMNS = [schedules.c[each.name] for each in fields(Schedule)]


def add(engine: Engine, asked: AskedSchedule, next_due: datetime | None, who: str) -> Schedule:
    """Writes a new schedule, enabled.

    Raises:
        ScheduleExists: Its name is taken.
    """
    row = _values(asked) | {
        "enabled": True,
        "failures_in_row": 0,
        "next_due": next_due,
        "version": 1,
        "changed_at": database_now(engine),
        "changed_by": _who(who),
    }
    try:
        with writing(engine) as connection:
            connection.execute(insert(schedules).values(row))
    except Duplicated as error:
        raise ScheduleExists(
            f"there is a schedule {asked.name} already: edit it, or take a new name"
        ) from error
    found = read(engine, asked.name)
    if found is None:
        raise ScheduleChanged(f"schedule {asked.name} was removed at once by somebody else")
    return found


def edit(engine: Engine, old: Schedule, asked: AskedSchedule, next_due: datetime | None, who: str) -> None:
    """Writes a schedule anew; its times count from now on, and what was due and has not fired is lost.

    Raises:
        ScheduleChanged: It is not as ``old`` says.
        ScheduleExists: Its new name is taken.
    """
    values = {**_values(asked), "next_due": next_due, **NO_ERROR}
    try:
        with writing(engine) as connection:
            _change(connection, old, values, who)
            _lose_unfired(connection, old, who)
    except Duplicated as error:
        raise ScheduleExists(f"there is a schedule {asked.name} already: take another name") from error


def enable(engine: Engine, old: Schedule, next_due: datetime | None, who: str) -> None:
    """Lets it fire from now on; what it has missed is not caught up.

    Raises:
        ScheduleChanged: It is not as ``old`` says.
    """
    values = {"enabled": True, "next_due": next_due, "failures_in_row": 0, **NO_ERROR}
    with writing(engine) as connection:
        _change(connection, old, values, who)


def disable(engine: Engine, old: Schedule, who: str) -> None:
    """Lets it fire no more; it keeps its history.

    Raises:
        ScheduleChanged: It is not as ``old`` says.
    """
    with writing(engine) as connection:
        _change(connection, old, {"enabled": False}, who)


def pause(engine: Engine, old: Schedule, until: datetime | None, note: str | None, who: str) -> None:
    """Lets its times pass without a start, each noted, until a moment or until somebody resumes it.

    Raises:
        ScheduleChanged: It is not as ``old`` says.
    """
    values = {
        "paused_at": database_now(engine),
        "paused_until": until,
        "pause_note": fit(note, tables.SHORT_LENGTH),
        "paused_by": _who(who),
    }
    with writing(engine) as connection:
        _change(connection, old, values, who)


def resume(engine: Engine, old: Schedule, who: str) -> None:
    """Ends a pause.

    Raises:
        ScheduleChanged: It is not as ``old`` says.
    """
    none = dict.fromkeys(("paused_at", "paused_until", "pause_note", "paused_by"))
    with writing(engine) as connection:
        _change(connection, old, {**none, "failures_in_row": 0}, who)


def remove(engine: Engine, schedule_id: int) -> None:
    """Takes a schedule away with its history; the runs that it started stay."""
    with writing(engine) as connection:
        connection.execute(delete(firings).where(firings.c.schedule_id == schedule_id))
        connection.execute(delete(schedules).where(schedules.c.id == schedule_id))


def read(engine: Engine, name: str) -> Schedule | None:
    """The schedule of a name; None when there is none."""
    with reading(engine) as connection:
        row = connection.execute(named(name)).mappings().first()
        return schedule_of(row) if row else None


def named(name: str) -> Select[Any]:
    """The query for the schedule of a name."""
    return select(*COLUMNS).where(schedules.c.name == name)


def read_by_id(engine: Engine, schedule_id: int) -> Schedule | None:
    """The schedule of an id; None when it was removed."""
    found = _read(engine, schedules.c.id == schedule_id)
    return found[0] if found else None


def read_all(engine: Engine) -> list[Schedule]:
    """All schedules by name, the first thousand."""
    return _read(engine, schedules.c.id > 0)


def schedule_of(row: Mapping[Any, Any]) -> Schedule:
    """What a row says."""
    return Schedule(**{**row, "target": json.loads(row["target"])})


def _read(engine: Engine, which: ColumnElement[bool]) -> list[Schedule]:
    query = select(*COLUMNS).where(which).order_by(schedules.c.name).limit(MOST)
    with reading(engine) as connection:
        return [schedule_of(row) for row in connection.execute(query).mappings()]


def _change(connection: Connection, old: Schedule, values: Mapping[str, Any], who: str) -> None:
    this_one = (schedules.c.id == old.id, schedules.c.version == old.version)
    changed = {
        "version": old.version + 1,
        "changed_at": database_now(connection.engine),
        "changed_by": _who(who),
        **values,
    }
    if not connection.execute(update(schedules).where(*this_one).values(changed)).rowcount:
        raise ScheduleChanged(f"schedule {old.name} was changed by somebody else meanwhile: look again")


def _lose_unfired(connection: Connection, old: Schedule, who: str) -> None:
    """What the old version has not begun will not begin; nothing of it goes without a row."""
    now = database_now(connection.engine)
    lost = {"state": "skipped", "reason": "edited", "claimed_until": None}
    waiting = (firings.c.schedule_id == old.id, firings.c.kind == "scheduled", firings.c.state == "waiting")
    connection.execute(update(firings).where(*waiting).values(lost))
    due = select(schedules.c.id).where(schedules.c.id == old.id, literal(old.next_due, DateTime()) <= now)
    if old.next_due is not None and old.enabled and connection.scalar(due) is not None:
        row = {"schedule_id": old.id, "due": old.next_due, "kind": "scheduled", "state": "skipped"}
        row |= {"reason": "edited", "times": 1, "tries": 0, "fired_at": now, "fired_by": _who(who)}
        connection.execute(insert(firings).values(row))


def _values(asked: AskedSchedule) -> dict[str, Any]:
    return {
        "name": fit_identity(asked.name, tables.ID_LENGTH),
        "timing": fit_identity(asked.timing, tables.SHORT_LENGTH),
        "timezone": fit_identity(asked.timezone, tables.ID_LENGTH),
        "target": compact_json(dict(asked.target)),
        "anchor": asked.anchor.replace(microsecond=0),
        "jitter_seconds": whole(asked.jitter_seconds),
        "grace_seconds": whole(asked.grace_seconds),
        "late": asked.late,
        "overlap": asked.overlap,
        "pause_after": whole_or_none(asked.pause_after),
    }


def _who(name: str) -> str:
    return fit_identity(name, tables.SHORT_LENGTH)
