"""What is stored: a list of pages, and one page with its history and its place in the queue."""

from dataclasses import dataclass
from datetime import UTC, datetime

import redis
from sqlalchemy import Engine

from scraping_project.frontier.frontier import Frontier
from scraping_project.http.fingerprints import Fingerprinter
from scraping_project.monitor.stores import Stores
from scraping_project.storage.reading import sites
from scraping_project.storage.reading.cursors import Cursor
from scraping_project.storage.reading.failed_pages import frontier_of
from scraping_project.storage.reading.overview import sites_count
from scraping_project.storage.reading.sites import KnownSite, SiteLine
from scraping_project.storage.tables import ALL

#: Links of a page that are shown.
LINKS = 200


@dataclass(frozen=True, slots=True)
class SiteFilter:
    """Which pages are shown: of a host, of a class of status (4 for 4xx), or those that changed since."""

    domain: str | None = None
    status_class: int | None = None
    changed_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sites:
    """Pages, those that were asked for last first; None while the database is away."""

    sites: tuple[SiteLine, ...] | None
    total: int | None  # of the host, or of all; None with another filter
    older: Cursor = None
    newer: Cursor = None


@dataclass(frozen=True, slots=True)
class ShownLink:
    """A link of a page."""

    url: str
    rel: str
    is_stored: bool


@dataclass(frozen=True, slots=True)
class SiteDetail:
    """What is known of a URL; no site where it was never answered."""

    url: str
    site: KnownSite | None
    links: tuple[ShownLink, ...]
    frontier: str | None  # that of its newest attempt
    is_known_there: bool | None  # to the frontier's dupe filter; None: nobody knows


def read_sites(stores: Stores, which: SiteFilter, cursor: Cursor = None) -> Sites:
    """Reads a page of pages.

    Raises:
        ValueError: No index serves these filters together, or the cursor is none of this list.
    """

    def ask(engine: Engine) -> Sites:
        found = sites.list_sites(
            engine,
            domain=which.domain,
            status_class=which.status_class,
            changed_since=which.changed_since,
            cursor=cursor,
        )
        other = which.status_class is not None or which.changed_since is not None
        total = None if other else sites_count(engine, which.domain or ALL)
        return Sites(tuple(found.rows), total, found.older, found.newer)

    return stores.database.read(ask) or Sites(None, None)


def read_site(stores: Stores, url: str) -> SiteDetail | None:
    """Reads what is known of exactly this URL; None while the database is away."""

    def ask(engine: Engine) -> tuple[KnownSite | None, tuple[ShownLink, ...]]:
        site = sites.site_of_url(engine, url)
        shown = site.links[:LINKS] if site else ()
        stored = sites.known(engine, [link.url for link in shown])
        return site, tuple(ShownLink(link.url, link.rel, link.url in stored) for link in shown)

    found = stores.database.read(ask)
    if found is None:
        return None
    site, links = found
    frontier = frontier_of(site.attempts[0].crawl_id) if site and site.attempts else None
    return SiteDetail(url, site, links, frontier, _is_known(stores, frontier, url))


def _is_known(stores: Stores, frontier: str | None, url: str) -> bool | None:
    try:
        keys = stores.keys_of(frontier or "")
    except ValueError:  # the crawl's id is somebody else's
        return None

    def ask(server: redis.Redis) -> bool:
        return Frontier(server, keys).known([Fingerprinter.number_of(url)]) == "1"

    return stores.redis.read(ask)


def a_moment(text: str) -> datetime:
    """A moment as people write it; UTC unless it says otherwise.

    Raises:
        ValueError: It is none.
    """
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
