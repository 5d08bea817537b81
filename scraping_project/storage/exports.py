"""Streams of what is stored, of any size in constant memory."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Column, Engine, Row, Select, Table, select

from scraping_project.storage.tables import scrape_logs, sites
from scraping_project.storage.transactions import reading
from scraping_project.storage.values import naive_utc

ExportTable = Literal["sites", "logs", "links"]

#: Rows a query. A site may hold megabytes of links, a log a few kilobytes.
SITES_PAGE, LOGS_PAGE = 50, 1_000

COLUMNS: dict[ExportTable, tuple[str, ...]] = {
    "sites": tuple(sites.columns.keys()),
    "logs": tuple(scrape_logs.columns.keys()),
    "links": ("source", "target", "rel", "depth"),
}


def stream(
    engine: Engine, table: ExportTable, domain: str | None = None, since: datetime | None = None
) -> Iterator[dict[str, Any]]:
    """Yields one dict a row, in the order of their ids, in types that JSON knows.

    Args:
        engine: The database.
        table: Which of the exports; ``links`` has a row for every link of every site, with the depth of
            the page that holds it.
        domain: Only rows whose URL has exactly this host.
        since: Only sites last scraped, and logs finished, at this moment or later.

    It is no snapshot: a row written meanwhile may or may not be among them.
    """
    if table == "logs":
        yield from map(_exported, _rows(engine, scrape_logs, LOGS_PAGE, domain, since))
    elif table == "sites":
        yield from map(_exported_site, _rows(engine, sites, SITES_PAGE, domain, since))
    else:
        for row in _rows(engine, sites, SITES_PAGE, domain, since):
            yield from _links(row)


def _rows(
    engine: Engine, table: Table, size: int, domain: str | None, since: datetime | None
) -> Iterator[Row[Any]]:
    query = _filtered(table, domain, since).order_by(table.c.id).limit(size)
    last = 0
    while True:
        # A connection a page: a slow reader holds neither a snapshot nor a connection.
        with reading(engine) as connection:
            page = connection.execute(query.where(table.c.id > last)).all()
        yield from page
        if len(page) < size:
            return
        last = page[-1].id


def _filtered(table: Table, domain: str | None, since: datetime | None) -> Select[Any]:
    query = select(table)
    if domain is not None:
        query = query.where(table.c.domain == domain.lower())
    if since is not None:
        moment: Column[datetime] = table.c.last_scraped if table is sites else table.c.finished_at
        query = query.where(moment >= naive_utc(since))
    return query


def _exported(row: Row[Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in row._asdict().items()}


def _exported_site(row: Row[Any]) -> dict[str, Any]:
    site = _exported(row)
    site["links"] = json.loads(site["links"])
    site["link_rels"] = json.loads(site["link_rels"] or "{}")
    return site


def _links(row: Row[Any]) -> Iterator[dict[str, Any]]:
    rels = json.loads(row.link_rels or "{}")
    for index, target in enumerate(json.loads(row.links)):
        yield {"source": row.url, "target": target, "rel": rels.get(str(index), ""), "depth": row.depth}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC).isoformat().replace("+00:00", "Z")
    return value.hex() if isinstance(value, bytes) else value
