"""The database goes away, locks up or gives up a transaction, and no row is lost."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from traceback import format_exception

import pytest
from sqlalchemy import event, text

from scraping_project.items import Site
from scraping_project.storage import mysql_pool
from scraping_project.storage.engine import connect
from scraping_project.storage.errors import DatabaseUnavailable
from scraping_project.storage.migrate import migrate
from scraping_project.storage.transactions import DEADLOCK, reading, writing
from scraping_project.storage.values import url_hash
from scraping_project.storage.writing.writer import Writer
from testing.servers import mariadb_server

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WEIGHT = """
    INSERT INTO weight WITH RECURSIVE numbers (number) AS
    (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 1000) SELECT number FROM numbers
"""
FIRST, LAST = sorted(("http://a/", "http://b/"), key=url_hash)


def site(url, title=None):
    return Site(url=url, status_code=200, title=title, scraped_at=NOW)


def titles(engine):
    with reading(engine) as connection:
        return list(connection.scalars(text("SELECT title FROM sites ORDER BY url")))


def lock(connection, url, how=""):
    query = text(f"SELECT id FROM sites WHERE url_hash = :hash FOR UPDATE {how}")
    connection.execute(query, {"hash": url_hash(url)})


def wait_until_locked(engine, url):
    while True:
        try:
            with writing(engine) as connection:
                lock(connection, url, "NOWAIT")
        except DatabaseUnavailable:
            return


def test_a_commit_while_the_server_is_down_keeps_its_rows_for_the_next(monkeypatch):
    with mariadb_server() as server:
        # Given a writer that has used its connection, on a server that is then killed
        engine = connect(server.database())
        migrate(engine)
        writer = Writer(engine)
        writer.append(site(FIRST, "old"))
        writer.commit()
        server.kill()
        # When it commits
        writer.append(site(FIRST, "new"))
        with pytest.raises(DatabaseUnavailable):
            writer.commit()
        # Then the rows wait for the server, and go there once it is back
        assert writer.pending == 1
        server.start()
        assert writer.commit() == 1
        assert titles(engine) == ["new"]
        # And so they do when it was restarted between two commits
        monkeypatch.setattr(mysql_pool, "FRESH_SECONDS", 3600)
        server.kill()
        server.start()
        writer.append(site(FIRST, "newer"))
        with pytest.raises(DatabaseUnavailable):
            writer.commit()
        assert writer.commit() == 1
        assert titles(engine) == ["newer"]
        # And a restart that nobody noticed, since nothing was committed for a while, costs nothing
        server.kill()
        server.start()
        monkeypatch.setattr(mysql_pool, "FRESH_SECONDS", 0)
        writer.append(site(FIRST, "newest"))
        assert writer.commit() == 1
        engine.dispose()


def test_a_connection_cut_within_the_transaction_loses_nothing(mariadb):
    # Given a connection that is killed right before the batch is committed
    writer = Writer(mariadb)
    writer.append(site(FIRST))

    def kill(connection):
        identity = connection.connection.driver_connection.thread_id()
        with mariadb.connect() as other:
            other.execute(text(f"KILL CONNECTION {identity}"))

    event.listen(mariadb, "commit", kill, once=True)
    # When it commits, then the rows stay, and are written by the next commit
    with pytest.raises(DatabaseUnavailable):
        writer.commit()
    assert writer.pending == 1
    assert writer.commit() == 1
    assert len(titles(mariadb)) == 1


def test_a_batch_that_loses_a_deadlock_is_written_all_the_same(mariadb):
    writer = Writer(mariadb)
    for url in (FIRST, LAST):
        writer.append(site(url, "old"))
    writer.commit()
    for url in (FIRST, LAST):
        writer.append(site(url, "new"))
    errors = []
    event.listen(mariadb, "handle_error", lambda error: errors.append(error.original_exception.args[0]))
    with ThreadPoolExecutor(1) as threads, writing(mariadb) as other:
        # Given a transaction that locks the last row, and weighs more, so that InnoDB ends ours
        other.execute(text("CREATE TEMPORARY TABLE weight (a INT PRIMARY KEY) ENGINE=InnoDB"))
        other.execute(text(WEIGHT))
        lock(other, LAST)
        # When ours has the first row and needs the last, and the other one asks for the first
        commit = threads.submit(writer.commit)
        wait_until_locked(mariadb, FIRST)
        lock(other, FIRST)
        other.commit()
    # Then ours has tried again
    assert commit.result() == 2
    assert titles(mariadb) == ["new", "new"]
    assert errors.count(DEADLOCK) == 1


def test_rows_stay_pending_when_a_lock_is_held_for_too_long(mariadb):
    event.listen(
        mariadb, "begin", lambda connection: connection.exec_driver_sql("SET innodb_lock_wait_timeout = 1")
    )
    writer = Writer(mariadb)
    writer.append(site(FIRST))
    writer.commit()
    writer.append(site(FIRST, "what a page said"))
    with writing(mariadb) as other:
        lock(other, FIRST)
        with pytest.raises(DatabaseUnavailable, match="Lock wait timeout") as caught:
            writer.commit()
    assert "what a page said" not in "".join(format_exception(caught.value))
    assert writer.pending == 1
    assert writer.commit() == 1


def test_a_read_only_server_is_an_outage_and_not_a_fault(mariadb):
    writer = Writer(mariadb)
    writer.append(site(FIRST))
    event.listen(
        mariadb, "begin", set_read_only := lambda c: c.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
    )
    with pytest.raises(DatabaseUnavailable, match="READ ONLY"):
        writer.commit()
    event.remove(mariadb, "begin", set_read_only)
    mariadb.dispose()
    assert writer.commit() == 1
