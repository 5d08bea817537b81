"""From what the pipelines hand over to rows of ``sites``, ``scrape_logs`` and ``items``."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import Table

from scraping_project.items import NOT_MODIFIED, Link, ScrapeLog, Site, StoredItem
from scraping_project.storage import tables
from scraping_project.storage.values import (
    BIGINT_LIMIT,
    clean,
    compact_json,
    fit,
    fit_identity,
    host_of,
    moment_text,
    url_hash,
    whole,
    whole_or_none,
)

#: The most bytes of links kept of one page: escaped, they still fit into the smallest packet that a
#: server takes by default (16 MiB). ``links_count`` counts all of them, and those that the spider left out.
LINKS_BYTES = 4 * 2**20


# Tuples, with their values in the order of the columns: smaller than dicts, and written as they are.
class SiteRow(NamedTuple):
    """A row of ``sites``."""

    url_hash: bytes
    url: str
    domain: str
    title: str | None
    status_code: int
    content_type: str | None
    content_hash: bytes | None
    etag: str | None
    last_modified: str | None
    links_count: int
    links: str
    link_rels: str | None
    depth: int | None
    first_scraped: str
    last_scraped: str
    last_changed: str


class LogRow(NamedTuple):
    """A row of ``scrape_logs``."""

    task_id: str
    crawl_id: str
    run_id: str
    site: bytes | None  # the hash of its URL, in the place of the id, which is not known before it is written
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
    started_at: str
    finished_at: str


class ItemRow(NamedTuple):
    """A row of ``items``."""

    task_id: str
    number: int
    crawl_id: str
    run_id: str
    url: str
    type: str
    data: str
    scraped_at: str


class OtherRow(NamedTuple):
    """A row of a table that is not of this project."""

    table: Table
    values: dict[str, object]


Row = SiteRow | LogRow | ItemRow | OtherRow


def site_row(site: Site) -> SiteRow:
    """The row of a site as it is when its URL was never seen before.

    Raises:
        ValueError: The content hash is not 32 hexadecimal digits.
    """
    scraped = moment_text(site.scraped_at)
    links, rels = _packed(site.links)
    return SiteRow(
        url_hash(site.url),
        fit(site.url, tables.URL_LENGTH),
        fit(host_of(site.url), tables.SHORT_LENGTH),
        fit(site.title, tables.TITLE_LENGTH),
        whole(site.status_code),
        fit(site.content_type, tables.SHORT_LENGTH),
        _content_hash(site.content_hash),
        fit(site.etag, tables.SHORT_LENGTH),
        fit(site.last_modified, tables.SHORT_LENGTH),
        whole(len(site.links) + site.links_left_out),
        links,
        rels,
        whole_or_none(site.depth),
        scraped,
        scraped,
        scraped,
    )


def log_row(log: ScrapeLog) -> LogRow:
    """The row of an attempt."""
    return LogRow(
        fit_identity(log.task_id, tables.TASK_ID_LENGTH, ascii_only=True),
        _id(log.crawl_id),
        _id(log.run_id),
        None if log.site_url is None else url_hash(log.site_url),
        fit(log.url, tables.URL_LENGTH),
        fit(host_of(log.url), tables.SHORT_LENGTH),
        fit(log.status, tables.WORD_LENGTH),
        whole_or_none(log.status_code),
        fit(log.reason, tables.WORD_LENGTH),
        fit(log.error_message, tables.ERROR_LENGTH),
        whole(log.records_scraped),
        whole(log.attempt),
        whole_or_none(log.latency_ms),
        whole_or_none(log.bytes, BIGINT_LIMIT),
        moment_text(log.started_at),
        _shared_moment_text(log.finished_at),
    )


def with_id(log: LogRow, ids: Mapping[bytes, int]) -> tuple[object, ...]:
    """The row of an attempt as it is written, by the ids of the sites."""
    return *log[:3], None if log.site is None else ids.get(log.site), *log[4:]


def item_row(item: StoredItem) -> ItemRow:
    return ItemRow(
        fit_identity(item.task_id, tables.TASK_ID_LENGTH, ascii_only=True),
        whole(item.number),
        _id(item.crawl_id),
        _id(item.run_id),
        fit(item.url, tables.URL_LENGTH),
        fit(item.type, tables.SHORT_LENGTH),
        clean(item.data),
        moment_text(item.scraped_at),
    )


@lru_cache(maxsize=16)
def _id(text: str) -> str:
    """The id of a crawl or run: the same for many rows."""
    return fit_identity(text, tables.ID_LENGTH)


#: The logs of a batch have ended at the same moment.
_shared_moment_text = lru_cache(maxsize=1)(moment_text)


def is_unmodified(row: SiteRow) -> bool:
    """Whether the row of a site says no more than that it was asked for and is as it was."""
    return row.status_code == NOT_MODIFIED


def merge_sites(rows: Iterable[SiteRow]) -> list[SiteRow]:
    """One row a URL, the last one, with the first's times; sorted, so that two workers lock alike."""
    merged: dict[bytes, SiteRow] = {}
    for row in rows:
        earlier = merged.get(row.url_hash)
        merged[row.url_hash] = row if earlier is None else _merge(earlier, row)
    return [merged[key] for key in sorted(merged)]


def _merge(earlier: SiteRow, later: SiteRow) -> SiteRow:
    if is_unmodified(later):
        return earlier._replace(
            last_scraped=later.last_scraped,
            etag=earlier.etag if later.etag is None else later.etag,
            last_modified=earlier.last_modified if later.last_modified is None else later.last_modified,
        )
    unchanged = earlier.content_hash == later.content_hash
    return later._replace(
        first_scraped=min(earlier.first_scraped, later.first_scraped),
        last_changed=earlier.last_changed if unchanged else later.last_changed,
    )


def _content_hash(digits: str | None) -> bytes | None:
    if digits is None:
        return None
    content_hash = bytes.fromhex(digits)
    if len(content_hash) != 16:  # noqa: PLR2004 -- the column's own size
        raise ValueError(f"content_hash has {len(digits)} digits, not 32")
    return content_hash


def _packed(links: list[Link]) -> tuple[str, str | None]:
    """The URLs of as many links as are kept, and the rels of those that have any, by their number."""
    if not links:
        return "[]", None
    urls, rels = zip(*links, strict=True)
    packed, said = compact_json(urls), "".join(rels)
    # Four bytes a character at most, and a dozen for a rel's quotes, comma and number.
    if 4 * (len(packed) + len(said)) + (12 * len(links) if said else 0) > LINKS_BYTES:
        kept = _how_many_fit(links)
        packed, rels = compact_json(urls[:kept]), rels[:kept]
    return packed, _numbered(rels) if said else None


def _how_many_fit(links: list[Link]) -> int:
    size = 0
    for place, link in enumerate(links):
        size += len(compact_json(link).encode()) + 12
        if size > LINKS_BYTES:
            return place
    return len(links)


def _numbered(rels: Iterable[str]) -> str | None:
    """Those that say something, by the number of their link; None when there are none."""
    said = {index: rel for index, rel in enumerate(rels) if rel}
    return compact_json(said) if said else None
