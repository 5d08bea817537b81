"""SQLite's file is deleted or replaced under open connections, and no row goes where nobody finds it."""

import logging
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest
from sqlalchemy import URL, event, text

from scraping_project.items import Site
from scraping_project.storage import sqlite_file
from scraping_project.storage.engine import connect
from scraping_project.storage.errors import DatabaseUnavailable
from scraping_project.storage.migrate import migrate
from scraping_project.storage.runs import read_runs
from scraping_project.storage.transactions import reading, writing
from scraping_project.storage.writing.writer import Writer

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(name="path")
def path_of_a_database(tmp_path):
    folder = tmp_path / "data of mine? #1"
    folder.mkdir()
    return folder / "scraping.db"


@pytest.fixture(name="engine")
def engine_of_a_crawl(path):
    engine = connect(url_of(path), lasting=True)
    assert engine.url.database == str(path)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture(name="writer")
def writer_that_has_written(engine):
    writer = Writer(engine)
    store(writer, "http://first/")
    return writer


def url_of(path):
    return URL.create("sqlite", database=str(path)).render_as_string()


def add(writer, url):
    writer.append(Site(url=url, status_code=200, scraped_at=NOW))


def store(writer, url):
    add(writer, url)
    return writer.commit()


def urls(path):
    """What another process finds in the file, which is sound."""
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [url for (url,) in other.execute("SELECT url FROM sites ORDER BY id")]


def back_up(path):
    """A complete copy, as docs/storage.md has it."""
    copy = path.with_name("backup.db")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def beside(path, suffix):
    return path.with_name(path.name + suffix)


def test_nothing_is_stored_in_a_file_that_is_deleted_and_no_other_is_made(path, engine, writer):
    path.unlink()
    add(writer, "http://second/")
    for _ in range(2):
        with pytest.raises(DatabaseUnavailable, match="the file is gone: put it or a backup back"):
            writer.commit()
    assert writer.pending == 1
    with pytest.raises(DatabaseUnavailable, match="the file is gone"):
        read_runs(engine)
    assert not path.exists()


def test_a_file_that_is_moved_away_and_back_takes_the_rows(path, writer):
    away = path.with_name("away.db")
    path.rename(away)
    add(writer, "http://second/")
    with pytest.raises(DatabaseUnavailable):
        writer.commit()
    away.rename(path)
    assert writer.commit() == 1
    assert urls(path) == ["http://first/", "http://second/"]


def test_a_folder_that_is_moved_away_and_back_takes_the_rows(path, writer):
    away = path.parent.with_name("away")
    path.parent.rename(away)
    add(writer, "http://second/")
    with pytest.raises(DatabaseUnavailable, match="the file is gone"):
        writer.commit()
    away.rename(path.parent)
    assert writer.commit() == 1
    assert urls(path) == ["http://first/", "http://second/"]


def test_a_crawl_goes_on_with_a_backup_that_is_put_in_place(path, writer, caplog):
    backup = back_up(path)
    store(writer, "http://lost/")
    backup.rename(path)
    assert store(writer, "http://third/") == 1
    assert urls(path) == ["http://first/", "http://third/"]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "scrapy frontier NAME clear` and crawl again" in record.message
    store(writer, "http://fourth/")
    assert len(caplog.records) == 1


def test_what_the_lost_file_left_beside_it_is_not_taken_for_the_backups(path, engine, writer):
    backup = back_up(path)
    with reading(engine) as connection:  # so that nothing of it is written back
        connection.execute(text("SELECT * FROM sites"))
        for number in range(50):
            store(writer, f"http://lost/{number}")
        lost = beside(path, "-wal").read_bytes()
    path.unlink()
    add(writer, "http://second/")
    with pytest.raises(DatabaseUnavailable):
        writer.commit()
    backup.rename(path)
    assert writer.commit() == 1
    assert urls(path) == ["http://first/", "http://second/"]
    assert beside(path, "-wal.lost").read_bytes() == lost


@pytest.mark.parametrize("how", ["emptied", "of another program", "half a copy"])
def test_a_file_that_is_not_of_this_schema_takes_nothing_until_another_one_is_there(
    path, writer, how, tmp_path
):
    backup = back_up(path)
    other = tmp_path / "other.db"
    if how == "half a copy":
        other.write_bytes(backup.read_bytes()[:8192])
    elif how == "of another program":
        with closing(sqlite3.connect(other)) as connection:
            connection.execute("CREATE TABLE sites (id INTEGER)")
    else:
        other.touch()
    other.rename(path)
    before = path.read_bytes()
    add(writer, "http://second/")
    for _ in range(2):
        with pytest.raises(Exception, match=r"malformed|schema none"):
            writer.commit()
    assert path.read_bytes() == before
    backup.rename(path)
    assert writer.commit() == 1
    assert urls(path) == ["http://first/", "http://second/"]


def test_a_backup_of_an_older_schema_waits_for_its_migration(path, writer):
    backup = back_up(path)
    with closing(sqlite3.connect(backup)) as older, older:
        (newest,) = older.execute("SELECT version_num FROM alembic_version").fetchone()
        older.execute("UPDATE alembic_version SET version_num = '0001'")
    backup.rename(path)
    add(writer, "http://second/")
    with pytest.raises(DatabaseUnavailable, match=f"schema 0001, not {newest}: `scrapy export sites`"):
        writer.commit()
    with closing(sqlite3.connect(path)) as migrated, migrated:
        migrated.execute("UPDATE alembic_version SET version_num = ?", (newest,))
    assert writer.commit() == 1


