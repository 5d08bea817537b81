import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, select, text

from scraping_project.items import Link, ScrapeLog, Site
from scraping_project.storage.errors import DatabaseUnavailable, MissingTable
from scraping_project.storage.tables import scrape_logs, sites
from scraping_project.storage.transactions import reading, writing
from scraping_project.storage.values import url_hash
from scraping_project.storage.writing.batch import write
from scraping_project.storage.writing.rows import site_row
from scraping_project.storage.writing.writer import Writer
from tests.support.storage_truth import assert_rollups_are_true

NOON = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
URL = "http://example.com/"


def site(hours=0, **changes):
    moment = NOON + timedelta(hours=hours)
    return Site(**{"url": URL, "status_code": 200, "scraped_at": moment, **changes})


def log(task_id="crawl:request:1", **changes):
    values = {
        "crawl_id": "crawl",
        "run_id": "run",
        "url": URL,
        "site_url": URL,
        "status": "success",
        "status_code": 200,
        "reason": None,
        "error_message": None,
        "records_scraped": 1,
        "attempt": 1,
        "latency_ms": 20,
        "bytes": 1000,
        "started_at": NOON,
        "finished_at": NOON,
    }
    return ScrapeLog(task_id=task_id, **(values | changes))


def store(engine, *rows):
    writer = Writer(engine)
    for row in rows:
        writer.append(row)
    return writer.commit()


def stored(engine, table):
    with reading(engine) as connection:
        return connection.execute(select(table).order_by(table.c.id)).all()


def test_a_site_and_its_log_are_stored_together(engine):
    assert store(engine, log(), site(title="Example", content_hash="ab" * 16, links=[Link("http://b/")])) == 2
    (row,) = stored(engine, sites)
    assert (row.url, row.domain, row.title, row.status_code) == (URL, "example.com", "Example", 200)
    assert (row.links, row.links_count, row.link_rels) == ('["http://b/"]', 1, None)
    assert (row.url_hash, row.content_hash) == (url_hash(URL), b"\xab" * 16)
    assert row.first_scraped == row.last_scraped == row.last_changed == NOON.replace(tzinfo=None)
    assert [attempt.site_id for attempt in stored(engine, scrape_logs)] == [row.id]


def test_commit_counts_what_was_appended_and_leaves_nothing_pending(engine):
    writer = Writer(engine)
    assert writer.commit() == 0
    for row in (site(), site(), log()):
        writer.append(row)
    assert writer.pending == 3
    assert writer.commit() == 3
    assert writer.pending == 0
    assert writer.commit() == 0


def test_a_known_site_keeps_its_id_and_first_scraped(engine):
    store(engine, site(title="old", etag="1"))
    (before,) = stored(engine, sites)
    store(engine, site(1, title="new", status_code=404))
    (after,) = stored(engine, sites)
    assert (after.id, after.first_scraped) == (before.id, before.first_scraped)
    assert (after.title, after.status_code, after.etag) == ("new", 404, None)
    assert after.last_scraped.hour == 13


@pytest.mark.parametrize(
    ("old", "new", "hour"),
    [
        ("a" * 32, "a" * 32, 12),
        ("a" * 32, "b" * 32, 13),
        (None, None, 12),
        (None, "a" * 32, 13),
        ("a" * 32, None, 13),
    ],
)
def test_last_changed_moves_only_with_the_content(engine, old, new, hour):
    store(engine, site(content_hash=old))
    store(engine, site(1, content_hash=new))
    assert stored(engine, sites)[0].last_changed.hour == hour


WHOLE = {
    "title": "Example",
    "content_type": "text/html",
    "content_hash": "ab" * 16,
    "etag": '"1"',
    "last_modified": "Tue, 01 Jul 2025 12:00:00 GMT",
    "links": [Link("http://b/", "next")],
    "depth": 2,
}


def test_an_unmodified_page_moves_last_scraped_alone(engine):
    store(engine, site(**WHOLE))
    (before,) = stored(engine, sites)
    store(engine, site(1, status_code=304), log(status_code=304))
    (after,) = stored(engine, sites)
    moved = {"last_scraped": before.last_scraped + timedelta(hours=1)}
    assert after._asdict() == before._asdict() | moved
    assert stored(engine, scrape_logs)[0].site_id == after.id
    assert_rollups_are_true(engine)


def test_an_unmodified_page_may_bring_new_validators(engine):
    store(engine, site(**WHOLE))
    store(engine, site(1, status_code=304, etag='"2"'))
    (row,) = stored(engine, sites)
    assert (row.etag, row.last_modified, row.title) == ('"2"', WHOLE["last_modified"], "Example")


def test_an_unmodified_page_that_nobody_has_stored_is_a_site_of_unknown_content(engine):
    store(engine, site(status_code=304, etag='"1"'))
    (row,) = stored(engine, sites)
    assert (row.status_code, row.content_hash, row.links, row.etag) == (304, None, "[]", '"1"')
    assert_rollups_are_true(engine)
    store(engine, site(1, **WHOLE))
    (row,) = stored(engine, sites)
    assert (row.status_code, row.title, row.first_scraped.hour, row.last_changed.hour) == (
        200,
        "Example",
        12,
        13,
    )
    assert_rollups_are_true(engine)


