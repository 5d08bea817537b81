"""What was asked for, by whom, how far it has come, and what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from scraping_project.monitor.frontiers import read_frontiers
from scraping_project.monitor.stores import Stores
from scraping_project.storage import actions
from scraping_project.storage.actions import Action
from scraping_project.storage.reading.cursors import Cursor
from scraping_project.storage.reading.overview import ended_since

#: Actions on a page.
PAGE = 50


@dataclass(frozen=True, slots=True)
class Actions:
    """Actions, the newest first; None while the database is away."""

    actions: tuple[Action, ...] | None
    older: Cursor = None  # of the page behind
    newer: Cursor = None


@dataclass(frozen=True, slots=True)
class Aftermath:
    """How the first 10,000 attempts since a retry have ended at its site, whoever asked for them."""

    well: int
    failed: int


@dataclass(frozen=True, slots=True)
class ActionDetail:
    """One action, what came after it, and which frontiers have work and nobody at it."""

    action: Action
    aftermath: Aftermath | None
    idle: tuple[str, ...]


def read_actions(stores: Stores, cursor: Cursor = None) -> Actions:
    """Reads a page of them.

    Raises:
        ValueError: The cursor is none of this list.
    """
    found = stores.database.read(lambda engine: actions.newest(engine, PAGE, cursor))
    return Actions(tuple(found.rows), found.older, found.newer) if found else Actions(None)


def read_action(stores: Stores, action_id: str) -> ActionDetail | None:
    """Reads one action; None where there is none of this id.

    Raises:
        StorageError: The database is away.
    """
    action = stores.database.demand(lambda engine: actions.read(engine, action_id))
    if action is None:
        return None
    aftermath = stores.database.read(lambda engine: _aftermath(engine, action))
    return ActionDetail(action, aftermath, _idle(stores, _frontiers_of(action)))


def _aftermath(engine: Engine, action: Action) -> Aftermath | None:
    if action.kind != "retry":
        return None
    found = ended_since(engine, action.asked_at, action.filter.get("domain"))
    return Aftermath(found.well, found.failed)


def _frontiers_of(action: Action) -> Sequence[str]:
    given = action.result.get("frontiers")
    return list(given) if isinstance(given, Mapping) else []


def _idle(stores: Stores, names: Sequence[str]) -> tuple[str, ...]:
    """Those of the frontiers that have work, and no worker."""
    known = read_frontiers(stores).frontiers or ()
    return tuple(
        each.name
        for each in known
        if each.name in names and not each.workers and each.queued + each.delayed + each.seeds
    )
