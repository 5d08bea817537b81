"""What somebody asked for on the dashboard: a row each, worked off by one process at a time.

All moments are the database's. A claim that is not renewed lapses, and another process goes on.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from scraping_project.storage import tables
from scraping_project.storage.errors import Duplicated
from scraping_project.storage.tables import actions
from scraping_project.storage.transactions import reading, writing
from scraping_project.storage.values import compact_json, fit, fit_identity

State = Literal["pending", "running", "finished", "failed", "cancelled"]
_OPEN = ("pending", "running")
#: The database's clock with parts of a second, so that two actions stand in their order.
_CLOCKS = {"mysql": "CURRENT_TIMESTAMP(6)", "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', 'now')"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedAction:
    """What is asked for."""

    id: str  # the form's: what is sent twice is done once
    kind: str
    asked_by: str
    filter: Mapping[str, Any] = field(default_factory=dict)
    total: int | None = None  # how much there is to do; None when nobody knows


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A row as it reads now."""

    id: str
    kind: str
    asked_by: str
    filter: dict[str, Any]
    total: int | None
    done: int
    cursor: str | None
    state: State
    result: dict[str, Any]
    error: str | None
    asked_at: datetime  # UTC, naive
    claimed_by: str | None
    finished_at: datetime | None


def ask(engine: Engine, action: AskedAction) -> bool:
    """Writes an action that somebody is to work off; False when one of this id is there."""
    return _write(engine, action, {"state": "pending", "done": 0})


def write_done(engine: Engine, action: AskedAction) -> bool:
    """Writes an action that was done at once; False when one of this id is there."""
    done = {"state": "finished", "done": action.total or 0, "finished_at": func.current_timestamp()}
    return _write(engine, action, done)


def claim(engine: Engine, who: str, seconds: int) -> Action | None:
    """Takes an open action that nobody works on for so many seconds; None when there is none."""
    with writing(engine) as connection:
        now = _now(connection)
        free = or_(
            actions.c.state == "pending",
            and_(actions.c.state == "running", actions.c.claimed_until < now),
        )
        found = select(actions.c.id).where(actions.c.state.in_(_OPEN), free).order_by(actions.c.asked_at)
        for action_id in connection.scalars(found.limit(10)).all():
            values = {"state": "running", "claimed_by": fit(who, tables.SHORT_LENGTH)}
            taken = update(actions).where(actions.c.id == action_id, free)
            if connection.execute(
                taken.values(values | {"claimed_until": now + timedelta(seconds=seconds)})
            ).rowcount:
                return _read(connection, action_id)
    return None


def advance(
    engine: Engine,
    action_id: str,
    who: str,
    *,
    done: int,
    cursor: str,
    result: Mapping[str, Any],
    seconds: int,
) -> bool:
    """Writes how far an action has come, and keeps it; False when it is no longer this worker's."""
    with writing(engine) as connection:
        values = {
            "done": done,
            "cursor": cursor,
            "result": compact_json(dict(result)),
            "claimed_until": _now(connection) + timedelta(seconds=seconds),
        }
        return connection.execute(update(actions).where(_mine(action_id, who)).values(values)).rowcount > 0


def finish(engine: Engine, action_id: str, who: str, *, done: int, result: Mapping[str, Any]) -> bool:
    """Writes that all is done; False when the action is no longer this worker's."""
    values = {"state": "finished", "done": done, "result": compact_json(dict(result))}
    return _end(engine, _mine(action_id, who), values)


def fail(engine: Engine, action_id: str, who: str, error: str) -> bool:
    """Writes why an action can't be done; False when it is no longer this worker's."""
    values = {"state": "failed", "error": fit(error, tables.ERROR_LENGTH)}
    return _end(engine, _mine(action_id, who), values)


def cancel(engine: Engine, action_id: str) -> bool:
    """Ends an open action where it is; False when it has ended."""
    this_one = and_(actions.c.id == _identity(action_id), actions.c.state.in_(_OPEN))
    return _end(engine, this_one, {"state": "cancelled"})


def read(engine: Engine, action_id: str) -> Action | None:
    """One action; None when there is none of this id."""
    with reading(engine) as connection:
        return _read(connection, _identity(action_id))


def newest(engine: Engine, limit: int = 50, before: datetime | None = None) -> list[Action]:
    """The newest actions, or those that were asked for before a moment."""
    query = select(*_columns()).order_by(actions.c.asked_at.desc()).limit(limit)
    if before is not None:
        query = query.where(actions.c.asked_at < before)
    with reading(engine) as connection:
        return [_action(row) for row in connection.execute(query).mappings()]


def _write(engine: Engine, action: AskedAction, values: Mapping[str, Any]) -> bool:
    row = {
        "id": _identity(action.id),
        "kind": fit(action.kind, tables.WORD_LENGTH),
        "asked_by": fit(action.asked_by, tables.SHORT_LENGTH),
        "filter": compact_json(dict(action.filter)),
        "total": action.total,
        "result": "{}",
        "asked_at": literal_column(_CLOCKS[engine.dialect.name]),
        **values,
    }
    with suppress(Duplicated), writing(engine) as connection:
        connection.execute(insert(actions).values(row))
        return True
    return False


def _end(engine: Engine, which: ColumnElement[bool], values: Mapping[str, Any]) -> bool:
    ending = {**values, "finished_at": func.current_timestamp(), "claimed_until": None}
    with writing(engine) as connection:
        return connection.execute(update(actions).where(which).values(ending)).rowcount > 0


def _mine(action_id: str, who: str) -> ColumnElement[bool]:
    return and_(
        actions.c.id == _identity(action_id),
        actions.c.state == "running",
        actions.c.claimed_by == fit(who, tables.SHORT_LENGTH),
    )


def _now(connection: Connection) -> datetime:
    now = connection.scalar(select(func.current_timestamp()))
    if not isinstance(now, datetime):
        raise TypeError(f"the database's clock says {now!r}")
    return now.replace(tzinfo=None)


def _columns() -> list[Any]:
    return [actions.c[each.name] for each in fields(Action)]


def _read(connection: Connection, action_id: str) -> Action | None:
    row = connection.execute(select(*_columns()).where(actions.c.id == action_id)).mappings().first()
    return _action(row) if row else None


def _action(row: Mapping[Any, Any]) -> Action:
    return Action(**{**row, "filter": json.loads(row["filter"]), "result": json.loads(row["result"])})


def _identity(action_id: str) -> str:
    return fit_identity(action_id, tables.ID_LENGTH)
