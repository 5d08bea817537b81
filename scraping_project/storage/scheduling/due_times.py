"""What becomes of due times: one process of any number writes it, once.

``next_due`` moves forward by an update that names what it was. Of all who have seen a time, one changes the
row, and writes the firings in that transaction. The unique key of schedule, time and kind stands behind it.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, func, insert, or_, select, true, update

from scraping_project.storage import tables
from scraping_project.storage.errors import Duplicated
from scraping_project.storage.scheduling.firings import Kind, Reason
from scraping_project.storage.scheduling.process import Moment, Process
from scraping_project.storage.scheduling.schedules import COLUMNS, NO_ERROR, Schedule, schedule_of
from scraping_project.storage.tables import firings, schedules
from scraping_project.storage.transactions import reading, writing
from scraping_project.storage.values import fit

#: "IS true" would find no index.
IS_ON = schedules.c.enabled == true()


class Start(NamedTuple):
    """A due time that starts something."""

    due: datetime
    at: datetime  # with jitter


@dataclass(frozen=True, slots=True)
class Skipped:
    """A stretch of due times that start nothing."""

    first: datetime
    last: datetime
    times: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Passed:
    """What becomes of the times of one schedule that have come."""

    next_due: datetime | None
    starts: Sequence[Start] = ()
    skipped: Sequence[Skipped] = ()
    replaces: bool = False  # what still waits of this schedule gives way


def overdue(process: Process, limit: int) -> tuple[datetime, list[Schedule]]:
    """This moment, and the schedules of which a time has come, the longest overdue first."""
    with reading(process.engine) as connection:
        now = process.look(connection)
        rows = connection.execute(come(process.now, limit)).mappings()
        return now, [schedule_of(row) for row in rows]


def come(now: Moment, limit: int) -> Select[Any]:
    """The query for schedules of which a time has come."""
    is_come = and_(IS_ON, schedules.c.next_due <= now)
    looked_at = or_(schedules.c.retry_at.is_(None), schedules.c.retry_at <= now)
    return select(*COLUMNS).where(is_come, looked_at).order_by(schedules.c.next_due).limit(limit)


def next_moment(process: Process) -> datetime | None:
    """When a time comes, or something may start; None when nothing will."""
    come = select(func.min(schedules.c.next_due)).where(IS_ON)
    start = select(func.min(firings.c.start_at)).where(firings.c.state == "waiting")
    with reading(process.engine) as connection:
        moments = [connection.scalar(come), connection.scalar(start)]
    return min((moment for moment in moments if moment is not None), default=None)


def pass_by(process: Process, schedule: Schedule, passed: Passed) -> bool:
    """Moves a schedule forward and writes what becomes of its times; False when another process did."""
    this_one = and_(
        schedules.c.id == schedule.id,
        schedules.c.version == schedule.version,
        schedules.c.next_due == schedule.next_due,
        IS_ON,
    )
    with writing(process.engine) as connection:
        moved = update(schedules).where(this_one).values(next_due=passed.next_due, **NO_ERROR)
        if not connection.execute(moved).rowcount:
            return False
        if passed.replaces:
            _replace(connection, schedule.id)
        for stretch in passed.skipped:
            _skip(connection, process, schedule.id, stretch)
        for start in passed.starts:
            connection.execute(insert(firings).values(_row(process, schedule.id, "scheduled", start)))
    return True


def put_off(process: Process, schedule: Schedule, error: str, seconds: float) -> None:
    """Notes why a schedule can't be evaluated; it is looked at again in so many seconds."""
    this_one = and_(schedules.c.id == schedule.id, schedules.c.version == schedule.version)
    values = {"error": fit(error, tables.ERROR_LENGTH), "retry_at": process.after(seconds)}
    with writing(process.engine) as connection:
        connection.execute(update(schedules).where(this_one).values(values))


def ask(process: Process, schedule_id: int, kind: Kind, dues: Sequence[datetime]) -> int:
    """Writes firings that somebody asked for; returns how many of them were not there before."""
    new = 0
    for due in dues:
        row = _row(process, schedule_id, kind, Start(due, due)) | {"start_at": process.now}
        with suppress(Duplicated), writing(process.engine) as connection:
            connection.execute(insert(firings).values(row))
            new += 1
    return new


def _row(process: Process, schedule_id: int, kind: Kind, start: Start) -> dict[str, Any]:
    return {
        "schedule_id": schedule_id,
        "due": start.due,
        "kind": kind,
        "state": "waiting",
        "times": 1,
        "tries": 0,
        "fired_at": process.now,
        "fired_by": process.name,
        "start_at": start.at,
    }


def _skip(connection: Connection, process: Process, schedule_id: int, stretch: Skipped) -> None:
    """Writes a stretch as one row, or adds it to the row before when that was skipped for the same reason."""
    mine = and_(firings.c.schedule_id == schedule_id, firings.c.kind == "scheduled")
    newest = select(firings).where(mine).order_by(firings.c.due.desc()).limit(1)
    row = connection.execute(newest).first()
    if row is not None and (row.state, row.reason) == ("skipped", stretch.reason):
        longer = {"last_due": stretch.last, "times": row.times + stretch.times}
        connection.execute(update(firings).where(firings.c.id == row.id).values(longer))
        return
    skipped = {
        "state": "skipped",
        "reason": stretch.reason,
        "last_due": stretch.last,
        "times": stretch.times,
        "start_at": None,
    }
    values = _row(process, schedule_id, "scheduled", Start(stretch.first, stretch.first)) | skipped
    connection.execute(insert(firings).values(values))


def _replace(connection: Connection, schedule_id: int) -> None:
    mine = and_(firings.c.schedule_id == schedule_id, firings.c.kind == "scheduled")
    replaced = update(firings).where(mine, firings.c.state == "waiting")
    connection.execute(replaced.values(state="skipped", reason="replaced", error=None))
