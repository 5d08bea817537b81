"""Single attempts, by those filters that an index serves."""

from dataclasses import dataclass

from scraping_project.monitor.stores import Stores
from scraping_project.storage.reading.cursors import Cursor
from scraping_project.storage.reading.logs import Log, logs


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which attempts are shown: of a domain, of a status, or of a crawl, a status and a reason."""

    domain: str | None = None
    status: str | None = None
    crawl_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Logs:
    """Attempts, the newest first; None while the database is away."""

    logs: tuple[Log, ...] | None
    older: Cursor = None
    newer: Cursor = None


def read_logs(stores: Stores, which: LogFilter, cursor: Cursor = None) -> Logs:
    """Reads a page of attempts.

    Raises:
        ValueError: No index serves these filters together, or the cursor is none of this list.
    """
    found = stores.database.read(
        lambda engine: logs(
            engine,
            domain=which.domain,
            status=which.status,
            crawl_id=which.crawl_id,
            reason=which.reason,
            cursor=cursor,
        )
    )
    return Logs(tuple(found.rows), found.older, found.newer) if found else Logs(None)
