"""What people look at beside a crawl never costs the database much."""

import time

import pytest
from sqlalchemy import text

from scraping_project.storage import engine as storage_engine
from scraping_project.storage.engine import PAGE_CONNECTIONS, connect, for_pages
from scraping_project.storage.errors import DatabaseAway, DatabaseUnavailable
from scraping_project.storage.transactions import reading, writing

#: Looks at a thousand billion pairs of pairs.
ENDLESS = """
WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 900)
SELECT count(*) FROM numbers AS a, numbers AS b, numbers AS c, numbers AS d
WHERE a.number + b.number + c.number + d.number = 0
"""


@pytest.fixture(name="pages")
def an_engine_for_pages(database_url, engine, monkeypatch):
    monkeypatch.setattr(storage_engine, "PAGE_SECONDS", 1)
    pages = for_pages(database_url)
    yield pages
    pages.dispose()


def test_a_statement_that_takes_too_long_ends_with_one_line_and_the_next_one_runs(pages):
    began = time.monotonic()
    with pytest.raises(DatabaseUnavailable, match="interrupted") as caught, reading(pages) as connection:
        connection.execute(text(ENDLESS)).all()
    assert time.monotonic() - began < 3 * 10  # of a machine that is busy
    assert caught.type is not DatabaseAway
    assert "\n" not in str(caught.value)
    with reading(pages) as connection:
        assert connection.scalar(text("SELECT count(*) FROM sites")) == 0


def test_a_wait_for_a_connection_is_short_too(pages):
    held = [pages.connect() for _ in range(PAGE_CONNECTIONS)]
    with pytest.raises(DatabaseUnavailable, match="every connection of this process is busy"), reading(pages):
        pass
    for connection in held:
        connection.close()


def test_a_statement_of_a_crawl_has_no_such_limit(database_url):
    engine = connect(database_url)
    if engine.dialect.name != "sqlite":
        with reading(engine) as connection:
            assert connection.scalar(text("SELECT SLEEP(1.5)")) == 0
            assert connection.scalar(text("SELECT @@max_statement_time")) == 0
    engine.dispose()


def test_pages_may_write_what_somebody_asks_for(pages):
    with writing(pages) as connection:
        connection.execute(text("DELETE FROM actions"))
