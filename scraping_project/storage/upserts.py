"""INSERT statements that rewrite the row of the same key, in the words of each database."""

from typing import Any, Protocol

from sqlalchemy import ColumnElement, Insert, Table, case
from sqlalchemy.dialects import mysql, sqlite

from scraping_project.storage.tables import runs, scrape_logs, sites


class _NewValues(Protocol):
    def __getitem__(self, name: str) -> ColumnElement[Any]: ...


def upsert_site(dialect: str) -> Insert:
    """Keeps ``first_scraped`` of a known site, and ``last_changed`` while its content is the same."""
    return _upsert(dialect, sites, "url_hash", kept={"first_scraped"})


def upsert_log(dialect: str) -> Insert:
    return _upsert(dialect, scrape_logs, "task_id")


def upsert_run(dialect: str) -> Insert:
    return _upsert(dialect, runs, "id")


def _upsert(dialect: str, table: Table, key: str, kept: frozenset[str] | set[str] = frozenset()) -> Insert:
    names = [name for name in table.columns.keys() if name not in {"id", key, *kept}]  # noqa: SIM118 -- no dict
    if dialect == "sqlite":
        insert = sqlite.insert(table)
        return insert.on_conflict_do_update(
            index_elements=[key], set_=dict(_assignments(table, names, insert.excluded))
        )
    statement = mysql.insert(table)
    return statement.on_duplicate_key_update(_assignments(table, names, statement.inserted))


def _assignments(table: Table, names: list[str], new: _NewValues) -> list[tuple[str, ColumnElement[Any]]]:
    changes = [(name, new[name]) for name in names if name != "last_changed"]
    if "last_changed" not in names:
        return changes
    same = table.c.content_hash.is_not_distinct_from(new["content_hash"])
    changed = case((same, table.c.last_changed), else_=new["last_changed"])
    # First, since MySQL assigns from left to right and the old content_hash is needed here.
    return [("last_changed", changed), *changes]
