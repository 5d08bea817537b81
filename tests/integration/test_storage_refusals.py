"""One row that the database will never take does not keep the others from being stored."""

import json
import logging
from datetime import UTC, datetime

import pytest
from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Enum,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    event,
    inspect,
    select,
    text,
)
from sqlalchemy.dialects import mysql

from scraping_project.items import Link, StoredItem
from scraping_project.storage import migrate as migration
from scraping_project.storage.engine import connect
from scraping_project.storage.errors import DatabaseUnavailable, StorageError
from scraping_project.storage.migrate import migrate
from scraping_project.storage.reading import overview
from scraping_project.storage.tables import items, refused_rows, scrape_logs, sites
from scraping_project.storage.transactions import reading, writing
from scraping_project.storage.writing.writer import Writer
from tests.support.storage_truth import NOON, assert_rollups_are_true, log, site

mine = Table(
    "mine",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", String(10), unique=True),
    Column("at", DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")),
)


def stored(engine, table):
    with reading(engine) as connection:
        return connection.execute(select(table).order_by(table.c.id)).all()


def poison(engine, table, column):
    """Makes the database refuse a row whose column is POISON."""
    with writing(engine) as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(
                text(
                    f"CREATE TRIGGER refuse BEFORE INSERT ON {table} WHEN new.{column} LIKE '%POISON%' "
                    "BEGIN SELECT RAISE(ABORT, 'poison'); END"
                )
            )
        else:
            connection.execute(text(f"ALTER TABLE {table} ADD CHECK ({column} NOT LIKE '%POISON%')"))


def fill(writer, count=50):
    for number in range(count):
        writer.append(site(f"http://a.example/{number}"))
        writer.append(log(f"{number}", site_url=f"http://a.example/{number}"))


def test_the_rest_of_the_batch_lands_and_the_row_is_kept(engine, caplog):
    poison(engine, "scrape_logs", "url")
    writer = Writer(engine)
    fill(writer)
    writer.append(log("bad", url="http://a.example/POISON/'\\\x00😀\ud800"))
    fill(writer, 60)
    assert writer.commit() == 221
    assert writer.pending == 0
    assert writer.refused == 1
    assert len(stored(engine, sites)) == len(stored(engine, scrape_logs)) == 60
    assert None not in {row.site_id for row in stored(engine, scrape_logs)}
    assert_rollups_are_true(engine)
    (row,) = stored(engine, refused_rows)
    assert row.table_name == "scrape_logs"
    assert json.loads(row.data)["url"].startswith("http://a.example/POISON/'\\\x00😀")
    assert "poison" in row.error or "constraint" in row.error.lower()
    (message,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert message.startswith("A row of scrape_logs was refused and is kept in refused_rows: ")


def test_a_site_that_is_refused_leaves_its_log(engine):
    poison(engine, "sites", "url")
    writer = Writer(engine)
    writer.append(site("http://a.example/POISON"))
    writer.append(log("1", site_url="http://a.example/POISON"))
    writer.commit()
    (row,) = stored(engine, scrape_logs)
    assert row.site_id is None
    assert overview.sites_count(engine) == 0
    assert_rollups_are_true(engine)


def test_every_row_may_be_refused_and_none_is_kept_twice(engine):
    poison(engine, "scrape_logs", "url")
    for _ in range(2):
        writer = Writer(engine)
        for number in range(5):
            writer.append(log(str(number), url="POISON", finished_at=NOON))
        writer.commit()
        assert (writer.refused, writer.pending) == (5, 0)
    assert len(stored(engine, refused_rows)) == 5


def test_an_outage_amid_the_bisecting_loses_and_doubles_nothing(engine):
    poison(engine, "scrape_logs", "url")
    writer = Writer(engine)
    fill(writer)
    writer.append(log("bad", url="POISON"))
    commits = []

    def fail_at_the_third(connection):
        commits.append(connection)
        if len(commits) == 3:
            raise DatabaseUnavailable("away")

    event.listen(engine, "commit", fail_at_the_third)
    with pytest.raises(DatabaseUnavailable):
        writer.commit()
    assert writer.pending == 101
    event.remove(engine, "commit", fail_at_the_third)
    assert writer.commit() == 101
    assert len(stored(engine, scrape_logs)) == 50
    assert len(stored(engine, refused_rows)) == 1
    assert_rollups_are_true(engine)


def test_a_row_larger_than_a_packet_is_refused_before_the_server_cuts_the_connection(mariadb):
    with mariadb.connect() as connection:
        packet = connection.scalar(text("SELECT @@max_allowed_packet"))
    writer = Writer(mariadb)
    item = {"task_id": "t", "crawl_id": "c", "run_id": "r", "url": "", "type": "dict", "scraped_at": NOON}
    writer.append(StoredItem(number=1, data="x" * packet, **item))
    writer.append(StoredItem(number=2, data="'" * (packet // 2), **item))
    writer.append(StoredItem(number=3, data="é" * (min(packet, 2**24) // 2 - 5_000), **item))
    writer.append(site("http://a.example/", links=[Link("http://b.example/" + "x" * 200_000)] * 18))
    assert writer.commit() == 4
    assert writer.refused == 2
    assert [row.number for row in stored(mariadb, items)] == [3]
    assert [row.links_count for row in stored(mariadb, sites)] == [18]
    assert f"max_allowed_packet is {packet:,}" in stored(mariadb, refused_rows)[0].error
    assert stored(mariadb, refused_rows)[0].data.endswith("…")


def test_a_text_too_long_for_its_column_is_refused_and_no_outage(mariadb):
    writer = Writer(mariadb)
    writer.create(mine)
    writer.put(mine, {"id": 1, "name": "x" * 11, "at": None})
    writer.put(mine, {"id": 2, "name": "x", "at": NOON.replace(tzinfo=None)})
    writer.commit()
    assert [row.id for row in stored(mariadb, mine)] == [2]


def assert_one_row_is_refused(engine, table, row, why):
    writer = Writer(engine)
    writer.create(table)
    writer.append(site("http://a.example/"))
    writer.put(table, row)
    assert writer.commit() == 2
    assert writer.refused == 1
    assert [row.url for row in stored(engine, sites)] == ["http://a.example/"]
    (refused,) = stored(engine, refused_rows)
    assert why in refused.error


def test_a_row_without_the_row_that_it_refers_to_is_refused(mariadb):
    metadata = MetaData()
    parent = Table("parents", metadata, Column("id", Integer, primary_key=True))
    Writer(mariadb).create(parent)
    child = Table(
        "children",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("parent", ForeignKey(parent.c.id)),
    )
    assert_one_row_is_refused(mariadb, child, {"id": 1, "parent": 2}, "foreign key constraint fails")


@pytest.mark.parametrize("kind", [LargeBinary, JSON])
def test_a_row_of_a_table_of_ones_own_larger_than_a_packet_is_refused(mariadb, kind):
    with mariadb.connect() as connection:
        packet = connection.scalar(text("SELECT @@max_allowed_packet"))
    # What the driver sends is larger: bytes in hexadecimal, é as six characters
    value = b"x" * (packet // 2 + 1) if kind is LargeBinary else ["é" * (packet // 6 + 1)]
    table = Table("large", MetaData(), Column("id", Integer, primary_key=True), Column("data", kind))
    assert_one_row_is_refused(mariadb, table, {"id": 1, "data": value}, f"max_allowed_packet is {packet:,}")


def test_a_row_that_a_trigger_refuses_is_no_outage(mariadb):
    Writer(mariadb).create(mine)
    with writing(mariadb) as connection:
        connection.execute(
            text("CREATE TRIGGER no BEFORE INSERT ON mine FOR EACH ROW SIGNAL SQLSTATE '45000'")
        )
    assert_one_row_is_refused(mariadb, mine, {"id": 1}, "user-defined exception")


def test_a_value_that_its_column_does_not_know_is_refused(engine):
    table = Table(
        "colours",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("is", Enum("red", "blue", validate_strings=True)),
    )
    assert_one_row_is_refused(engine, table, {"id": 1, "is": "green"}, "'green' is not among")


@pytest.mark.parametrize("value", ["\ud800", object(), ["list"], {"a": 1}, 2**70])
def test_a_value_that_no_driver_can_send_is_refused(engine, value):
    writer = Writer(engine)
    writer.create(mine)
    for number in range(1, 5):
        writer.put(mine, {"id": number, "name": value if number == 2 else str(number), "at": None})
    writer.commit()
    kept = {row.id for row in stored(engine, mine)}
    assert {1, 3, 4} <= kept
    assert writer.refused == 4 - len(kept)


def test_a_second_row_with_a_name_that_is_taken_does_not_hold_up_the_crawl(sqlite):
    writer = Writer(sqlite)
    writer.create(mine)
    for number, name in enumerate("aba"):
        writer.put(mine, {"id": number, "name": name, "at": None})
    writer.commit()
    assert [row.id for row in stored(sqlite, mine)] == [0, 1]
    assert writer.refused == 1


@pytest.mark.parametrize("row", [{"name": "x"}, {"id": 1, "nome": "x"}])
def test_a_row_with_other_columns_is_an_error_of_who_made_it(sqlite, row):
    with pytest.raises(ValueError, match="a row of mine"):
        Writer(sqlite).put(mine, row)


def test_columns_that_a_row_leaves_out_keep_their_value(engine):
    writer = Writer(engine)
    writer.create(mine)
    writer.put(mine, {"id": 1, "name": "kept"})
    writer.put(mine, {"id": 1, "at": NOON.replace(tzinfo=None)})
    writer.commit()
    assert [tuple(row) for row in stored(engine, mine)] == [(1, "kept", NOON.replace(tzinfo=None))]


def test_rows_of_a_table_of_ones_own_replace_those_of_the_same_key(engine):
    writer = Writer(engine)
    for _ in range(2):
        writer.create(mine)
    moment = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    writer.put(mine, {"id": 1, "name": "old", "at": None})
    writer.put(mine, {"id": 1, "name": "new", "at": moment})
    writer.put(mine, {"id": 2, "name": "%s' :x\\😀", "at": moment})
    assert writer.commit() == 3
    assert [tuple(row) for row in stored(engine, mine)] == [
        (1, "new", moment),
        (2, "%s' :x\\😀", moment),
    ]


def test_keys_that_differ_in_case_or_accents_are_two_rows_of_a_table_of_ones_own(engine):
    table = Table(
        "pages",
        MetaData(),
        Column("url", String(700), primary_key=True),
        Column("word", String(9), index=True),
    )
    Index("uq_pages_word", table.c.word, table.c.url, unique=True)
    # As a server is set up by many a compose file
    if engine.dialect.name == "mysql":
        with writing(engine) as connection:
            connection.execute(text("ALTER DATABASE COLLATE utf8mb4_unicode_ci"))
    writer = Writer(engine)
    for _ in range(2):
        writer.create(table)
    urls = ["http://x/A", "http://x/a", "http://x/e", "http://x/é"]
    for url in urls:
        writer.put(table, {"url": url, "word": "x"})
    writer.commit()
    with reading(engine) as connection:
        assert sorted(connection.scalars(select(table.c.url))) == urls
    indexes = {index["name"]: bool(index["unique"]) for index in inspect(engine).get_indexes("pages")}
    assert indexes == {"ix_pages_word": False, "uq_pages_word": True}


def test_an_index_that_came_later_is_made_too(engine):
    for index in (False, True):
        columns = (Column("id", Integer, primary_key=True), Column("n", Integer, index=index))
        Writer(engine).create(Table("own", MetaData(), *columns))
    engine.dispose()  # a connection of SQLite that has looked at a table knows its indexes by heart
    assert [index["name"] for index in inspect(engine).get_indexes("own")] == ["ix_own_n"]


def test_one_worker_at_a_time_looks_for_tables_and_makes_them(database_url, engine, monkeypatch):
    monkeypatch.setattr(migration, "LOCK_SECONDS", 0)
    other = connect(database_url)
    with migration.lock(other), pytest.raises(DatabaseUnavailable, match="another process"):
        Writer(engine).create(mine)
    other.dispose()


def test_a_charset_that_a_table_of_ones_own_names_is_left_to_it(mariadb):
    key = Column("id", String(9), primary_key=True)
    Writer(mariadb).create(Table("own", MetaData(), key, mysql_default_charset="latin1"))
    with reading(mariadb) as connection:
        assert "latin1" in connection.execute(text("SHOW CREATE TABLE own")).one()[1]


def test_a_table_that_is_not_as_it_should_be_keeps_all_rows_waiting(engine):
    writer = Writer(engine)
    writer.append(log("1"))
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE scrape_logs RENAME COLUMN reason TO cause"))
    with pytest.raises(StorageError):
        writer.commit()
    assert (writer.pending, writer.refused) == (1, 0)


def test_an_item_is_stored_once_however_often_it_is_written(engine):
    for data in ("{}", '{"a":"é\\u0000"}'):
        writer = Writer(engine)
        for number in (2, 1):
            writer.append(
                StoredItem(
                    task_id="c:r:1", number=number, crawl_id="c", run_id="r", url="http://a/",
                    type="Quote", data=data, scraped_at=NOON,
                )
            )  # fmt: skip
        writer.commit()
    assert [(row.number, row.data) for row in stored(engine, items)] == [(1, data), (2, data)]


def test_the_server_escapes_as_the_driver_thinks_it_does(mariadb_url):
    # Given a server whose own mode is another
    engine = connect(mariadb_url)
    migrate(engine)
    with reading(engine) as connection:
        assert "NO_BACKSLASH_ESCAPES" in connection.scalar(text("SELECT @@sql_mode"))
        tricky = "\\' OR 1=1; -- \\"
        assert connection.scalar(text("SELECT :value"), {"value": tricky}) == tricky
    engine.dispose()
