"""Firings: one row for each time of a schedule that started something, or for a stretch that did not."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Engine, Select, and_, delete, func, select

from scraping_project.storage.clock import database_now
from scraping_project.storage.reading.cursors import Cursor, Key, Page, read_page
from scraping_project.storage.scheduling.process import Moment
from scraping_project.storage.tables import firings
from scraping_project.storage.transactions import reading, writing

Kind = Literal["scheduled", "manual", "backfill"]
#: waiting: to be started; starting: claimed; started: its run goes on; the others are ends.
State = Literal["waiting", "starting", "started", "ended", "skipped", "failed"]
Reason = Literal["missed", "paused", "overlap", "replaced", "edited"]
#: Those that have begun, or will.
OPEN: tuple[State, ...] = ("waiting", "starting", "started")
#: Rows that one call of ``prune`` deletes at the most.
PRUNED_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """A row as it reads now. All moments are UTC and naive, by the database's clock."""

    id: int
    schedule_id: int
    due: datetime  # nominal; of a stretch, the first
    kind: Kind
    state: State
    reason: Reason | None  # why it was skipped
    last_due: datetime | None  # of a stretch
    times: int  # due times that the row stands for
    fired_at: datetime
    fired_by: str
    start_at: datetime | None
    claimed_by: str | None
    claimed_until: datetime | None
    tries: int
    gives_up_at: datetime | None
    started_at: datetime | None
    run_id: str | None
    outcome: str | None
    ended_at: datetime | None
    error: str | None


COLUMNS = [firings.c[each.name] for each in fields(Firing)]
NEWEST = (Key(firings.c.due, falls=True), Key(firings.c.id, falls=True))


def active(engine: Engine, schedule_id: int, states: Collection[State] = OPEN) -> list[Firing]:
    """The firings of a schedule that have begun or wait, those due first before the others."""
    query = of_schedule(schedule_id).where(firings.c.state.in_(states))
    with reading(engine) as connection:
        rows = connection.execute(query.order_by(firings.c.due, firings.c.id)).mappings()
        return [firing_of(row) for row in rows]


def of_schedule(schedule_id: int) -> Select[Any]:
    """The query for all firings of a schedule."""
    return select(*COLUMNS).where(firings.c.schedule_id == schedule_id)


def newest(
    engine: Engine, schedule_id: int | None = None, *, cursor: Cursor = None, limit: int = 50
) -> Page[Firing]:
    """A page of firings, of one schedule or of all, those due last first.

    Raises:
        ValueError: The cursor is none of this list.
    """
    query = select(*COLUMNS) if schedule_id is None else of_schedule(schedule_id)
    with reading(engine) as connection:
        return read_page(connection, query, NEWEST, firing_of, cursor=cursor, limit=limit)


def prune(engine: Engine, older_than: timedelta) -> int:
    """Deletes ends of long ago, but for the newest row of each schedule; returns how many."""
    long_ago = database_now(engine, -older_than.total_seconds())
    with reading(engine) as connection:
        kept = connection.scalars(select(func.max(firings.c.id)).group_by(firings.c.schedule_id)).all()
        ids = connection.scalars(ended_before(long_ago).where(firings.c.id.not_in(kept))).all()
    with writing(engine) as connection:
        return connection.execute(delete(firings).where(firings.c.id.in_(ids))).rowcount


def ended_before(moment: Moment) -> Select[Any]:
    """The query for ends of long ago, by id."""
    old = and_(firings.c.fired_at < moment, firings.c.state.not_in(OPEN))
    return select(firings.c.id).where(old).limit(PRUNED_AT_ONCE)


def firing_of(row: Mapping[Any, Any]) -> Firing:
    """What a row says."""
    return Firing(**row)