def test_content_that_changed_there_and_back_within_a_batch_has_not_changed(engine):
    store(engine, site(content_hash="a" * 32))
    store(engine, site(1, content_hash="b" * 32), site(2, content_hash="a" * 32))
    assert stored(engine, sites)[0].last_changed.hour == 12


def test_a_redelivery_rewrites_its_own_log(engine):
    store(engine, log(status="failed", reason="timeout", site_url=None))
    store(engine, log(status="retried"), log(status="success"), site())
    (row,) = stored(engine, scrape_logs)
    assert (row.status, row.reason) == ("success", None)
    assert row.site_id == stored(engine, sites)[0].id


def test_a_log_finds_a_site_of_an_earlier_batch_and_none_where_there_is_none(engine):
    store(engine, site())
    store(engine, log("1"), log("2", site_url="http://elsewhere/"), log("3", site_url=None))
    found = [row.site_id for row in stored(engine, scrape_logs)]
    assert found == [stored(engine, sites)[0].id, None, None]


def test_more_logs_than_one_lookup_takes_all_find_their_sites(engine):
    urls = [f"http://example.com/{number}" for number in range(1_100)]
    store(engine, *(site(url=url) for url in urls), *(log(url, url=url, site_url=url) for url in urls))
    ids = {row.url: row.id for row in stored(engine, sites)}
    assert {row.url: row.site_id for row in stored(engine, scrape_logs)} == ids


def test_a_batch_goes_to_mariadb_in_few_round_trips(mariadb):
    counters = ("Com_insert", "Com_select", "Com_commit", "Com_rollback", "Com_admin_commands", "Questions")

    def asked():
        with reading(mariadb) as connection:
            rows = connection.execute(text("SHOW GLOBAL STATUS")).all()
        return [int(dict(map(tuple, rows))[name]) for name in counters]

    store(mariadb, site(), log())
    before = asked()
    links = [Link(f"{URL}{number:0100}") for number in range(20)]
    pages = range(300)
    store(mariadb, *(site(url=f"{URL}{n}", links=links) for n in pages), *(log(str(n)) for n in pages))
    after = asked()
    # Sites, logs and three roll-ups; which sites are known, and their numbers; COMMIT. The other ROLLBACK and
    # the tenth question are those of asking.
    assert [b - a for a, b in zip(before, after, strict=True)] == [5, 2, 1, 1, 0, 10]


def test_a_connection_is_given_back_without_what_was_not_committed(engine):
    rows = [site_row(site())]
    with engine.connect() as connection:
        connection.execution_options(writes=True)
        write(connection, rows, careful=False)
    with suppress(ZeroDivisionError), writing(engine) as connection:
        write(connection, rows, careful=False)
        raise ZeroDivisionError
    forgotten = engine.connect().execution_options(writes=True)
    write(forgotten, rows, careful=False)
    del connection, forgotten
    gc.collect()
    with writing(engine) as connection:
        assert connection.execute(select(sites)).all() == []


def test_both_tables_are_written_in_the_order_of_their_keys(engine):
    urls = [f"{URL}{number}" for number in range(20)]
    store(engine, *(site(url=url) for url in urls), *(log(url) for url in reversed(urls)))
    hashes = [row.url_hash for row in stored(engine, sites)]
    tasks = [row.task_id for row in stored(engine, scrape_logs)]
    assert (hashes, tasks) == (sorted(hashes), sorted(tasks))


def test_a_row_that_cannot_be_kept_is_refused_when_it_is_appended(engine):
    writer = Writer(engine)
    with pytest.raises(ValueError, match="hex"):
        writer.append(site(content_hash="nonsense"))
    assert writer.pending == 0


def test_rows_stay_pending_while_the_database_is_locked(sqlite):
    # Given a database that another process writes to for too long
    event.listen(sqlite, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 0"))
    sqlite.dispose()
    writer = Writer(sqlite)
    writer.append(site(title="one"))
    with writing(sqlite), pytest.raises(DatabaseUnavailable):
        writer.commit()
    # When it is free again, and a later row of the same URL came meanwhile
    assert writer.pending == 1
    writer.append(site(title="two"))
    # Then both are written, in their order
    assert writer.commit() == 2
    assert stored(sqlite, sites)[0].title == "two"


def test_rows_that_the_database_refuses_stay_pending_and_none_is_half_written(engine):
    writer = Writer(engine)
    writer.append(site())
    writer.append(log())
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE scrape_logs RENAME TO hidden"))
    with pytest.raises(MissingTable):
        writer.commit()
    assert stored(engine, sites) == []
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE hidden RENAME TO scrape_logs"))
    assert writer.commit() == 2


def test_nothing_is_lost_or_doubled_while_one_thread_appends_and_two_commit(engine):
    # Given a commit within which another row comes and a second thread commits as well
    writer, second_began, commits = Writer(engine), threading.Event(), []
    writer.append(log("1"))
    with ThreadPoolExecutor(1) as threads:

        def commit_once_more(_connection):
            writer.append(log("2"))
            event.listen(engine, "begin", lambda _: second_began.set(), insert=True)
            commits.append(threads.submit(writer.commit))
            second_began.wait(0.3)

        event.listen(engine, "commit", commit_once_more, once=True)
        # When both have ended
        first = writer.commit()
    # Then each wrote rows of its own, and all are there
    assert (first, commits[0].result(), writer.pending) == (1, 1, 0)
    assert [row.task_id for row in stored(engine, scrape_logs)] == ["1", "2"]
