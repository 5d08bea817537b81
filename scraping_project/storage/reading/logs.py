"""Attempts as people look through them, by those filters that an index serves."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, select

from scraping_project.storage.reading.cursors import PAGE, Cursor, Key, Page, read_page
from scraping_project.storage.tables import scrape_logs
from scraping_project.storage.transactions import reading

TOGETHER = (
    "these filters of logs do not go together: take none, domain, status, or crawl_id with status and reason"
    " (an empty reason for none)"
)


@dataclass(frozen=True, slots=True)
class Log:
    """One attempt and how it ended."""

    id: int
    crawl_id: str
    run_id: str
    site_id: int | None
    url: str
    domain: str
    status: str
    status_code: int | None
    reason: str | None
    error_message: str | None
    records_scraped: int
    attempt: int
    latency_ms: int | None
    bytes: int | None
    started_at: datetime  # UTC, naive
    finished_at: datetime


COLUMNS = [scrape_logs.c[each.name] for each in fields(Log)]
BY_ID = (Key(scrape_logs.c.id, falls=True),)
BY_TIME = (Key(scrape_logs.c.finished_at, falls=True), *BY_ID)


def logs(
    engine: Engine,
    *,
    domain: str | None = None,
    status: str | None = None,
    crawl_id: str | None = None,
    reason: str | None = None,
    cursor: Cursor = None,
    limit: int = PAGE,
) -> Page[Log]:
    """A page of attempts, the newest first; of a crawl, those whose row was added last.

    Args:
        engine: The database.
        domain: Only of this host, without another filter.
        status: Only those that ended so, alone or with crawl_id and reason.
        crawl_id: Only of this crawl, with status and reason.
        reason: Only for this reason, empty for none.
        cursor: ``older`` or ``newer`` of another page of the same filters.
        limit: Rows at the most.

    Raises:
        ValueError: No index serves these filters together, or the cursor is none of this list.
    """
    asked = {"domain": domain, "status": status, "crawl_id": crawl_id, "reason": reason}
    given = {name: value for name, value in asked.items() if value is not None}
    index, keys = _way(frozenset(given))
    query = select(*COLUMNS).where(*(_is(name, value) for name, value in given.items()))
    query = query.with_hint(scrape_logs, f"FORCE INDEX ({index})", "mysql")
    query = query.with_hint(scrape_logs, f"INDEXED BY {index}", "sqlite")
    with reading(engine) as connection:
        return read_page(connection, query, keys, log_of, cursor=cursor, limit=limit)


def log_of(row: Mapping[Any, Any]) -> Log:
    return Log(**row)


def _way(names: frozenset[str]) -> tuple[str, tuple[Key, ...]]:
    """The index that holds such logs in the order of the keys."""
    ways = {
        frozenset[str](): ("ix_scrape_logs_finished_at", BY_TIME),
        frozenset({"domain"}): ("ix_scrape_logs_domain", BY_TIME),
        frozenset({"status"}): ("ix_scrape_logs_status", BY_TIME),
        frozenset({"crawl_id", "status", "reason"}): ("ix_scrape_logs_crawl", BY_ID),
    }
    if names not in ways:
        raise ValueError(TOGETHER)
    return ways[names]


def _is(name: str, value: str) -> ColumnElement[bool]:
    column = scrape_logs.c[name]
    if name == "reason" and not value:
        return column.is_(None)
    return column == (value.lower() if name == "domain" else value)
