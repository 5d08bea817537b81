"""SQLite's file is taken from under a crawl, which waits: every page is in the file that comes back."""

import json
import sqlite3
from contextlib import closing, contextmanager

import pytest

from tests.support.project import until
from tests.support.slow_crawl import PAGES, chain_of_pages, ended, slow_crawl

EVERYTHING = {f"{kind}{number}.html" for kind in ("", "l", "m") for number in range(PAGES // 3)}
SAID = "Nothing can be stored"


@pytest.fixture(name="site")
def a_chain_of_pages_and_many_leaves(tmp_path, nginx):
    return nginx(chain_of_pages(tmp_path / "site"))


@pytest.fixture(name="path")
def path_of_the_database(project):
    return project.data_dir / "scraping.db"


@contextmanager
def held_still(path):
    """Nothing is committed within the block."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection


def pages(connection, site):
    query = "SELECT url FROM sites WHERE status_code = 200"
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return {url.removeprefix(site.url) for (url,) in connection.execute(query)}


def back_up(path):
    copy = path.with_name("backup.db")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def stored(path, site):
    if not path.exists():
        return set()
    with closing(sqlite3.connect(path)) as connection:
        return pages(connection, site)


def is_stored(path, site, number):
    def many():
        with closing(sqlite3.connect(path)) as connection:
            try:
                return connection.execute("SELECT count(*) FROM sites").fetchone()[0] > number
            except sqlite3.OperationalError:  # no table yet
                return False

    return lambda: path.exists() and many()


@pytest.mark.parametrize("workers", ["1", "3"])
def test_a_crawl_waits_for_a_file_that_is_moved_away(project, site, path, workers):
    # Given a crawl that has stored some pages, all of whose workers have begun
    process = slow_crawl(project, site, "-a", "frontier=mine", "--workers", workers)
    until(is_stored(path, site, 20), process, project)
    until(lambda: len(project.rows("runs")) == int(workers), process, project)
    # When its file is moved away between two commits
    away = path.with_name("away.db")
    with held_still(path) as connection:
        before = pages(connection, site)
        path.rename(away)
    until(lambda: SAID in project.errors(process), process, project)
    # Then nothing is stored, nor said to be done, and no other file is made
    (line,) = project.run("frontier", "mine", "--json").stdout.splitlines()
    assert json.loads(line)["done"] <= len(before)
    assert not path.exists()
    # And when it is back, every page comes to be in it
    away.rename(path)
    ended(process, project)
    assert stored(path, site) == EVERYTHING
    said = project.errors(process).count(SAID)
    assert 1 <= said <= int(workers)
    assert project.errors(process).count("The database takes rows again") == said
    assert {run["outcome"] for run in project.rows("runs")} == {"finished"}


@pytest.mark.parametrize("workers", ["1", "3"])
def test_a_crawl_goes_on_with_a_backup_that_is_renamed_over_its_file(project, site, path, workers):
    # Given a crawl, and a backup of some time ago
    process = slow_crawl(project, site, "--workers", workers)
    until(is_stored(path, site, 20), process, project)
    backup = back_up(path)
    kept = stored(backup, site)
    until(is_stored(path, site, len(kept) + 10), process, project)
    # When it takes the place of the file between two commits
    lost = path.with_name("lost.db")
    lost.hardlink_to(path)
    with held_still(path) as connection:
        before = pages(connection, site)
        backup.rename(path)
    # Then the rest of the crawl is in it, and the log says what is not
    ended(process, project)
    assert stored(path, site) >= kept | EVERYTHING - before
    assert project.errors(process).count("Another file is in place of the lost database") == int(workers)
    # And the lost file has what it had, with what was beside it
    for suffix in ("-wal", "-shm"):
        path.with_name(f"scraping.db{suffix}.lost").rename(path.with_name(f"lost.db{suffix}"))
    assert stored(lost, site) >= before


def test_a_deleted_file_is_not_made_anew_and_the_pages_are_fetched_again(project, site, path):
    # Given a crawl whose file is deleted
    process = slow_crawl(project, site, "-a", "frontier=mine")
    until(is_stored(path, site, 20), process, project)
    path.unlink()
    until(lambda: SAID in project.errors(process), process, project)
    # When it is asked to end
    process.terminate()
    process.communicate(timeout=60)
    # Then it says what it could not store, and the next run fetches that, though not what was stored
    assert process.returncode == 130
    assert not path.exists()
    assert "their requests will be sent again" in project.errors(process)
    assert "Traceback" not in project.errors(process)
    ended(slow_crawl(project, site, "-a", "frontier=mine"), project)
    assert stored(path, site)
    assert stored(path, site) < EVERYTHING


def test_a_crawl_loses_nothing_with_its_write_ahead_log(project, site, path):
    process = slow_crawl(project, site, "--workers", "3")
    until(is_stored(path, site, 20), process, project)
    path.with_name("scraping.db-wal").unlink()
    ended(process, project)
    assert stored(path, site) == EVERYTHING
    assert "what it held is saved in the database" in project.errors(process)
