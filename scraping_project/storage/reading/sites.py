"""Sites as people look through them: whole lists without what they link to, and one site with all of it."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, select

from scraping_project.items import Link
from scraping_project.storage.reading.cursors import PAGE, Cursor, Key, Page, read_page
from scraping_project.storage.reading.logs import COLUMNS as LOG_COLUMNS
from scraping_project.storage.reading.logs import Log, log_of
from scraping_project.storage.tables import scrape_logs, sites
from scraping_project.storage.transactions import reading
from scraping_project.storage.values import naive_utc, url_hash

TOGETHER = "these filters of sites do not go together: take none, domain, status_class, or changed_since"
NO_CLASS = "status_class is a number from 1 to 5, for 100 to 599"
ATTEMPTS = 20
KNOWN = 10_000
#: MariaDB makes a table of a list of a thousand values (in_predicate_conversion_threshold).
LOOKED_UP = 900


@dataclass(frozen=True, slots=True)
class SiteLine:
    """A site without what it links to."""

    id: int
    url: str
    domain: str
    title: str | None
    status_code: int
    content_type: str | None
    links_count: int
    depth: int | None
    first_scraped: datetime  # UTC, naive
    last_scraped: datetime
    last_changed: datetime


@dataclass(frozen=True, slots=True)
class KnownSite:
    """A site with what it links to, and its newest attempts, the newest first."""

    site: SiteLine
    etag: str | None
    last_modified: str | None
    links: Sequence[Link]  # those that are stored
    attempts: Sequence[Log]


COLUMNS = [sites.c[each.name] for each in fields(SiteLine)]
BY_ID = (Key(sites.c.id, falls=True),)
BY_TIME = (Key(sites.c.last_scraped, falls=True), *BY_ID)
BY_STATUS = (Key(sites.c.status_code), Key(sites.c.id))


def list_sites(
    engine: Engine,
    *,
    domain: str | None = None,
    status_class: int | None = None,
    changed_since: datetime | None = None,
    cursor: Cursor = None,
    limit: int = PAGE,
) -> Page[SiteLine]:
    """A page of sites, those scraped last first; one filter at the most.

    Args:
        engine: The database.
        domain: Only of this host, those found last first.
        status_class: Only with an answer of so many hundred, by status.
        changed_since: Only those whose content changed since.
        cursor: ``older`` or ``newer`` of another page of the same filter.
        limit: Rows at the most.

    Raises:
        ValueError: No index serves these filters together, or the cursor is none of this list.
    """
    if sum(value is not None for value in (domain, status_class, changed_since)) > 1:
        raise ValueError(TOGETHER)
    index, keys, conditions = _way(domain, status_class, changed_since)
    query = select(*COLUMNS).where(*conditions)
    query = query.with_hint(sites, f"FORCE INDEX ({index})", "mysql")
    query = query.with_hint(sites, f"INDEXED BY {index}", "sqlite")
    with reading(engine) as connection:
        return read_page(connection, query, keys, _line, cursor=cursor, limit=limit)


def site_of_url(engine: Engine, url: str, attempts: int = ATTEMPTS) -> KnownSite | None:
    """What is known of exactly this URL; None when it was never answered."""
    query = select(*COLUMNS, sites.c.etag, sites.c.last_modified, sites.c.links, sites.c.link_rels)
    with reading(engine) as connection:
        row = connection.execute(query.where(sites.c.url_hash == url_hash(url))).mappings().first()
        if row is None:
            return None
        logs = select(*LOG_COLUMNS).where(scrape_logs.c.site_id == row["id"])
        logs = logs.order_by(scrape_logs.c.id.desc()).limit(attempts)
        found = [log_of(log) for log in connection.execute(logs).mappings()]
    line = _line({column.name: row[column] for column in COLUMNS})
    return KnownSite(line, row["etag"], row["last_modified"], _links(row), found)


def known(engine: Engine, urls: Collection[str]) -> set[str]:
    """Which of these URLs are stored.

    Raises:
        ValueError: They are more than KNOWN.
    """
    if len(urls) > KNOWN:
        raise ValueError(f"{KNOWN:,} URLs can be looked up at once, not {len(urls):,}")
    by_hash = {url_hash(url): url for url in urls}
    hashes = sorted(by_hash)
    found: set[str] = set()
    for start in range(0, len(hashes), LOOKED_UP):
        query = select(sites.c.url_hash).where(sites.c.url_hash.in_(hashes[start : start + LOOKED_UP]))
        with reading(engine) as connection:
            found.update(by_hash[digest] for digest in connection.scalars(query))
    return found


def _way(
    domain: str | None, status_class: int | None, changed_since: datetime | None
) -> tuple[str, tuple[Key, ...], list[ColumnElement[bool]]]:
    """The index that holds such sites in the order of the keys."""
    site = sites.c
    if domain is not None:
        return "ix_sites_domain", BY_ID, [site.domain == domain.lower()]
    if status_class is not None:
        if not 1 <= status_class <= 5:  # noqa: PLR2004  HTTP's own
            raise ValueError(NO_CLASS)
        between = site.status_code.between(100 * status_class, 100 * status_class + 99)
        return "ix_sites_status_code", BY_STATUS, [between]
    if changed_since is not None:
        # What has changed was scraped then or later.
        since = naive_utc(changed_since)
        return "ix_sites_last_scraped", BY_TIME, [site.last_scraped >= since, site.last_changed >= since]
    return "ix_sites_last_scraped", BY_TIME, []


def _line(row: Mapping[Any, Any]) -> SiteLine:
    return SiteLine(**row)


def _links(row: Mapping[Any, Any]) -> list[Link]:
    rels = json.loads(row["link_rels"] or "{}")
    return [Link(url, rels.get(str(place), "")) for place, url in enumerate(json.loads(row["links"]))]
