"""The database is killed within commits: no row is lost, none is doubled, and all are counted."""

import random
from contextlib import suppress

import pytest
from sqlalchemy import event, text

from scraping_project.items import StoredItem
from scraping_project.storage.engine import connect
from scraping_project.storage.errors import StorageError
from scraping_project.storage.migrate import migrate
from scraping_project.storage.transactions import reading
from scraping_project.storage.writing.writer import Writer
from testing.servers import mariadb_server
from tests.support.storage_truth import NOON, assert_rollups_are_true, log, site

#: Statements of one commit, BEGIN and COMMIT included, more or less.
STEPS = 9


class Sabotage:
    """Does harm once, before a certain step of a commit."""

    def __init__(self, engine, harm):
        self._harm = harm
        self._left = -1
        event.listen(engine, "before_cursor_execute", lambda *_: self._step())
        event.listen(engine, "commit", lambda _: self._step(last=True))

    def arm(self, steps):
        self._left = steps

    def _step(self, *, last=False):
        if self._left == 0 or (last and self._left > 0):
            self._left = -1
            self._harm()
        self._left -= self._left > 0


def crawl(writer, number, known):
    """A batch with new rows and old ones, of new sites and old ones."""
    for task in [*range(number * 10, number * 10 + 10), *known]:
        url = f"http://a.example/{task % 97}"
        writer.append(site(url, number))
        writer.append(log(f"crawl:{task}:1", number, url=url, site_url=url))
        writer.append(
            StoredItem(
                task_id=f"crawl:{task}:1", number=1, crawl_id="c", run_id="r", url=url, type="Quote",
                data="{}", scraped_at=NOON,
            )
        )  # fmt: skip


def assert_all_is_there(engine, tasks):
    with reading(engine) as connection:
        for table in ("scrape_logs", "items"):
            stored = list(connection.scalars(text(f"SELECT task_id FROM {table}")))
            assert len(stored) == len(set(stored))
            assert set(stored) == {f"crawl:{task}:1" for task in range(tasks)}
    assert_rollups_are_true(engine)


@pytest.mark.parametrize("first", [0, 10])
def test_twenty_kills_of_the_server_within_commits(first):
    with mariadb_server() as server:
        engine = connect(server.database())
        migrate(engine)
        writer = Writer(engine)
        # The signal is sent and not waited for, so that it meets the server amid its work.
        sabotage = Sabotage(engine, lambda: server._process.kill())  # noqa: PLW0108 -- the one that runs then
        for number in range(10):
            chance = random.Random(first + number)
            crawl(writer, number, chance.sample(range(number * 10 + 1), min(number, 5)))
            sabotage.arm(chance.randrange(STEPS))
            with suppress(StorageError):
                writer.commit()
            server.kill()
            server.start()
            while writer.pending:
                writer.commit()
            assert_all_is_there(engine, number * 10 + 10)
        engine.dispose()


@pytest.mark.parametrize("seed", range(20))
def test_a_connection_that_is_cut_anywhere_within_a_commit(mariadb, mariadb_url, seed):
    chance, others = random.Random(seed), connect(mariadb_url)
    writer = Writer(mariadb)

    def cut():
        with others.connect() as connection:
            threads = "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID()"
            for thread in connection.scalars(text(f"{threads} AND db = DATABASE()")).all():
                with suppress(Exception):  # it may have gone by itself
                    connection.execute(text(f"KILL CONNECTION {thread}"))

    sabotage = Sabotage(mariadb, cut)
    for number in range(3):
        crawl(writer, number, range(number))
        sabotage.arm(chance.randrange(STEPS))
        while writer.pending:
            with suppress(StorageError):
                writer.commit()
    assert_all_is_there(mariadb, 30)
    others.dispose()
