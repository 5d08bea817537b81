"""Streams of what is stored, of any size in constant memory."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Literal

from sqlalchemy import Connection, Engine, LargeBinary, cast, func, select

from scraping_project.storage.keyset import Place, Stretch, Walk, as_stored
from scraping_project.storage.packed import Packed, Row, Values, shown
from scraping_project.storage.tables import scrape_logs, sites
from scraping_project.storage.transactions import reading

ExportTable = Literal["sites", "logs", "links"]
Page = Sequence[Sequence[Any]]
ReadPage = Callable[[Connection, Stretch, int], list[Row]]

#: Rows of a page, and about how many bytes, for a site may hold megabytes of links. MariaDB makes a table of
#: a list of a thousand ids (in_predicate_conversion_threshold).
PAGE_ROWS, PAGE_BYTES = 900, 4 * 2**20

COLUMNS: dict[ExportTable, tuple[str, ...]] = {
    "sites": tuple(sites.columns.keys()),
    "logs": tuple(scrape_logs.columns.keys()),
    "links": ("source", "target", "rel", "depth"),
}
#: Those whose values are texts of JSON.
JSON_COLUMNS = frozenset({"links", "link_rels"})
URL, DEPTH, LINKS, RELS = map(COLUMNS["sites"].index, ("url", "depth", "links", "link_rels"))


def pages(
    engine: Engine, table: ExportTable, domain: str | None = None, since: datetime | None = None
) -> Iterator[Page]:
    """Yields rows in the order of ``COLUMNS``: texts, numbers and None, moments as ISO 8601, hashes in hex.

    Args:
        engine: The database.
        table: Which of the exports; ``links`` has a row for every link of every site, with the depth of
            the page that holds it.
        domain: Only rows whose URL has exactly this host.
        since: Only sites last scraped, and logs finished, at this moment or later.

    They come by id, but by time with ``since`` and for the logs of a domain. Between two pages no
    connection is held. It is no snapshot: a row written meanwhile may or may not be among them, and where
    they come by time, a site scraped again meanwhile may come twice.
    """
    if table == "logs":
        yield from _logs(engine, Walk(scrape_logs, domain, since))
    elif table == "sites":
        yield from _sites(engine, Walk(sites, domain, since))
    else:
        links = _links(engine, Walk(sites, domain, since))
        yield from iter(lambda: list(islice(links, PAGE_ROWS)), [])


def _logs(engine: Engine, walk: Walk) -> Iterator[list[Row]]:
    columns = list(scrape_logs.columns)
    reader = Values(columns) if engine.dialect.name == "sqlite" else Packed(columns)
    for page in _walked(engine, walk, reader.page):
        yield shown(page, columns)


def _sites(engine: Engine, walk: Walk) -> Iterator[list[Row]]:
    columns = list(sites.columns)
    reader = Values(columns)
    for ids in _site_ids(engine, walk):
        with reading(engine) as connection:
            found = reader.read(connection, select(*reader.columns).where(sites.c.id.in_(ids)))
        rows = {row[0]: row for row in found}
        for row in found:
            row[RELS] = row[RELS] or "{}"
        yield shown([rows[number] for number in ids if number in rows], columns)


def _links(engine: Engine, walk: Walk) -> Iterator[tuple[Any, ...]]:
    for page in _sites(engine, walk):
        for row in page:
            rels = json.loads(row[RELS])
            for index, target in enumerate(json.loads(row[LINKS])):
                yield row[URL], target, rels.get(str(index), ""), row[DEPTH]


def _site_ids(engine: Engine, walk: Walk) -> Iterator[list[int]]:
    """The ids of sites that together have about PAGE_BYTES, or of one that is larger."""
    texts = (sites.c.url, sites.c.links, func.coalesce(sites.c.link_rels, ""))
    size = sum((func.length(cast(text, LargeBinary)) for text in texts), start=func.length(""))
    columns = [sites.c.id, size, as_stored(sites.c.last_scraped)]

    def sizes(connection: Connection, stretch: Stretch, limit: int) -> list[Row]:
        return [list(row) for row in connection.execute(stretch.select(*columns).limit(limit))]

    for page in _walked(engine, walk, sizes):
        ids: list[int] = []
        total = 0
        for number, size_of_row, _ in page:
            if ids and total + size_of_row > PAGE_BYTES:
                yield ids
                ids, total = [], 0
            ids.append(number)
            total += size_of_row
        yield ids


def _walked(engine: Engine, walk: Walk, read: ReadPage) -> Iterator[list[Row]]:
    """Pages of rows that begin with their id and end with their moment."""
    after: Place | None = None
    while True:
        # A connection a page: a slow reader holds neither a snapshot nor a connection.
        with reading(engine) as connection:
            found = (read(connection, stretch, PAGE_ROWS) for stretch in walk.stretches(after))
            page = next(filter(None, found), None)
        if page is None:
            return
        after = Place(page[-1][-1], page[-1][0])
        yield page
