"""Streams of what is stored, of any size in constant memory."""

import json
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from itertools import islice
from typing import Any, Literal

from sqlalchemy import Connection, Engine, LargeBinary, cast, func, select

from scraping_project.storage.reading.keyset import MOST, Place, Stretch, Walk, as_stored, bound
from scraping_project.storage.reading.packed_rows import Found, Packed, Page, Values, found, shown
from scraping_project.storage.reading.read_ahead import ahead
from scraping_project.storage.tables import FAILURES, items, scrape_logs, sites
from scraping_project.storage.transactions import reading

ExportTable = Literal["sites", "logs", "links", "failures", "items"]
Find = Callable[[Connection, Stretch, Place | None, int], Found | None]

#: Logs of a page.
LOGS_PAGE = 1_200
#: Sites of a page, and about how many bytes, for one may hold megabytes of links. MariaDB makes a table of a
#: list of a thousand ids (in_predicate_conversion_threshold).
SITES_PAGE, SITES_BYTES = 900, 4 * 2**20
LINKS_PAGE = 1_000
#: Items of a page: each may be as large as its spider likes.
ITEMS_PAGE = 200

COLUMNS: dict[ExportTable, tuple[str, ...]] = {
    "sites": tuple(sites.columns.keys()),
    "logs": tuple(scrape_logs.columns.keys()),
    "links": ("source", "target", "rel", "depth"),
    "failures": tuple(scrape_logs.columns.keys()),
    "items": tuple(items.columns.keys()),
}
#: Those whose values are texts of JSON.
JSON_COLUMNS = frozenset({"links", "link_rels", "data"})
URL, DEPTH, LINKS, RELS = map(COLUMNS["sites"].index, ("url", "depth", "links", "link_rels"))


def pages(
    engine: Engine,
    table: ExportTable,
    domain: str | None = None,
    since: datetime | None = None,
    *,
    reason: str | None = None,
    crawl_id: str | None = None,
    item_type: str | None = None,
) -> Generator[Page, None, None]:
    """Returns pages with the columns of ``COLUMNS``: texts, numbers, None, ISO 8601, hashes in hex.

    Args:
        engine: The database.
        table: Which of the exports; ``links`` has a row for every link of every site, with the depth of
            the page that holds it; ``failures`` are the logs that ended as failed, then as dead, then as
            filtered.
        domain: Only rows whose URL has exactly this host.
        since: Only sites last scraped, and logs finished, at this moment or later.
        reason: Only failures for this reason.
        crawl_id: Only failures of this crawl.
        item_type: Only items of this type.

    They come by id, but by time with ``since``, for the logs of a domain, and for failures. The next page is
    read on another thread while one is worked on, so close it when it is not read out; beyond that no
    connection is held.
    It is no snapshot: a row written meanwhile may or may not be among them, and where they come by time, a
    site scraped again meanwhile may come twice.

    Raises:
        ValueError: A filter is given that the table has no index for.
    """
    if table == "items" and (domain or since):
        raise ValueError("items cannot be exported by domain or time: take all, or those of a type")
    if table != "items" and item_type is not None:
        raise ValueError(f"{table} have no type: export items")
    if table != "failures" and (reason, crawl_id) != (None, None):
        raise ValueError(f"{table} cannot be exported by reason or crawl: export failures")
    if table == "items":
        return _items(engine, item_type)
    if table == "failures":
        walks = [
            Walk(scrape_logs, domain, since, status=status, reason=reason, crawl_id=crawl_id)
            for status in FAILURES
        ]
        return _logs(engine, *walks)
    if table == "logs":
        return _logs(engine, Walk(scrape_logs, domain, since))
    walk = Walk(sites, domain, since)
    return _sites(engine, walk) if table == "sites" else _links(engine, walk)


def _logs(engine: Engine, *walks: Walk) -> Generator[Page, None, None]:
    columns = list(scrape_logs.columns)
    reader = Values(columns) if engine.dialect.name == "sqlite" else Packed(columns)
    for walk in walks:
        with closing(ahead(_walked(engine, walk, LOGS_PAGE, reader.find))) as coming:
            for read in coming:
                yield shown(read.page(), columns)


def _sites(engine: Engine, walk: Walk) -> Generator[Page, None, None]:
    columns = list(sites.columns)
    with closing(ahead(_whole_sites(engine, walk, Values(columns)))) as coming:
        for page in coming:
            page[RELS] = [text or "{}" for text in page[RELS]]
            yield shown(page, columns)


def _whole_sites(engine: Engine, walk: Walk, reader: Values) -> Iterator[Page]:
    for ids in _site_ids(engine, walk):
        with reading(engine) as connection:
            read = reader.read(connection, select(*reader.columns).where(sites.c.id.in_(ids)))
        rows = {row[0]: row for row in zip(*read, strict=True)}
        page = _page(rows[number] for number in ids if number in rows)
        if page:  # else all were deleted meanwhile
            yield page


def _items(engine: Engine, item_type: str | None) -> Generator[Page, None, None]:
    columns = list(items.columns)
    reader, last = Values(columns), 0
    while True:
        query = select(items.c.id, *reader.columns).where(items.c.id > last).order_by(items.c.id)
        if item_type is not None:
            query = query.where(items.c.type == item_type)
        with reading(engine) as connection:
            read = reader.read(connection, query.limit(ITEMS_PAGE))
        if not read:
            return
        last = read[0][-1]
        yield shown(read[1:], columns)


def _links(engine: Engine, walk: Walk) -> Generator[Page, None, None]:
    with closing(_sites(engine, walk)) as coming:
        links = _links_of(coming)
        yield from iter(lambda: _page(islice(links, LINKS_PAGE)), [])


def _links_of(pages_of_sites: Iterable[Page]) -> Iterator[tuple[Any, ...]]:
    for page in pages_of_sites:
        for row in zip(*page, strict=True):
            rels = json.loads(row[RELS])
            for index, target in enumerate(json.loads(row[LINKS])):
                yield row[URL], target, rels.get(str(index), ""), row[DEPTH]


def _site_ids(engine: Engine, walk: Walk) -> Iterator[list[int]]:
    """The ids of sites that together have about SITES_BYTES, or of one that is larger."""
    texts = (sites.c.url, sites.c.links, func.coalesce(sites.c.link_rels, ""))
    size = sum((func.length(cast(text, LargeBinary)) for text in texts), start=func.length(""))
    columns = [sites.c.id, size, as_stored(sites.c.last_scraped)]

    def sizes(connection: Connection, stretch: Stretch, after: Place | None, limit: int) -> Found | None:
        rows = connection.execute(stretch.select(*columns).limit(MOST), bound(after, limit))
        return found(_page(rows))

    for read in _walked(engine, walk, SITES_PAGE, sizes):
        ids: list[int] = []
        total = 0
        for number, size_of_row, _ in zip(*read.page(), strict=True):
            if ids and total + size_of_row > SITES_BYTES:
                yield ids
                ids, total = [], 0
            ids.append(number)
            total += size_of_row
        yield ids


def _walked(engine: Engine, walk: Walk, size: int, find: Find) -> Iterator[Found]:
    """What is found on the way, about so many rows at a time."""
    after: Place | None = None
    while True:
        # A connection a page: a slow reader holds neither a snapshot nor a connection.
        with reading(engine) as connection:
            next_ = (find(connection, stretch, after, size) for stretch in walk.stretches(after))
            read = next(filter(None, next_), None)
        if read is None:
            return
        after = read.end
        yield read


def _page(rows: Iterable[Sequence[Any]]) -> Page:
    return list(zip(*rows, strict=True))
