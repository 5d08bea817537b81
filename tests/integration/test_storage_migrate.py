import itertools
import os
import sqlite3
import subprocess
import sys
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import event, text

import scraping_project
from scraping_project.storage import engine as storage_engine
from scraping_project.storage import migrate as migration
from scraping_project.storage.engine import connect
from scraping_project.storage.errors import DatabaseUnavailable, SchemaTooNew, StorageError
from scraping_project.storage.migrate import migrate
from scraping_project.storage.tables import metadata
from scraping_project.storage.transactions import reading, writing
from scraping_project.storage.upkeep.recount import recount
from scraping_project.storage.values import url_hash
from tests.support.storage_truth import assert_rollups_are_true

PROGRAM = """
import sys
from scraping_project.storage.engine import connect
from scraping_project.storage import migrate
engine = connect(sys.argv[1])
migrate.migrate(engine)
engine.dispose()
print(migrate.__file__)
"""


def start(database_url, path, directory):
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM, database_url],
        env={**os.environ, "PYTHONPATH": str(path)},
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def project_root():
    return Path(scraping_project.__file__).parent.parent


def statements(engine):
    seen = []
    event.listen(engine, "before_cursor_execute", lambda *arguments: seen.append(arguments[2]))
    return seen


def test_the_migrations_make_exactly_the_tables(engine):
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_database_at_head_is_left_alone_after_one_select(engine):
    seen = statements(engine)
    migrate(engine)
    assert [statement for statement in seen if not statement.startswith("BEGIN")] == [
        "SELECT version_num FROM alembic_version"
    ]


def test_eight_processes_migrate_one_empty_database(database_url, tmp_path):
    # Given eight processes that start together on an empty database
    processes = [start(database_url, project_root(), tmp_path) for _ in range(8)]
    # When all have ended
    errors = [process.communicate()[1] for process in processes]
    # Then none failed, and nothing was made twice
    assert errors == [""] * 8
    assert [process.returncode for process in processes] == [0] * 8
    engine = connect(database_url)
    with reading(engine) as connection:
        assert connection.scalar(text("SELECT count(*) FROM alembic_version")) == 1
        assert connection.scalar(text("SELECT count(*) FROM sites")) == 0
    engine.dispose()


def test_a_process_waits_for_the_one_that_migrates_but_not_for_ever(database_url, monkeypatch):
    monkeypatch.setattr(migration, "LOCK_SECONDS", 0)
    holder, other = connect(database_url), connect(database_url)
    with (
        migration.lock(holder),
        ThreadPoolExecutor(1) as threads,
        pytest.raises(DatabaseUnavailable, match="another process has been migrating it"),
    ):
        threads.submit(migrate, other).result()
    migrate(other)
    for engine in (holder, other):
        engine.dispose()


def test_a_newer_version_that_migrates_while_this_one_waits_is_noticed(database_url, monkeypatch):
    @contextmanager
    def wait_for_a_newer_version(engine):
        with writing(engine) as connection:
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)"))
            connection.execute(text("INSERT INTO alembic_version VALUES ('9999')"))
        yield

    monkeypatch.setattr(migration, "lock", wait_for_a_newer_version)
    engine = connect(database_url)
    with pytest.raises(SchemaTooNew):
        migrate(engine)
    engine.dispose()


def test_the_package_migrates_from_a_zipped_egg(database_url, tmp_path):
    egg = tmp_path / "project.egg"
    with zipfile.ZipFile(egg, "w") as archive:
        for source in (project_root() / "scraping_project").rglob("*.py"):
            archive.write(source, source.relative_to(project_root()))
    process = start(database_url, egg, tmp_path)
    output, errors = process.communicate()
    assert errors == ""
    assert str(egg) in output


def test_a_database_of_a_newer_version_is_refused_in_one_line(engine):
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaTooNew, match="schema 9999, this one knows 0") as caught:
        migrate(engine)
    assert "\n" not in str(caught.value)


def test_a_migration_that_was_interrupted_is_completed(mariadb):
    # Given what a server that commits every CREATE may be left with by a killed process
    with writing(mariadb) as connection:
        connection.execute(text("DELETE FROM alembic_version"))
        connection.execute(text("DROP TABLE runs"))
        connection.execute(text("DROP INDEX ix_scrape_logs_crawl ON scrape_logs"))
    # When the next one migrates
    migrate(mariadb)
    # Then nothing is missing
    with mariadb.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


VERSIONS = migration._revisions()

