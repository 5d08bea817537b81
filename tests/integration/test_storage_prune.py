"""Old rows go, new ones stay, and the roll-ups say what they promise, whoever else is at work."""

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Event

import pytest
from sqlalchemy import func, select, text, update

from scraping_project.storage.reading import overview, queries
from scraping_project.storage.tables import attempt_minutes, attempt_totals, failure_hours, items, scrape_logs
from scraping_project.storage.transactions import reading, writing
from scraping_project.storage.upkeep import prune
from scraping_project.storage.upkeep.prune import (
    BATCH,
    LOOK,
    count_items,
    count_logs,
    prune_items,
    prune_logs,
    prune_minutes,
)
from scraping_project.storage.upkeep.recount import recount
from scraping_project.storage.writing.writer import Writer
from tests.support.storage_truth import NOON, _counted, _stored, item, log

LIMIT = NOON.replace(second=0, microsecond=0) + timedelta(minutes=100)
OLD = 2 * BATCH + 7


def store(engine, rows):
    writer = Writer(engine)
    for row in rows:
        writer.append(row)
    writer.commit()
    assert writer.refused == 0


def logs(count, begin=0, of=""):
    """A hundred minutes full of logs, of which the last ends just before the limit, or what comes then."""
    hosts = ("http://a.example/", "http://b.example/")
    for number in range(count):
        minute = begin + number * 99 / count
        reason = None if number % 3 else "dns"
        yield log(f"{of}{begin} {number}", minute, url=hosts[number % 2], reason=reason)


def count(engine, table):
    with reading(engine) as connection:
        return connection.scalar(select(func.count()).select_from(table))


def minutes_as_counted(engine):
    with reading(engine) as connection:
        rows = connection.execute(select(scrape_logs)).all()
        return _stored(connection, attempt_minutes), _counted(
            ((domain, row.finished_at.replace(second=0, microsecond=0), row.crawl_id), row)
            for row in rows
            for domain in (row.domain, "/")
        )


def test_logs_that_ended_before_the_moment_go_with_their_minutes_and_the_totals_stay(engine):
    store(engine, [*logs(OLD), *logs(50, 100)])
    with reading(engine) as connection:
        totals = _stored(connection, attempt_totals)
    assert count_logs(engine, LIMIT) == OLD

    assert sum(prune_logs(engine, LIMIT)) == OLD
    assert sum(prune_minutes(engine, LIMIT)) > 0

    with reading(engine) as connection:
        assert connection.scalar(select(func.min(scrape_logs.c.finished_at))) >= LIMIT.replace(tzinfo=None)
        assert _stored(connection, attempt_totals) == totals
    assert count(engine, scrape_logs) == 50
    stored, counted = minutes_as_counted(engine)
    assert stored == counted
    assert sum(each.attempts for each in overview.outcomes(engine)) == OLD + 50
    assert count_logs(engine, LIMIT) == 0


def test_whole_hours_of_failures_go_with_their_minutes(engine):
    store(engine, [log(str(hour), 60 * hour, status="dead", reason="dns") for hour in range(4)])
    sum(prune_minutes(engine, NOON + timedelta(hours=2, minutes=10)))
    with reading(engine) as connection:
        hours = connection.scalars(select(failure_hours.c.hour).where(failure_hours.c.domain == "/")).all()
    assert [hour.hour for hour in hours] == [14, 15]


def test_rows_go_in_batches_with_a_transaction_each(engine):
    store(engine, logs(OLD))
    with closing(prune_logs(engine, LIMIT)) as batches:
        assert next(batches) == BATCH
        assert count(engine, scrape_logs) == OLD - BATCH
    assert list(prune_logs(engine, LIMIT)) == [BATCH, 7]


def test_one_that_was_interrupted_is_gone_on_with(engine):
    store(engine, logs(OLD))
    with closing(prune_logs(engine, LIMIT)) as batches:
        gone = next(batches)
    assert gone + sum(prune_logs(engine, LIMIT)) == OLD
    assert list(prune_logs(engine, LIMIT)) == []


def test_many_of_one_moment_all_go(engine):
    store(engine, (log(f"task {number}") for number in range(OLD)))
    assert list(prune_logs(engine, LIMIT)) == [BATCH, BATCH, 7]


def test_a_log_that_a_worker_rewrites_meanwhile_stays(engine, monkeypatch):
    store(engine, [log("old"), log("rewritten")])
    delete_once = prune._delete_once

    def rewrite_first(connection, *arguments):
        row = update(scrape_logs).where(scrape_logs.c.task_id == "rewritten")
        connection.execute(row.values(finished_at=LIMIT.replace(tzinfo=None)))
        return delete_once(connection, *arguments)

    monkeypatch.setattr(prune, "_delete_once", rewrite_first)
    assert list(prune_logs(engine, LIMIT)) == [1]
    with reading(engine) as connection:
        assert connection.scalars(select(scrape_logs.c.task_id)).all() == ["rewritten"]


