import os
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import event, text

import scraping_project
from scraping_project.storage import migrate as migration
from scraping_project.storage.engine import connect
from scraping_project.storage.errors import DatabaseUnavailable, SchemaTooNew
from scraping_project.storage.migrate import migrate
from scraping_project.storage.tables import metadata
from scraping_project.storage.transactions import reading, writing

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
        migration._lock(holder),
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

    monkeypatch.setattr(migration, "_lock", wait_for_a_newer_version)
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


def test_a_path_with_a_percent_sign_is_no_obstacle(tmp_path, monkeypatch):
    (tmp_path / "100%s").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "100%s"))
    engine = connect(f"sqlite:///{tmp_path}/100%s/scraping.db")
    migrate(engine)
    engine.dispose()
