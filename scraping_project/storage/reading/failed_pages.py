"""Pages whose last answer was a failure: what a retry asks for again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, Select, or_, select

from scraping_project.storage.tables import scrape_logs, sites
from scraping_project.storage.transactions import reading
from scraping_project.storage.values import naive_utc

#: Pages a query.
SLICE = 500


@dataclass(frozen=True, slots=True)
class FailedPage:
    """A page that failed, and has not been answered since."""

    log_id: int
    finished_at: datetime  # UTC, naive
    url: str
    depth: int
    crawl_id: str

    @property
    def position(self) -> str:
        """Its place among them, as a text that sorts as they do."""
        return f"{self.finished_at:%Y%m%d%H%M%S%f}{self.log_id:020d}"


@dataclass(frozen=True, slots=True)
class WhichPages:
    """Which failures are meant; None stands for all."""

    since: datetime
    until: datetime
    reason: str | None = None
    domain: str | None = None
    log_ids: tuple[int, ...] | None = None


def failed_pages(
    engine: Engine, which: WhichPages, after: tuple[datetime, int] | None = None, limit: int = SLICE
) -> list[FailedPage]:
    """Returns some of the pages, the oldest failure first.

    Args:
        engine: The database.
        which: Those that are meant.
        after: ``finished_at`` and ``log_id`` of the last page before.
        limit: How many at the most.
    """
    with reading(engine) as connection:
        return [_page(row) for row in connection.execute(failed_pages_query(which, after, limit))]


def failed_pages_query(
    which: WhichPages, after: tuple[datetime, int] | None = None, limit: int = SLICE
) -> Select[Any]:
    """The query for them. Of a page that failed again, the last failure is taken alone."""
    log, later = scrape_logs.c, scrape_logs.alias("later")
    columns = [log.id, log.finished_at, log.url, log.crawl_id, sites.c.depth]
    query = select(*columns).join_from(scrape_logs, sites, log.site_id == sites.c.id, isouter=True)
    query = query.where(log.status == "failed", log.finished_at >= naive_utc(which.since))
    query = query.where(log.finished_at <= naive_utc(which.until))
    if which.reason is not None:
        query = query.where(log.reason == which.reason)
    if which.domain is not None:  # not by the index of domains: those hold the answers that were well, too
        query = query.where(log.domain.concat("") == which.domain)
    if which.log_ids is not None:
        query = query.where(log.id.in_(which.log_ids))
    else:
        query = query.with_hint(scrape_logs, "FORCE INDEX (ix_scrape_logs_status)", "mysql")
    if after is not None:
        query = query.where(log.finished_at >= after[0], or_(log.finished_at > after[0], log.id > after[1]))
    newer = select(later.c.id).where(later.c.site_id == log.site_id, later.c.finished_at > log.finished_at)
    return query.where(~newer.exists()).order_by(log.finished_at, log.id).limit(limit)


def _page(row: Row[Any]) -> FailedPage:
    return FailedPage(row.id, row.finished_at, row.url, row.depth or 0, row.crawl_id)


def frontiers_of(pages: Sequence[FailedPage]) -> dict[str, list[FailedPage]]:
    """The pages by the names of their frontiers, with which the ids of crawls begin."""
    found: dict[str, list[FailedPage]] = {}
    for page in pages:
        found.setdefault(frontier_of(page.crawl_id), []).append(page)
    return found


def frontier_of(crawl_id: str) -> str:
    """The name of a crawl's frontier: its id without the moment and the chance at its end."""
    return crawl_id.rsplit("-", 2)[0]
