"""What a connection promises, and the two databases that the other storage tests run on."""

import re

import pytest
from sqlalchemy import event, make_url, text

from scraping_project.storage.engine import connect
from scraping_project.storage.errors import DatabaseUnavailable, MissingTable, StorageError
from scraping_project.storage.migrate import migrate
from scraping_project.storage.transactions import reading, writing
from scraping_project.storage.upkeep.health import database_answers
from testing.servers import free_port


def test_sqlite_writes_ahead_and_waits_for_the_disk(sqlite):
    with reading(sqlite) as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA synchronous")) == 2
        assert connection.scalar(text("PRAGMA busy_timeout")) == 30_000


def test_a_read_before_a_write_does_not_fail_when_another_wrote_in_between(sqlite):
    event.listen(sqlite, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 0"))
    sqlite.dispose()
    with writing(sqlite) as first:
        first.execute(text("SELECT count(*) FROM sites"))
        # Without BEGIN IMMEDIATE both would have read, and the first could never write.
        with pytest.raises(DatabaseUnavailable, match="locked"), writing(sqlite):
            pass
        first.execute(text("DELETE FROM sites"))


def test_readers_do_not_wait_for_a_writer(sqlite):
    with writing(sqlite) as writer:
        writer.execute(text("DELETE FROM sites"))
        with reading(sqlite) as reader:
            assert reader.scalar(text("SELECT count(*) FROM sites")) == 0


def test_a_mariadb_session_is_strict_in_utc_and_takes_every_character(mariadb):
    with reading(mariadb) as connection:
        row = connection.execute(text("SELECT @@time_zone, @@sql_mode, @@character_set_client")).one()
        isolation = connection.execute(
            text("SHOW VARIABLES WHERE variable_name IN ('tx_isolation', 'transaction_isolation')")
        ).all()
    assert row[0] == "+00:00"
    assert "STRICT_ALL_TABLES" in row[1]
    assert row[2] == "utf8mb4"
    assert {value for _, value in isolation} == {"READ-COMMITTED"}


def test_mariadb_tables_are_innodb_and_compare_byte_by_byte(mariadb):
    query = text(
        "SELECT DISTINCT engine, table_collation FROM information_schema.tables "
        "WHERE table_schema = DATABASE() AND table_name IN ('sites', 'scrape_logs', 'runs')"
    )
    with reading(mariadb) as connection:
        assert connection.execute(query).all() == [("InnoDB", "utf8mb4_bin")]


@pytest.mark.parametrize("scheme", ["mysql", "mariadb", "mariadb+pymysql"])
def test_every_spelling_of_the_scheme_connects(mariadb_url, scheme):
    engine = connect(re.sub(r"^mysql\+pymysql", scheme, mariadb_url))
    with reading(engine) as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    engine.dispose()


def test_a_password_may_hold_any_character(shared_mariadb, mariadb_url):
    url = make_url(mariadb_url)
    for number, password in enumerate(("pä€ss", "ü", "p%@/:\n😀")):
        user = f"odd_{number}"
        shared_mariadb._execute(
            f"DROP USER IF EXISTS {user}@'{url.host}'",
            f"CREATE USER {user}@'{url.host}' IDENTIFIED BY '{password}'",
            f"GRANT ALL ON {url.database}.* TO {user}@'{url.host}'",
        )
        engine = connect(url.set(username=user, password=password).render_as_string(hide_password=False))
        database_answers(engine)
        with reading(engine) as connection:
            assert connection.scalar(text("SELECT USER()")) == f"{user}@{url.host}"
        engine.dispose()


def test_a_database_without_tables_says_so(database_url):
    engine = connect(database_url)
    with pytest.raises(MissingTable), reading(engine) as connection:
        connection.execute(text("SELECT * FROM sites"))
    engine.dispose()


def test_a_faulty_statement_is_no_outage(engine):
    with pytest.raises(StorageError) as caught, reading(engine) as connection:
        connection.execute(text("SELECT nothing FROM sites"))
    assert not isinstance(caught.value, DatabaseUnavailable)


def test_a_server_that_is_away_is_one_line_without_the_password():
    port = free_port()
    engine = connect(f"mysql+pymysql://user:s3cret@127.0.0.1:{port}/db")
    with pytest.raises(DatabaseUnavailable) as caught, reading(engine):
        pass
    message = str(caught.value)
    assert message.startswith(f"database db on 127.0.0.1:{port}: Can't connect")
    assert "\n" not in message
    assert "s3cret" not in message


def test_a_file_that_is_no_database_is_one_line(tmp_path):
    (tmp_path / "notes.txt").write_text("not a database, but long enough to be taken for one" * 99)
    engine = connect(f"sqlite:///{tmp_path}/notes.txt")
    with pytest.raises(StorageError, match=r"notes\.txt: file is not a database"):
        migrate(engine)
    engine.dispose()


def test_a_failing_block_writes_nothing(engine):
    with pytest.raises(ZeroDivisionError):
        _write_and_fail(engine)
    with reading(engine) as connection:
        assert connection.scalar(text("SELECT count(*) FROM alembic_version")) == 1


def _write_and_fail(engine):
    with writing(engine) as connection:
        connection.execute(text("DELETE FROM alembic_version"))
        raise ZeroDivisionError
