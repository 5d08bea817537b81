"""From what the pipelines hand over to rows of ``sites``, ``scrape_logs`` and ``items``."""

from collections.abc import Iterable
from typing import Any

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

Row = dict[str, Any]

#: The most bytes of links kept of one page: escaped, they still fit into the smallest packet that a
#: server takes by default (16 MiB). ``links_count`` counts all of them.
LINKS_BYTES = 4 * 2**20

#: What a server tells its versions of a page apart by.
VALIDATORS = ("etag", "last_modified")


def site_row(site: Site) -> Row:
    """The row of a site as it is when its URL was never seen before.

    Raises:
        ValueError: The content hash is not 32 hexadecimal digits.
    """
    scraped = moment_text(site.scraped_at)
    links, rels = _links_that_fit(site.links)
    return {
        "url_hash": url_hash(site.url),
        "url": fit(site.url, tables.URL_LENGTH),
        "domain": fit(host_of(site.url), tables.SHORT_LENGTH),
        "title": fit(site.title, tables.TITLE_LENGTH),
        "status_code": whole(site.status_code),
        "content_type": fit(site.content_type, tables.SHORT_LENGTH),
        "content_hash": _content_hash(site.content_hash),
        "etag": fit(site.etag, tables.SHORT_LENGTH),
        "last_modified": fit(site.last_modified, tables.SHORT_LENGTH),
        "links_count": len(site.links),
        "links": compact_json(links),
        "link_rels": _numbered(rels) if any(rels) else None,
        "depth": whole_or_none(site.depth),
        "first_scraped": scraped,
        "last_scraped": scraped,
        "last_changed": scraped,
    }


def log_row(log: ScrapeLog) -> Row:
    """The row of an attempt, all but its ``site_id``."""
    return {
        "task_id": fit_identity(log.task_id, tables.TASK_ID_LENGTH, ascii_only=True),
        "crawl_id": fit_identity(log.crawl_id, tables.ID_LENGTH),
        "run_id": fit_identity(log.run_id, tables.ID_LENGTH),
        "url": fit(log.url, tables.URL_LENGTH),
        "domain": fit(host_of(log.url), tables.SHORT_LENGTH),
        "status": fit(log.status, tables.WORD_LENGTH),
        "status_code": whole_or_none(log.status_code),
        "reason": fit(log.reason, tables.WORD_LENGTH),
        "error_message": fit(log.error_message, tables.ERROR_LENGTH),
        "records_scraped": whole(log.records_scraped),
        "attempt": whole(log.attempt),
        "latency_ms": whole_or_none(log.latency_ms),
        "bytes": whole_or_none(log.bytes, BIGINT_LIMIT),
        "started_at": moment_text(log.started_at),
        "finished_at": moment_text(log.finished_at),
    }


def item_row(item: StoredItem) -> Row:
    return {
        "task_id": fit_identity(item.task_id, tables.TASK_ID_LENGTH, ascii_only=True),
        "number": whole(item.number),
        "crawl_id": fit_identity(item.crawl_id, tables.ID_LENGTH),
        "run_id": fit_identity(item.run_id, tables.ID_LENGTH),
        "url": fit(item.url, tables.URL_LENGTH),
        "type": fit(item.type, tables.SHORT_LENGTH),
        "data": clean(item.data),
        "scraped_at": moment_text(item.scraped_at),
    }


def is_unmodified(row: Row) -> bool:
    """Whether the row of a site says no more than that it was asked for and is as it was."""
    return bool(row["status_code"] == NOT_MODIFIED)


def merge_sites(rows: Iterable[Row]) -> list[Row]:
    """One row a URL, the last one, with the first's times; sorted, so that two workers lock alike."""
    merged: dict[bytes, Row] = {}
    for row in rows:
        earlier = merged.get(row["url_hash"])
        merged[row["url_hash"]] = row if earlier is None else _merge(earlier, row)
    return [merged[key] for key in sorted(merged)]


def _merge(earlier: Row, later: Row) -> Row:
    if is_unmodified(later):
        return {**earlier, "last_scraped": later["last_scraped"], **_validators(later)}
    unchanged = earlier["content_hash"] == later["content_hash"]
    return {
        **later,
        "first_scraped": min(earlier["first_scraped"], later["first_scraped"]),
        "last_changed": earlier["last_changed"] if unchanged else later["last_changed"],
    }


def _validators(row: Row) -> Row:
    return {name: row[name] for name in VALIDATORS if row[name] is not None}


def _content_hash(digits: str | None) -> bytes | None:
    if digits is None:
        return None
    content_hash = bytes.fromhex(digits)
    if len(content_hash) != 16:  # noqa: PLR2004 -- the column's own size
        raise ValueError(f"content_hash has {len(digits)} digits, not 32")
    return content_hash


def _links_that_fit(links: list[Link]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The URLs and the rels of as many links as are kept."""
    urls, rels = zip(*links, strict=True) if links else ((), ())
    # Four bytes a character at most, and a dozen for quotes, comma and index.
    if 4 * (len("".join(urls)) + len("".join(rels))) + 12 * len(links) <= LINKS_BYTES:
        return urls, rels
    kept, size = 0, 0
    for link in links:
        size += len(compact_json(link).encode()) + 12
        if size > LINKS_BYTES:
            break
        kept += 1
    return urls[:kept], rels[:kept]


def _numbered(rels: Iterable[str]) -> str:
    """Those that say something, by the number of their link."""
    return compact_json({index: rel for index, rel in enumerate(rels) if rel})
