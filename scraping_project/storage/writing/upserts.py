"""INSERT statements that rewrite the row of the same key, or add to it, in the words of each database."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Insert, Table, case, func
from sqlalchemy.dialects import mysql, sqlite

from scraping_project.storage.tables import items, refused_rows, scrape_logs, sites

#: What tells two rows apart where it is not the primary key.
KEYS: dict[Table, list[str]] = {
    sites: ["url_hash"],
    scrape_logs: ["task_id"],
    items: ["task_id", "number"],
    refused_rows: ["row_hash"],
}


class _NewValues(Protocol):
    def __getitem__(self, name: str) -> ColumnElement[Any]: ...


Assignments = list[tuple[str, ColumnElement[Any]]]


def insert(dialect: str, table: Table) -> Insert:
    """The row as it is; one of the same key is an error."""
    return _insert(dialect, table).values(dict.fromkeys(written(table)))


def upsert(dialect: str, table: Table, columns: Sequence[str] = ()) -> Insert:
    """Rewrites these columns, or all, of the row of the same key.

    The key is the primary key for tables that are not of this project. A known site keeps
    ``first_scraped``, and ``last_changed`` while its content is the same.
    """
    key = KEYS.get(table) or [column.name for column in table.primary_key]
    kept = {*key, "first_scraped"} if table is sites else set(key)
    brought = columns or written(table)
    names = [name for name in brought if name not in kept]
    return _on_conflict(dialect, table, key, brought, lambda new: _assignments(table, names, new))


def touch(dialect: str, table: Table) -> Insert:
    """Notes of a known site that it was asked for and is as it was; a validator that came along is new."""
    return _on_conflict(dialect, table, KEYS[table], written(table), lambda new: _touched(table, new))


def add_up(dialect: str, table: Table) -> Insert:
    """Adds to the counts of the row of the same primary key; the other columns are counts."""
    key = [column.name for column in table.primary_key]
    names = written(table)
    counts = [name for name in names if name not in key]
    return _on_conflict(
        dialect, table, key, names, lambda new: [(name, table.c[name] + new[name]) for name in counts]
    )


def written(table: Table) -> list[str]:
    """The columns that a row brings: all but a number that the database gives."""
    return [column.name for column in table.columns if column is not table.autoincrement_column]


def _on_conflict(
    dialect: str,
    table: Table,
    key: Sequence[str],
    names: Sequence[str],
    changes: Callable[[_NewValues], Assignments],
) -> Insert:
    statement = _insert(dialect, table).values(dict.fromkeys(names))
    if isinstance(statement, sqlite.Insert):
        set_ = dict(changes(statement.excluded))
        if not set_:
            return statement.on_conflict_do_nothing(index_elements=key)
        return statement.on_conflict_do_update(index_elements=key, set_=set_)
    # A key alone: set to itself, which is MySQL's way to do nothing.
    new = changes(statement.inserted) or [(key[0], table.c[key[0]])]
    return statement.on_duplicate_key_update(new)


def _insert(dialect: str, table: Table) -> sqlite.Insert | mysql.Insert:
    return sqlite.insert(table) if dialect == "sqlite" else mysql.insert(table)


def _touched(table: Table, new: _NewValues) -> Assignments:
    validators = [(name, func.coalesce(new[name], table.c[name])) for name in ("etag", "last_modified")]
    return [("last_scraped", new["last_scraped"]), *validators]


def _assignments(table: Table, names: list[str], new: _NewValues) -> Assignments:
    changes = [(name, new[name]) for name in names if name != "last_changed" or table is not sites]
    if table is not sites:
        return changes
    same = table.c.content_hash.is_not_distinct_from(new["content_hash"])
    changed = case((same, table.c.last_changed), else_=new["last_changed"])
    # First, since MySQL assigns from left to right and the old content_hash is needed here.
    return [("last_changed", changed), *changes]
