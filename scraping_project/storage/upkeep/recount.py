"""Makes the roll-ups true again, should they ever not be."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, case, delete, func, select

from scraping_project.storage.engine import answering_within
from scraping_project.storage.tables import (
    ALL,
    FAILURES,
    attempt_minutes,
    attempt_totals,
    failure_hours,
    scrape_logs,
    site_totals,
    sites,
)
from scraping_project.storage.transactions import writing
from scraping_project.storage.values import moment_text, naive_utc
from scraping_project.storage.writing import bulk
from scraping_project.storage.writing.rollups import LARGEST_BODY, MEASURES, MINUTE_KEY, Counts, failure_key
from scraping_project.storage.writing.upserts import add_up

LOCKS = (
    "LOCK TABLES scrape_logs READ, sites READ, attempt_minutes WRITE, attempt_totals WRITE,"
    " site_totals WRITE, failure_hours WRITE"
)


def recount(engine: Engine, since: datetime | None = None) -> None:
    """Counts the rows and corrects the roll-ups.

    For after an upgrade from before there were roll-ups, when the last worker of that version has ended.
    It reads every log since then, and nobody writes meanwhile: the crawl waits.

    Args:
        engine: The database.
        since: Only logs finished in this minute or later, all of which must still be there; without it,
            the roll-ups are made anew, and forget what was pruned. Hours of failures are added up from
            the minutes that are there.
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
        _add_up_failures(connection, begin)


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


def _add_up_failures(connection: Connection, begin: datetime | None) -> None:
    """Makes the hours anew from the minutes, one hour in memory at a time."""
    hour = naive_utc(datetime.min.replace(tzinfo=UTC)) if begin is None else begin.replace(minute=0)
    connection.execute(delete(failure_hours).where(failure_hours.c.hour >= hour))
    minute = attempt_minutes.c
    key = [minute.status, minute.crawl_id, minute.reason, minute.domain]
    first = select(func.min(minute.minute))
    while (found := connection.scalar(first.where(minute.minute >= hour))) is not None:
        hour = found.replace(minute=0)
        end = hour + timedelta(hours=1)
        sums = select(*key, func.sum(minute.attempts)).where(minute.minute >= hour, minute.minute < end)
        sums = sums.where(minute.status.in_(FAILURES)).group_by(*key).having(func.sum(minute.attempts) > 0)
        rows = [
            (*failure_key(moment_text(hour)[:13], *row[:4]), int(row[4])) for row in connection.execute(sums)
        ]
        bulk.execute(connection, add_up, failure_hours, rows)
        hour = end


def _compare_sites(connection: Connection, counts: Counts) -> None:
    counted = select(sites.c.domain, func.count()).group_by(sites.c.domain)
    differences: dict[str, int] = {row[0]: row[1] for row in connection.execute(counted)}
    rolled_up = select(site_totals.c.domain, site_totals.c.sites).where(site_totals.c.domain != ALL)
    for domain, number in connection.execute(rolled_up):
        differences[domain] = differences.get(domain, 0) - number
    counts.add_sites(differences)