#: How the first version writes, all of whose columns are still there.
SITE = """
INSERT INTO sites (url_hash, url, domain, title, status_code, content_type, links_count, links,
    first_scraped, last_scraped, last_changed)
VALUES (:hash, :url, 'a.example', 'é', 200, 'text/html', 0, '[]', :at, :at, :at)
"""
LOG = """
INSERT INTO scrape_logs (task_id, crawl_id, run_id, url, domain, status, reason, records_scraped, attempt,
    latency_ms, bytes, started_at, finished_at)
VALUES (:task_id, 'crawl', 'run', :url, 'a.example', :status, :reason, 1, 1, :number, :bytes, :at, :at)
"""


def write_as_the_first_version(engine, number):
    failed = number % 3 == 0
    url = f"http://a.example/{number}"
    row = {
        "hash": url_hash(url),
        "url": url,
        "task_id": f"crawl:{number}:1",
        "status": "failed" if failed else "success",
        "reason": "timeout" if failed else None,
        "number": None if failed else number,
        "bytes": None if failed else 1000,
        "at": f"2026-01-01 12:{number % 60:02}:59.999999",
    }
    with writing(engine) as connection:
        connection.execute(text(SITE), row)
        connection.execute(text(LOG), row)


@pytest.mark.parametrize("version", VERSIONS)
def test_rows_of_every_earlier_version_come_along_and_are_counted(database_url, version):
    # Given a database of that version with rows in it
    engine = connect(database_url)
    migration._upgrade(engine, version)
    for number in range(70):
        write_as_the_first_version(engine, number)
    before = rows(engine)
    # When it is migrated
    migrate(engine)
    # Then the tables are as they should be, with every row as it was, and counted where it was not yet
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    assert [row[: len(old)] for row, old in zip(rows(engine), before, strict=True)] == before
    if version < "0002":
        assert_rollups_are_true(engine)
    engine.dispose()


def rows(engine):
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(text("SELECT * FROM scrape_logs ORDER BY id"))]


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_workers_of_an_earlier_version_write_on_while_it_is_migrated(database_url, version):
    # Given a worker of that version that does not stop
    engine, old = connect(database_url), connect(database_url)
    with migration.lock(engine):
        migration._upgrade(engine, version)
    over = threading.Event()

    def work():
        numbers = itertools.count()
        write_as_the_first_version(old, next(numbers))
        while not over.wait(0.01):
            write_as_the_first_version(old, next(numbers))
        write_as_the_first_version(old, next(numbers))
        return next(numbers)

    with ThreadPoolExecutor(1) as threads:
        written = threads.submit(work)
        # When another one migrates
        try:
            migrate(engine)
        finally:
            over.set()
        count = written.result()
    # Then it failed at nothing, and what it wrote can be counted afterwards
    with reading(engine) as connection:
        assert connection.scalar(text("SELECT count(*) FROM scrape_logs")) == count
    recount(engine)
    assert_rollups_are_true(engine)
    for each in (engine, old):
        each.dispose()


def test_a_migration_that_was_interrupted_after_it_counted_counts_anew(mariadb):
    write_as_the_first_version(mariadb, 1)
    with writing(mariadb) as connection:
        connection.execute(text("INSERT INTO site_totals VALUES ('a.example', 7)"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    migrate(mariadb)
    assert_rollups_are_true(mariadb)


def test_a_migration_may_take_longer_than_a_connection_of_a_crawl_waits(mariadb_url, monkeypatch):
    monkeypatch.setattr(storage_engine, "READ_TIMEOUT_SECONDS", 1)
    engine = connect(mariadb_url)
    with migration.patiently_writing(engine) as connection:
        assert connection.scalar(text("SELECT SLEEP(1.5)")) == 0
    engine.dispose()


def test_a_new_file_that_another_process_writes_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(storage_engine, "BUSY_SECONDS", 0)
    engine = connect(f"sqlite:///{tmp_path}/scraping.db")
    with closing(sqlite3.connect(f"{tmp_path}/scraping.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailable, match=r"scraping\.db: database is locked"):
            migrate(engine)
    migrate(engine)
    engine.dispose()


def test_no_room_for_temporary_files_is_one_line(database_url, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", f"{tmp_path}/none")
    engine = connect(database_url)
    with pytest.raises(StorageError, match=r"No such file or directory.*set TMPDIR"):
        migrate(engine)
    engine.dispose()


def test_a_path_with_a_percent_sign_is_no_obstacle(tmp_path, monkeypatch):
    (tmp_path / "100%s").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "100%s"))
    engine = connect(f"sqlite:///{tmp_path}/100%s/scraping.db")
    migrate(engine)
    engine.dispose()
