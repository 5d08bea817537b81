"""Makes the roll-ups true again, should they ever not be."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, Engine, case, delete, func, select

from scraping_project.storage.engine import answering_within
from scraping_project.storage.tables import (
    ALL,
    attempt_minutes,
    attempt_totals,
    scrape_logs,
    site_totals,
    sites,
)
from scraping_project.storage.transactions import writing
from scraping_project.storage.values import moment_text, naive_utc
from scraping_project.storage.writing import bulk
from scraping_project.storage.writing.rollups import LARGEST_BODY, MEASURES, MINUTE_KEY, Counts
from scraping_project.storage.writing.upserts import add_up

LOCKS = (
    "LOCK TABLES scrape_logs READ, sites READ, attempt_minutes WRITE, attempt_totals WRITE, site_totals WRITE"
)


def recount(engine: Engine, since: datetime | None = None) -> None:
    """Counts the rows and corrects the roll-ups.

    For after an upgrade from before there were roll-ups, when the last worker of that version has ended.
    It reads every log since then, and nobody writes meanwhile: the crawl waits.

    Args:
        engine: The database.
        since: Only logs finished in this minute or later, all of which must still be there; without it,
            the roll-ups are made anew, and forget what was pruned.
    """
    begin = None if since is None else naive_utc(since).replace(second=0, microsecond=0)
    with _alone(engine) as connection:
        if begin is None:
            for table in (site_totals, attempt_minutes, attempt_totals):
                connection.execute(delete(table))
        counts = Counts()
        for key, measures in _counted(connection, begin):
            counts.add_measures(key, measures)
        for key, measures in _rolled_up(connection, begin):
            counts.add_measures(key, measures, -1)
        _compare_sites(connection, counts)
        bulk.execute(connection, add_up, site_totals, counts.sites())
        bulk.execute(connection, add_up, attempt_minutes, counts.minutes())
        bulk.execute(connection, add_up, attempt_totals, counts.totals())


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """A transaction while which nobody else writes what is counted."""
    slow = answering_within(engine, None)
    try:
        with writing(slow) as connection:
            if slow.dialect.name == "sqlite":  # a writer is alone there
                yield connection
                return
            connection.exec_driver_sql(LOCKS)
            try:
                yield connection
                connection.exec_driver_sql("COMMIT")  # before the locks go
            finally:
                connection.exec_driver_sql("UNLOCK TABLES")
    finally:
        slow.dispose()


def _counted(connection: Connection, begin: datetime | None) -> Iterator[tuple[tuple[str, ...], list[int]]]:
    log = scrape_logs.c
    if connection.dialect.name == "sqlite":
        minute = func.substr(log.finished_at, 1, 16)
    else:
        minute = func.date_format(log.finished_at, "%Y-%m-%d %H:%i")
    key = [log.domain, minute, log.crawl_id, log.status, func.coalesce(log.reason, "")]
    size = case((log.bytes.between(0, LARGEST_BODY), log.bytes), else_=0)
    sums = [func.sum(column) for column in (log.latency_ms, size, log.records_scraped)]
    query = select(*key, func.count(), func.count(log.latency_ms), *sums).group_by(*key)
    if begin is not None:
        query = query.where(log.finished_at >= begin)
    for domain, minute_text, *row in connection.execute(query):
        yield (domain, f"{minute_text}:00.000000", *row[:3]), [int(value or 0) for value in row[3:]]


def _rolled_up(connection: Connection, begin: datetime | None) -> Iterator[tuple[tuple[str, ...], list[int]]]:
    table = attempt_minutes
    names = [*MINUTE_KEY, *MEASURES]
    query = select(*(table.c[name] for name in names)).where(table.c.domain != ALL)
    if begin is not None:
        query = query.where(table.c.minute >= begin)
    for domain, minute, *row in connection.execute(query):
        yield (domain, moment_text(minute), *row[:3]), list(row[3:])


def _compare_sites(connection: Connection, counts: Counts) -> None:
    counted = select(sites.c.domain, func.count()).group_by(sites.c.domain)
    differences: dict[str, int] = {row[0]: row[1] for row in connection.execute(counted)}
    rolled_up = select(site_totals.c.domain, site_totals.c.sites).where(site_totals.c.domain != ALL)
    for domain, number in connection.execute(rolled_up):
        differences[domain] = differences.get(domain, 0) - number
    counts.add_sites(differences)
