"""The roll-ups say at any time what counting the rows would."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import Engine, delete, event, text, update

from scraping_project.storage.engine import connect
from scraping_project.storage.reading import overview
from scraping_project.storage.tables import (
    ALL,
    attempt_minutes,
    attempt_totals,
    failure_hours,
    scrape_logs,
    site_totals,
    sites,
)
from scraping_project.storage.transactions import reading, writing
from scraping_project.storage.upkeep.recount import recount
from scraping_project.storage.writing.batch import write
from scraping_project.storage.writing.rows import log_row
from scraping_project.storage.writing.writer import Writer
from tests.support.storage_truth import NOON, assert_rollups_are_true, log, site

HOSTS = ("http://a.example/", "http://b.example/x", "https://c.example:8443/", "nonsense")


def store(engine, *rows):
    writer = Writer(engine)
    for row in rows:
        writer.append(row)
    written = writer.commit()
    assert writer.refused == 0
    return written


def attempts(engine, **of):
    return {(found.status, found.reason): found.attempts for found in overview.outcomes(engine, **of)}


def some_rows(seed, count=200):
    chance = random.Random(seed)
    for number in range(count):
        url = chance.choice(HOSTS)
        failed = chance.random() < 0.3
        yield site(f"{url}{number}", chance.randrange(3))
        yield log(
            f"{seed}:{number}",
            chance.randrange(5),
            url=url,
            site_url=f"{url}{number}",
            crawl_id=chance.choice(("one", "two")),
            status="failed" if failed else "success",
            reason=chance.choice(("timeout", "http_404")) if failed else None,
            latency_ms=chance.choice((None, 0, 7)),
            bytes=chance.choice((None, 0, 7)),
        )


def test_a_batch_is_counted_by_minute_crawl_domain_and_outcome(engine):
    store(engine, *some_rows(1))
    store(engine, *some_rows(2))
    assert_rollups_are_true(engine)


def test_the_overview_reads_what_was_counted(engine):
    late = {"url": "http://b.example/", "status": "failed", "reason": "timeout", "crawl_id": "other"}
    store(
        engine,
        log("1"),
        log("2", latency_ms=None, bytes=None),
        log("3", 7, **late),
        site("http://b.example/"),
    )
    assert attempts(engine) == {("success", ""): 2, ("failed", "timeout"): 1}
    assert attempts(engine, crawl_id="other") == {("failed", "timeout"): 1}
    assert attempts(engine, domain="a.example") == {("success", ""): 2}
    assert attempts(engine, domain="a.example", crawl_id="crawl") == {("success", ""): 2}
    assert attempts(engine, domain="a.example", crawl_id="other") == {}
    assert attempts(engine, since=NOON + timedelta(minutes=1)) == {("failed", "timeout"): 1}
    assert attempts(engine, since=NOON) == attempts(engine)
    (success,) = overview.outcomes(engine, domain="a.example")
    assert (success.timed, success.latency_ms, success.bytes, success.records) == (1, 20, 1000, 2)
    assert overview.success_rate(overview.outcomes(engine)) == pytest.approx(2 / 3)
    assert overview.success_rate([]) is None
    minutes = overview.throughput(engine, since=NOON)
    assert [(minute.minute.minute, minute.status, minute.attempts) for minute in minutes] == [
        (0, "success", 2),
        (7, "failed", 1),
    ]
    assert (overview.sites_count(engine), overview.sites_count(engine, "nowhere.example")) == (1, 0)
    assert overview.largest_domains(engine) == [("b.example", 1)]


def test_a_batch_that_is_written_again_is_not_counted_again(engine):
    for _ in range(3):
        store(engine, *some_rows(1))
    assert_rollups_are_true(engine)
    assert sum(attempts(engine).values()) == 200


def test_a_batch_some_of_which_is_there_counts_the_rest(engine):
    rows = list(some_rows(1))
    store(engine, *rows[:100])
    store(engine, *rows[50:])
    assert_rollups_are_true(engine)
    assert overview.sites_count(engine) == 200


def test_a_row_that_is_rewritten_takes_its_count_along(engine):
    store(engine, log("1", status="failed", reason="timeout", bytes=None), log("2"))
    store(engine, log("1", 3, status="success", url="http://b.example/", crawl_id="other"))
    assert_rollups_are_true(engine)
    assert attempts(engine) == {("success", ""): 2}
    assert attempts(engine, domain="a.example") == {("success", ""): 1}


def test_two_rows_of_one_attempt_in_one_batch_count_once(engine):
    store(engine, log("1", status="failed"), log("1"))
    assert attempts(engine) == {("success", ""): 1}
    assert_rollups_are_true(engine)


def test_a_commit_whose_answer_was_lost_is_counted_once(mariadb):
    writer = Writer(mariadb)
    for row in some_rows(1, 20):
        writer.append(row)

    def commit_and_cut(connection):
        connection.exec_driver_sql("COMMIT")
        driver = connection.connection.driver_connection
        with mariadb.connect() as other:
            other.execute(text(f"KILL CONNECTION {driver.thread_id()}"))

    event.listen(mariadb, "commit", commit_and_cut, once=True)
    with pytest.raises(Exception, match="database"):
        writer.commit()
    assert writer.pending == 40
    assert sum(attempts(mariadb).values()) == 20
    writer.commit()
    assert sum(attempts(mariadb).values()) == 20
    assert_rollups_are_true(mariadb)


def test_sizes_that_cannot_be_are_not_added_up(engine):
    store(engine, *(log(str(number), bytes=size) for number, size in enumerate((2**63, 2**63, -5, 3))))
    assert [found.bytes for found in overview.outcomes(engine)] == [3]


def test_workers_that_write_the_same_minutes_and_sites_at_once_agree(database_url, engine):
    # Given four workers, each on connections of its own, that meet in the same roll-up rows and sites
    barrier = Barrier(4)

    def work(worker):
        own = connect(database_url)
        writer = Writer(own)
        barrier.wait()
        for round_ in range(10):
            for number in range(20):
                url = f"http://a.example/{round_}/{number % 10}"
                writer.append(site(url))
                writer.append(log(f"{worker}:{round_}:{number}", number, url=url, site_url=url))
            writer.commit()
        own.dispose()

    # When they write
    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(work, worker) for worker in range(4)]:
            done.result()
    # Then nothing is missing from the roll-ups, and nothing counted twice
    assert sum(attempts(engine).values()) == 800
    assert overview.sites_count(engine) == 100
    assert_rollups_are_true(engine)


def test_an_attempt_that_two_workers_log_at_once_counts_once(mariadb, mariadb_url):
    # Given a worker that was thought dead and writes a log, and has not committed
    other = connect(mariadb_url)
    zombie, heir = Writer(other), Writer(mariadb)
    zombie.append(log("1", status="failed"))
    heir.append(log("1"))
    with ThreadPoolExecutor(1) as threads:
        # When its heir writes the same attempt meanwhile
        begun = []
        event.listen(other, "commit", lambda _: begun.append(threads.submit(heir.commit)), once=True)
        zombie.commit()
        begun[0].result()
    # Then it counts as what it is
    assert attempts(mariadb) == {("success", ""): 1}
    assert_rollups_are_true(mariadb)
    other.dispose()


def test_two_workers_that_rewrite_one_log_at_once_take_its_old_count_away_once(mariadb, mariadb_url):
    # Given a log that two workers have found to be there already
    store(mariadb, log("1", status="failed"))
    other = connect(mariadb_url)
    rows = [[log_row(log("1", number))] for number in range(2)]

    def rewrite():
        with writing(other) as connection:
            write(connection, rows[1], careful=True)

    with ThreadPoolExecutor(1) as threads:
        # When both rewrite it, one before the other has committed
        with writing(mariadb) as connection:
            write(connection, rows[0], careful=True)
            second = threads.submit(rewrite)
            wait_until_it_waits(mariadb)
        second.result()
    # Then it counts once
    assert attempts(mariadb) == {("success", ""): 1}
    assert_rollups_are_true(mariadb)
    other.dispose()


def wait_until_it_waits(engine):
    # A query this short that takes so long waits for a lock.
    query = text(
        "SELECT count(*) FROM information_schema.processlist"
        " WHERE command = 'Query' AND info LIKE '%scrape_logs%' AND time > 0"
    )
    with reading(engine) as connection:
        while not connection.scalar(query):
            connection.rollback()


@pytest.mark.parametrize("since", [None, NOON, NOON + timedelta(minutes=2)])
def test_a_recount_changes_nothing_where_nothing_is_wrong(engine, since):
    store(engine, *some_rows(1))
    recount(engine, since)
    assert_rollups_are_true(engine)


@pytest.mark.parametrize("since", [None, NOON])
def test_a_recount_counts_what_others_wrote_and_forgets_what_they_deleted(engine, since):
    store(engine, *some_rows(1), *some_rows(2))
    with writing(engine) as connection:
        connection.execute(delete(scrape_logs).where(scrape_logs.c.status == "failed"))
        connection.execute(update(scrape_logs).values(bytes=5).where(scrape_logs.c.latency_ms == 7))
        connection.execute(delete(sites).where(sites.c.domain == "a.example"))
        connection.execute(update(sites).values(domain="new.example").where(sites.c.domain == "b.example"))
    recount(engine, since)
    with writing(engine) as connection:
        connection.execute(delete(site_totals).where(site_totals.c.sites == 0))
    assert_rollups_are_true(engine)


def test_a_recount_of_everything_mends_the_roll_ups_themselves(engine):
    store(engine, *some_rows(1))
    with writing(engine) as connection:
        connection.execute(delete(attempt_minutes).where(attempt_minutes.c.domain == ALL))
        connection.execute(update(attempt_totals).values(attempts=7))
        connection.execute(delete(site_totals))
        connection.execute(update(failure_hours).values(attempts=7))
    recount(engine)
    assert_rollups_are_true(engine)


def test_nobody_writes_while_a_recount_counts(mariadb, mariadb_url):
    # Given a recount that has its locks
    store(mariadb, *some_rows(1))
    other, written = connect(mariadb_url), []
    with ThreadPoolExecutor(1) as threads:

        def write_meanwhile(connection, *_):
            if not written:
                written.append(threads.submit(store, other, *some_rows(2)))
                with mariadb.connect() as watching:
                    waits = text(
                        "SELECT count(*) FROM information_schema.processlist WHERE state LIKE 'Waiting%'"
                    )
                    while not watching.scalar(waits):
                        watching.rollback()

        # When a worker wants to write
        event.listen(Engine, "after_cursor_execute", after_locks := _after("LOCK TABLES", write_meanwhile))
        recount(mariadb)
        event.remove(Engine, "after_cursor_execute", after_locks)
        # Then it does so afterwards, and is counted once
        assert written[0].result() == 400
    assert_rollups_are_true(mariadb)
    other.dispose()


def _after(words, do):
    def listener(connection, _cursor, statement, *_):
        if statement.startswith(words):
            do(connection)

    return listener


def test_a_recount_since_a_minute_leaves_what_was_before(engine):
    store(engine, log("1"), log("2", 5))
    with writing(engine) as connection:
        connection.execute(delete(scrape_logs))
    recount(engine, NOON + timedelta(minutes=5))
    assert attempts(engine) == {("success", ""): 1}
