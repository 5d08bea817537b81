"""The INSERTs in the words of each database, MySQL's included, which only `make matrix` runs on."""

from types import SimpleNamespace

import pymysql
import pytest
from pymysql.constants import SERVER_STATUS
from sqlalchemy import Column, Integer, MetaData, Table
from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from scraping_project.storage import tables
from scraping_project.storage.mysql_escaping import escaped
from scraping_project.storage.writing.bulk import execute, words_of
from scraping_project.storage.writing.upserts import add_up, insert, upsert

OURS = [tables.sites, tables.scrape_logs, tables.items, tables.refused_rows, tables.runs]


def mysql(version=(8, 4, 0)):
    dialect = MySQLDialect_pymysql()
    dialect.server_version_info = version
    dialect._requires_alias_for_on_duplicate_key = version >= (8, 0, 20)  # as it learns of a server
    return dialect


def mariadb():
    dialect = MySQLDialect_pymysql(is_mariadb=True)
    dialect.server_version_info = (10, 6, 0)
    return dialect


def test_mysql_adds_up_under_the_name_that_it_gives_to_the_new_row():
    words = words_of(mysql(), add_up, tables.site_totals)
    assert words.head == "INSERT INTO site_totals (domain, sites) VALUES "
    assert words.group == "(%s, %s)"
    assert words.tail == " AS new ON DUPLICATE KEY UPDATE sites = (site_totals.sites + new.sites)"
    assert words.names == ("domain", "sites")


def test_mariadb_and_older_mysql_add_up_with_values():
    for dialect in (mariadb(), mysql((5, 7, 0))):
        words = words_of(dialect, add_up, tables.site_totals)
        assert words.tail == " ON DUPLICATE KEY UPDATE sites = (site_totals.sites + VALUES(sites))"


def test_sqlite_adds_up_on_conflict():
    words = words_of(SQLiteDialect_pysqlite(), add_up, tables.site_totals)
    assert words.group == "(?, ?)"
    assert words.tail == " ON CONFLICT (domain) DO UPDATE SET sites = (site_totals.sites + excluded.sites)"


def test_mysql_compares_the_content_before_it_assigns_it():
    tail = words_of(mysql(), upsert, tables.sites).tail
    assert "first_scraped" not in tail
    assert "(sites.content_hash <=> new.content_hash) THEN sites.last_changed" in tail
    assert tail.index("last_changed = CASE") < tail.index("content_hash = new.content_hash")


@pytest.mark.parametrize("table", OURS, ids=lambda table: table.name)
@pytest.mark.parametrize("dialect", [mysql(), mariadb(), SQLiteDialect_pysqlite()], ids=lambda d: d.name)
@pytest.mark.parametrize("kind", [insert, upsert])
def test_every_column_but_the_number_has_a_value(dialect, kind, table):
    words = words_of(dialect, kind, table)
    names = [column.name for column in table.columns]
    assert list(words.names) == [name for name in names if name != "id" or table is tables.runs]
    assert words.group.count("?") + words.group.count("%s") == len(words.names)


@pytest.mark.parametrize(
    ("dialect", "end"),
    [
        (mysql(), "ON DUPLICATE KEY UPDATE id = keys.id"),
        (SQLiteDialect_pysqlite(), "ON CONFLICT (id) DO NOTHING"),
    ],
)
def test_a_row_that_is_all_key_is_left_as_it_is(dialect, end):
    keys = Table("keys", MetaData(), Column("id", Integer, primary_key=True, autoincrement=False))
    assert str(upsert(dialect.name, keys).compile(dialect=dialect)).replace("`", "").endswith(end)


def sent(values, packet=2**24):
    """The statements, and what the driver is to send with them."""
    calls = []
    connection = SimpleNamespace(
        dialect=mysql(), info={"max_allowed_packet": packet}, exec_driver_sql=lambda *call: calls.append(call)
    )
    execute(connection, add_up, tables.site_totals, values)
    return calls


def test_only_whole_numbers_hexadecimal_and_null_stand_in_a_statement_themselves():
    values = [("a'); DROP TABLE sites; --", 7), (b"%s'", None), ("1", True), ("x", 1.5), ("y", Digits(8))]
    ((statement, parameters),) = sent(values)
    assert "VALUES (%s,7),(X'257327',NULL),(%s,%s),(%s,%s),(%s,%s) AS" in statement
    assert parameters == ("a'); DROP TABLE sites; --", "1", True, "x", 1.5, "y", 8)


@pytest.mark.parametrize(
    ("size", "rows", "packet", "most"),
    [
        (300_000, 10, 2**24, 3),
        (60_000, 10, 2**20, 3),
        (1, 9_000, 2**24, 4_000),
        (1_500_000, 3, 2**24, 1),
        (300_000, 3, 2**20, 1),
    ],
)
def test_many_rows_are_sent_in_statements_of_a_bounded_size(size, rows, packet, most):
    domains = [f"{number:06}" + "x" * size for number in range(rows)]
    calls = sent([(name, 1) for name in domains], packet)
    assert [name for _, values in calls for name in values] == domains
    assert max(len(values) for _, values in calls) == most
    assert all(statement.count("(%s,1)") == len(values) for statement, values in calls)


#: Texts that end a literal, or are anything else than themselves in one.
HOSTILE = [
    "a'); DROP TABLE sites; --",
    "it''s",
    "back\\slash\\",
    "\\'",
    "%s %d %%",
    '\x00\x1a\r\n"',
    "",
    "emoji \U0001f600, \u202e right to left",
    "x" * 10_000,
]


@pytest.mark.parametrize("status", [0, SERVER_STATUS.SERVER_STATUS_NO_BACKSLASH_ESCAPES])
@pytest.mark.parametrize(
    "values",
    [HOSTILE, ["only"], [""], [*HOSTILE, "\x1f"], ["a\x1fb", "c"], [*HOSTILE, 1.5, True], [b"'", None]],
)
def test_values_that_are_escaped_at_once_are_as_if_each_were_by_itself(status, values):
    connection = pymysql.connect(defer_connect=True)
    connection.server_status = status
    assert escaped(connection.cursor(), values) == [connection.escape(value) for value in values]


class Digits(int):
    """A number that says what it likes."""

    def __str__(self):
        return "1); DROP TABLE sites; --"
