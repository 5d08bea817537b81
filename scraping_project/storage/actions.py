"""What somebody asked for in the dashboard: a row each, worked off by one process at a time.

All moments are the database's, and so is the claim of the process at work: one that is not renewed lapses,
and another process goes on where the last step ended.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Engine, and_, insert, or_, select, update

from scraping_project.storage import tables
from scraping_project.storage.clock import database_now
from scraping_project.storage.errors import Duplicated
from scraping_project.storage.reading.cursors import Cursor, Key, Page, read_page
from scraping_project.storage.tables import actions
from scraping_project.storage.transactions import reading, writing
from scraping_project.storage.values import (
    BIGINT_LIMIT,
    compact_json,
    fit,
    fit_identity,
    whole,
    whole_or_none,
)

State = Literal["pending", "running", "finished", "failed", "cancelled"]
OPEN: tuple[State, ...] = ("pending", "running")


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedAction:
    """What is asked for."""

    id: str  # the form's: what is sent twice is asked once
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
    filter: Mapping[str, Any]
    total: int | None
    done: int
    cursor: str | None  # where the process at work goes on
    state: State
    result: Mapping[str, Any]
    error: str | None
    asked_at: datetime  # UTC, naive, as the others
    claimed_by: str | None
    claimed_until: datetime | None
    finished_at: datetime | None


COLUMNS = [actions.c[each.name] for each in fields(Action)]
NEWEST = (Key(actions.c.asked_at, falls=True), Key(actions.c.id, falls=True))


def ask(engine: Engine, action: AskedAction) -> bool:
    """Writes an action that is to be worked off; False when one of its id is there, which stays as it is."""
    return _write(engine, action, {"state": "pending", "done": 0, "result": "{}"})


def write_done(
    engine: Engine, action: AskedAction, result: Mapping[str, Any] | None = None, error: str | None = None
) -> bool:
    """Writes an action that was done at once, or failed with an error; False when one of its id is there."""
    return _write(
        engine,
        action,
        {
            "state": "finished" if error is None else "failed",
            "done": whole(action.total or 0, BIGINT_LIMIT) if error is None else 0,
            "result": compact_json(dict(result or {})),
            "error": fit(error, tables.ERROR_LENGTH),
            "finished_at": database_now(engine),
        },
    )


def claim(engine: Engine, who: str, seconds: float) -> Action | None:
    """Takes the oldest action that is open and nobody's for so many seconds; None when there is none.

    Args:
        engine: The database.
        who: Tells this process from every other, those before it included.
        seconds: After so long without ``advance`` others may take it over.
    """
    now = database_now(engine)
    lapsed = and_(actions.c.state == "running", actions.c.claimed_until < now)
    free = or_(actions.c.state == "pending", lapsed)
    with reading(engine) as connection:
        found = connection.execute(select(actions.c.asked_at, actions.c.id).where(_is_open(), free)).all()
    values = {"state": "running", "claimed_by": _name(who), "claimed_until": database_now(engine, seconds)}
    for _, action_id in sorted(map(tuple, found)):
        # Again with the condition: of all who have found it, one changes the row.
        with writing(engine) as connection:
            take = update(actions).where(actions.c.id == action_id, free).values(values)
            if connection.execute(take).rowcount:
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
    seconds: float,
) -> bool:
    """Writes how far it has come and renews the claim; False when the action is no longer this process's."""
    values = {
        "done": whole(done, BIGINT_LIMIT),
        "cursor": cursor,
        "result": compact_json(dict(result)),
        "claimed_until": database_now(engine, seconds),
    }
    return _changed(engine, _is_mine(action_id, who), values)


def finish(engine: Engine, action_id: str, who: str, *, done: int, result: Mapping[str, Any]) -> bool:
    """Writes that all is done; False when the action is no longer this process's."""
    values = {"done": whole(done, BIGINT_LIMIT), "result": compact_json(dict(result))}
    return _end(engine, _is_mine(action_id, who), "finished", values)


def fail(engine: Engine, action_id: str, who: str, error: str) -> bool:
    """Writes why it cannot be done; False when the action is no longer this process's."""
    return _end(engine, _is_mine(action_id, who), "failed", {"error": fit(error, tables.ERROR_LENGTH)})


def cancel(engine: Engine, action_id: str) -> bool:
    """Ends an open action where it is; False when it has ended. Its process hears of it at its next step."""
    return _end(engine, and_(actions.c.id == _identity(action_id), _is_open()), "cancelled", {})


def read(engine: Engine, action_id: str) -> Action | None:
    """One action; None when there is none of this id."""
    with reading(engine) as connection:
        return _read(connection, _identity(action_id))


def newest(engine: Engine, limit: int = 50, cursor: Cursor = None) -> Page[Action]:
    """A page of actions, those asked for last first."""
    with reading(engine) as connection:
        return read_page(connection, select(*COLUMNS), NEWEST, _action, cursor=cursor, limit=limit)


def _write(engine: Engine, action: AskedAction, values: Mapping[str, Any]) -> bool:
    row = {
        "id": _identity(action.id),
        "kind": fit(action.kind, tables.WORD_LENGTH),
        "asked_by": _name(action.asked_by),
        "filter": compact_json(dict(action.filter)),
        "total": whole_or_none(action.total, BIGINT_LIMIT),
        "asked_at": database_now(engine),
        **values,
    }
    with suppress(Duplicated), writing(engine) as connection:
        connection.execute(insert(actions).values(row))
        return True
    return False


def _end(engine: Engine, which: ColumnElement[bool], state: State, values: Mapping[str, Any]) -> bool:
    ending = {"state": state, "finished_at": database_now(engine), "claimed_until": None}
    return _changed(engine, which, {**values, **ending})


def _changed(engine: Engine, which: ColumnElement[bool], values: Mapping[str, Any]) -> bool:
    with writing(engine) as connection:
        return connection.execute(update(actions).where(which).values(values)).rowcount > 0


def _is_open() -> ColumnElement[bool]:
    return actions.c.state.in_(OPEN)


def _is_mine(action_id: str, who: str) -> ColumnElement[bool]:
    mine = and_(actions.c.state == "running", actions.c.claimed_by == _name(who))
    return and_(actions.c.id == _identity(action_id), mine)


def _read(connection: Connection, action_id: str) -> Action | None:
    row = connection.execute(select(*COLUMNS).where(actions.c.id == action_id)).mappings().first()
    return _action(row) if row else None


def _action(row: Mapping[Any, Any]) -> Action:
    return Action(**{**row, "filter": json.loads(row["filter"]), "result": json.loads(row["result"])})


def _identity(action_id: str) -> str:
    return fit_identity(action_id, tables.ID_LENGTH)


def _name(who: str) -> str:
    return fit_identity(who, tables.SHORT_LENGTH)
