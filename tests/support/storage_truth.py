"""What the roll-ups should say, by counting the rows one by one; and rows to count."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from scraping_project.items import ScrapeLog, Site, StoredItem
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
from scraping_project.storage.transactions import reading
from scraping_project.storage.writing.rollups import group_id

NOON = datetime(2026, 1, 1, 12, 0, 30, 123456, tzinfo=UTC)
MEASURES = ("attempts", "timed", "latency_ms", "bytes", "records")


def site(url, minutes=0, **changes):
    moment = NOON + timedelta(minutes=minutes)
    return Site(**{"url": url, "status_code": 200, "scraped_at": moment, **changes})


def log(task_id, minutes=0, **changes):
    moment = NOON + timedelta(minutes=minutes)
    values = {
        "crawl_id": "crawl",
        "run_id": "run",
        "url": "http://a.example/",
        "site_url": None,
        "status": "success",
        "status_code": 200,
        "reason": None,
        "error_message": None,
        "records_scraped": 1,
        "attempt": 1,
        "latency_ms": 20,
        "bytes": 1000,
        "started_at": moment,
        "finished_at": moment,
    }
    return ScrapeLog(task_id=task_id, **(values | changes))


def assert_rollups_are_true(engine):
    with reading(engine) as connection:
        logs = connection.execute(select(scrape_logs)).all()
        domains = Counter(connection.scalars(select(sites.c.domain)))
        minutes = _stored(connection, attempt_minutes)
        totals = _stored(connection, attempt_totals)
        failures = _failures(connection)
        by_domain = {row.domain: row.sites for row in connection.execute(select(site_totals))}
    assert by_domain == ({**domains, ALL: domains.total()} if domains else {})
    assert minutes == _counted(
        ((which, row.finished_at.replace(second=0, microsecond=0), row.crawl_id), row)
        for row in logs
        for which in (row.domain, ALL)
    )
    assert totals == _counted(
        (key, row) for row in logs for key in ((row.domain, ALL), (ALL, row.crawl_id), (ALL, ALL))
    )
    assert failures == Counter(
        (
            row.finished_at.replace(minute=0, second=0, microsecond=0),
            which,
            row.crawl_id,
            row.status,
            row.reason or "",
        )
        for row in logs
        for which in (row.domain, ALL)
        if row.status in FAILURES
    )


def _failures(connection):
    for row in connection.execute(select(failure_hours)):
        assert row.group_id == group_id(row.reason, row.domain)
    names = ("hour", "domain", "crawl_id", "status", "reason", "attempts")
    found = [tuple(row) for row in connection.execute(select(*(failure_hours.c[name] for name in names)))]
    return Counter({tuple(key): attempts for *key, attempts in found if attempts})


def _counted(keyed_rows):
    sums = {}
    for key, row in keyed_rows:
        measures = sums.setdefault((*key, row.status, row.reason or ""), Counter())
        measures["attempts"] += 1
        measures["timed"] += row.latency_ms is not None
        measures["latency_ms"] += row.latency_ms or 0
        measures["bytes"] += row.bytes or 0
        measures["records"] += row.records_scraped
    return {key: tuple(measures[name] for name in MEASURES) for key, measures in sums.items()}


def _stored(connection, table):
    found = {}
    for row in connection.execute(select(table)):
        measures = tuple(getattr(row, name) for name in MEASURES)
        if any(measures):  # a row whose attempts have all moved away stays, empty
            found[tuple(getattr(row, column.name) for column in table.primary_key)] = measures
    return found


def item(number, minutes):
    moment = NOON + timedelta(minutes=minutes)
    return StoredItem(
        task_id=f"task {number}", number=1, crawl_id="c", run_id="r", url="http://a/", type="T", data="{}",
        scraped_at=moment,
    )  # fmt: skip