def test_rows_of_a_commit_during_which_the_file_is_deleted_stay_pending(path, engine, writer):
    backup = back_up(path)
    event.listen(engine, "commit", lambda _: backup.rename(path), once=True)
    add(writer, "http://second/")
    with pytest.raises(DatabaseUnavailable, match="replaced during a commit"):
        writer.commit()
    assert writer.pending == 1
    assert writer.commit() == 1
    assert urls(path) == ["http://first/", "http://second/"]


@pytest.mark.parametrize("suffixes", [("-wal",), ("-shm",), ("-wal", "-shm")])
def test_a_deleted_write_ahead_log_loses_nothing_of_two_workers(path, engine, writer, suffixes, caplog):
    other = Writer(second := connect(str(engine.url), lasting=True))
    store(other, "http://second/")
    for suffix in suffixes:
        beside(path, suffix).unlink()
    for number in range(5):
        store(writer, f"http://a/{number}")
        store(other, f"http://b/{number}")
    assert len(urls(path)) == 12
    assert "what it held is saved in the database" in caplog.text
    second.dispose()
    engine.dispose()
    assert len(urls(path)) == 12


def test_a_write_ahead_log_deleted_within_a_commit_is_saved_by_the_next(path, engine, writer):
    event.listen(engine, "commit", lambda _: beside(path, "-wal").unlink(), once=True)
    add(writer, "http://second/")
    with pytest.raises(DatabaseUnavailable):
        writer.commit()
    assert writer.commit() == 1
    assert urls(path) == ["http://first/", "http://second/"]


def test_a_link_to_the_file_may_be_set_to_another(path, writer, tmp_path):
    # Given a database that is reached by a link
    link = tmp_path / "link.db"
    link.symlink_to(path)
    engine = connect(f"sqlite:///{link}", lasting=True)
    linked = Writer(engine)
    store(linked, "http://second/")
    backup = back_up(path)
    # When the link is set to another file
    link.unlink()
    add(linked, "http://third/")
    with pytest.raises(DatabaseUnavailable, match="the file is gone"):
        linked.commit()
    link.symlink_to(backup)
    # Then that one is written to
    assert linked.commit() == 1
    assert urls(backup) == ["http://first/", "http://second/", "http://third/"]
    assert urls(path) == ["http://first/", "http://second/"]
    engine.dispose()


def test_what_ends_soon_goes_on_with_no_other_file(path, engine):
    backup = back_up(path)
    engine.dispose()
    command = connect(url_of(file := path.with_name("command.db")))
    migrate(command)
    backup.rename(file)
    for transaction in (reading, writing):
        with (
            pytest.raises(DatabaseUnavailable, match="replaced by another file: run this again"),
            transaction(command),
        ):
            pytest.fail("a transaction on another file")
    command.dispose()


def test_no_engine_of_the_process_makes_a_lost_file_anew(path, engine):
    second = connect(str(engine.url), lasting=True)
    path.unlink()
    with pytest.raises(DatabaseUnavailable, match="the file is gone"):
        read_runs(second)
    assert not path.exists()


def at_the_next_look(monkeypatch, do):
    """Does something right after somebody has looked what the path names, once."""
    look, done = sqlite_file._identity, []

    def looked(path):
        found = look(path)
        if not done:
            done.append(path)
            do()
        return found

    monkeypatch.setattr(sqlite_file, "_identity", looked)


def test_a_file_that_vanishes_while_it_is_opened_is_not_made_anew(path, engine, monkeypatch):
    engine.dispose()
    at_the_next_look(monkeypatch, path.unlink)
    with pytest.raises(DatabaseUnavailable, match="unable to open"):
        read_runs(engine)
    assert not path.exists()


def test_a_file_that_is_replaced_while_it_is_opened_is_seen_to_be_another(
    path, engine, writer, monkeypatch, caplog
):
    backup = back_up(path)
    engine.dispose()
    at_the_next_look(monkeypatch, lambda: backup.rename(path))
    assert store(writer, "http://second/") == 1
    assert urls(path) == ["http://first/", "http://second/"]
    assert "Another file is in place" in caplog.text


def test_a_copy_is_not_taken_for_the_lost_file_by_its_number(path, writer, caplog):
    backup = back_up(path)
    number = path.stat().st_ino
    path.unlink()
    add(writer, "http://second/")
    with pytest.raises(DatabaseUnavailable):
        writer.commit()
    shutil.copy(backup, path)
    assert path.stat().st_ino != number
    assert writer.commit() == 1
    assert "Another file is in place" in caplog.text


def test_who_still_has_a_deleted_log_open_reads_no_old_pages_by_the_new_index(path, writer):
    # Given somebody else's connection, and more rows in the log than it will have afterwards
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        for number in range(20):
            store(writer, f"http://a/{number}")
        assert other.execute("SELECT count(*) FROM sites").fetchone() == (21,)
        # When the log is deleted, saved, and begun anew
        beside(path, "-wal").unlink()
        store(writer, "http://b/")
        # Then that connection fails instead of reading what was there
        with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
            other.execute("SELECT count(*) FROM sites")
    assert len(urls(path)) == 22
