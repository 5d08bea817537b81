"""Firings: one row for each time of a schedule that started something, or for a stretch that did not."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Engine, and_, delete, func, select, true

from scraping_project.storage.clock import database_now
from scraping_project.storage.reading.cursors import Cursor, Key, Page, read_page
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
    which = and_(firings.c.schedule_id == schedule_id, firings.c.state.in_(states))
    with reading(engine) as connection:
        rows = connection.execute(select(*COLUMNS).where(which).order_by(firings.c.due, firings.c.id))
        return [firing_of(row) for row in rows.mappings()]


def newest(
    engine: Engine, schedule_id: int | None = None, *, cursor: Cursor = None, limit: int = 50
) -> Page[Firing]:
    """A page of firings, of one schedule or of all, those due last first.

    Raises:
        ValueError: The cursor is none of this list.
    """
    query = select(*COLUMNS).where(true() if schedule_id is None else firings.c.schedule_id == schedule_id)
    with reading(engine) as connection:
        return read_page(connection, query, NEWEST, firing_of, cursor=cursor, limit=limit)


def prune(engine: Engine, older_than: timedelta) -> int:
    """Deletes ends of long ago, but for the newest row of each schedule; returns how many."""
    long_ago = database_now(engine, -older_than.total_seconds())
    with reading(engine) as connection:
        kept = connection.scalars(select(func.max(firings.c.id)).group_by(firings.c.schedule_id)).all()
        old = and_(firings.c.fired_at < long_ago, firings.c.state.not_in(OPEN), firings.c.id.not_in(kept))
        ids = connection.scalars(select(firings.c.id).where(old).limit(PRUNED_AT_ONCE)).all()
    with writing(engine) as connection:
        return connection.execute(delete(firings).where(firings.c.id.in_(ids))).rowcount


def firing_of(row: Mapping[Any, Any]) -> Firing:
    """What a row says."""
    return Firing(**row)