def test_workers_write_meanwhile_and_nothing_new_is_lost(engine):
    store(engine, logs(4 * BATCH))
    deleting, told = Event(), Event()
    committed = Counter()

    def write(name):
        deleting.wait()
        while not told.is_set():
            number = committed[name]
            store(engine, logs(20, 100 + number, of=f"{name} {number} "))
            committed[name] += 1

    with ThreadPoolExecutor() as threads:
        writers = [threads.submit(write, name) for name in ("one", "two")]
        gone = 0
        for batch in prune_logs(engine, LIMIT):
            gone += batch
            deleting.set()
        told.set()
        for writer in writers:
            writer.result()

    assert gone == 4 * BATCH
    assert min(committed["one"], committed["two"]) > 0, "writers came through while there was much to delete"
    assert count(engine, scrape_logs) == 20 * committed.total()
    sum(prune_minutes(engine, LIMIT))
    stored, counted = minutes_as_counted(engine)
    assert stored == counted


def test_a_writer_comes_through_in_every_pause(engine, monkeypatch):
    store(engine, logs(OLD))
    pauses = []

    def write(seconds):
        pauses.append(seconds)
        store(engine, [log(f"new {len(pauses)}", 200)])

    monkeypatch.setattr(prune, "sleep", write)
    assert sum(prune_logs(engine, LIMIT)) == OLD
    assert count(engine, scrape_logs) == len(pauses) == 3
    assert min(pauses) >= prune.SHORTEST_PAUSE


def test_two_at_once_delete_each_row_once(engine):
    store(engine, logs(OLD))
    both = Barrier(2)

    def run():
        both.wait()
        return sum(prune_logs(engine, LIMIT)), sum(prune_minutes(engine, LIMIT))

    minutes = count(engine, attempt_minutes)
    with ThreadPoolExecutor() as threads:
        ended = [run_.result() for run_ in [threads.submit(run), threads.submit(run)]]
    assert [sum(each) for each in zip(*ended, strict=True)] == [OLD, minutes]
    assert count(engine, scrape_logs) == count(engine, attempt_minutes) == 0


def test_items_go_wherever_they_are_among_the_ids(engine, monkeypatch):
    monkeypatch.setattr(prune, "LOOK", 10)
    assert LOOK > BATCH
    store(engine, (item(number, 0 if number % 7 == 0 else 200) for number in range(100)))
    assert count_items(engine, LIMIT) == 15
    assert sum(prune_items(engine, LIMIT)) == 15
    with reading(engine) as connection:
        assert connection.scalar(select(func.min(items.c.scraped_at))) >= LIMIT.replace(tzinfo=None)
    assert count(engine, items) == 85


def test_roll_ups_since_the_limit_can_still_be_counted_anew(engine):
    store(engine, [*logs(30), *logs(30, 100)])
    sum(prune_logs(engine, LIMIT))
    sum(prune_minutes(engine, LIMIT))
    with writing(engine) as connection:
        connection.execute(attempt_minutes.update().values(attempts=attempt_minutes.c.attempts + 1))
    recount(engine, since=LIMIT)
    stored, counted = minutes_as_counted(engine)
    assert stored == counted


@pytest.mark.parametrize("reached", [None, NOON.replace(tzinfo=None)])
@pytest.mark.parametrize(
    ("query", "index"),
    [
        (queries.logs_before, "ix_scrape_logs_finished_at"),
        (queries.minutes_before, "ix_attempt_minutes_minute"),
        (queries.failure_hours_before, "PRIMARY"),
    ],
)
def test_what_is_old_is_found_in_an_index_alone(mariadb, query, index, reached):
    store(mariadb, logs(OLD))
    words = query(LIMIT - timedelta(minutes=90), reached).compile(mariadb)
    with writing(mariadb) as connection:
        connection.execute(text("ANALYZE TABLE scrape_logs, attempt_minutes, failure_hours"))
        explained = (
            connection.exec_driver_sql(f"EXPLAIN FORMAT=TRADITIONAL {words}", words.params).mappings().one()
        )
    assert explained["key"] == index
    assert "Using index" in explained["Extra"]
    assert "filesort" not in explained["Extra"]


def test_the_partitions_of_the_docs_can_be_made_written_to_and_dropped(mariadb):
    page = (Path(__file__).parents[2] / "docs" / "storage.md").read_text("utf-8")
    make, drop = re.search(
        r"```sql\n(ALTER TABLE scrape_logs.*?);\n(ALTER.*?);\n```", page, re.DOTALL
    ).groups()
    january = {"finished_at": datetime(2030, 1, 15, tzinfo=UTC)}
    february = {"finished_at": datetime(2030, 2, 15, tzinfo=UTC)}
    store(mariadb, [log("before", **january)])
    with writing(mariadb) as connection:
        connection.execute(text(make))
    store(mariadb, [log("january", **january), log("february", **february), log("january", **january)])
    assert count(mariadb, scrape_logs) == 3
    with writing(mariadb) as connection:
        connection.execute(text(drop))
    with reading(mariadb) as connection:
        assert connection.scalars(select(scrape_logs.c.task_id)).all() == ["february"]
