"""Each row of a list comes once, forwards and back, whatever is added meanwhile."""

import base64
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from scraping_project.storage.reading.cursors import Key, read_page
from scraping_project.storage.tables import scrape_logs
from scraping_project.storage.transactions import reading
from scraping_project.storage.writing.writer import Writer
from tests.support.storage_truth import NOON, log

log_ = scrape_logs.c
QUERY = select(log_.id, log_.task_id, log_.finished_at)
NEWEST = (Key(log_.finished_at, falls=True), Key(log_.id, falls=True))
OLDEST = (Key(log_.finished_at), Key(log_.id))


@pytest.fixture(autouse=True)
def rows(engine):
    # Three share a moment, so that a page ends within one.
    store(engine, *(log(str(number), number // 3) for number in range(10)))


def store(engine, *rows):
    writer = Writer(engine)
    for row in rows:
        writer.append(row)
    writer.commit()


def page(engine, cursor=None, keys=NEWEST, limit=4):
    with reading(engine) as connection:
        return read_page(connection, QUERY, keys, lambda row: row["task_id"], cursor=cursor, limit=limit)


def test_pages_go_on_where_the_one_before_ended(engine):
    first = page(engine)
    second = page(engine, first.older)
    third = page(engine, second.older)
    assert [*first.rows, *second.rows, *third.rows] == list("9876543210")
    assert (first.newer, third.older) == (None, None)


def test_the_way_back_shows_the_same_pages(engine):
    first = page(engine)
    second = page(engine, first.older)
    third = page(engine, second.older)
    assert page(engine, third.newer).rows == second.rows
    assert page(engine, second.newer).rows == first.rows
    assert page(engine, second.newer).older is not None
    assert page(engine, second.newer).newer is None


def test_what_is_added_meanwhile_moves_no_page_and_is_found_on_the_way_back(engine):
    second = page(engine, page(engine).older)
    store(engine, *(log(f"new {number}", 9) for number in range(2)))
    assert page(engine, page(engine, second.newer).older).rows == second.rows
    assert page(engine, page(engine, second.newer).newer).rows == ["new 1", "new 0"]


def test_a_list_may_begin_with_the_oldest(engine):
    first = page(engine, keys=OLDEST, limit=6)
    assert [*first.rows, *page(engine, first.older, OLDEST, 6).rows] == list("0123456789")


def test_a_page_that_is_just_full_has_none_behind_it(engine):
    assert page(engine, limit=10).older is None
    assert page(engine, limit=9).older is not None


def encoded(text):
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "?",
        "é",
        "x" * 3_000,
        encoded("{}"),
        encoded("[true,[]]"),
        encoded('[true,["2026-01-01T00:00:00"]]'),
        encoded('[true,["2026-01-01T00:00:00Z",1]]'),
        encoded('[true,["2026-01-01T00:00:00","1"]]'),
        encoded('[true,["yesterday",1]]'),
        encoded('[1,["2026-01-01T00:00:00",1]]'),
        encoded(f'[true,["2026-01-01T00:00:00",{2**70}]]'),
        encoded('[true,["2026-01-01T00:00:00",1]]') + "\n",
    ],
)
def test_another_text_is_refused_in_one_line(engine, cursor):
    with pytest.raises(ValueError, match=r"^the cursor is not one that this list gave: [^\n]*$"):
        page(engine, cursor)


def test_a_cursor_of_a_row_that_is_gone_goes_on_all_the_same(engine):
    moment = (NOON + timedelta(minutes=1, seconds=1)).replace(tzinfo=None)
    assert isinstance(moment, datetime)
    assert page(engine, encoded(f'[false,["{moment.isoformat()}",99]]')).rows == list("5432")
