"""A database in which rows would be lost, or that cannot be migrated, is found out in one line that helps."""

import pymysql
import pytest
from sqlalchemy import event, inspect, make_url, text

from scraping_project.storage.engine import connect
from scraping_project.storage.migrate import _revisions, _upgrade, migrate
from scraping_project.storage.transactions import writing
from scraping_project.storage.upkeep import health
from testing.servers import LOOPBACK


def wrong(engine):
    found = list(health.findings(engine))
    assert all("\n" not in line for _, line in found)
    return [line for well, line in found if not well]


def tables(engine):
    return inspect(engine).get_table_names()


def execute(engine, *statements):
    with writing(engine) as connection:
        for statement in statements:
            connection.execute(text(statement))


def with_rights(server, url, *rights):
    """An engine for the database of the URL as a user with these rights alone."""
    database = make_url(url).database
    user = f"weak_{database}"
    server._execute(
        f"CREATE USER {user}@'{LOOPBACK}' IDENTIFIED BY 'sesame'",
        f"GRANT {', '.join(rights)} ON {database}.* TO {user}@'{LOOPBACK}'",
    )
    return connect(str(make_url(url).set(username=user, password="sesame").render_as_string(False)))


def test_nothing_is_wrong_with_a_database_of_ours_and_no_table_is_left_in_it(engine):
    before = tables(engine)
    assert wrong(engine) == []
    assert tables(engine) == before


def test_an_empty_database_is_well(database_url):
    engine = connect(database_url)
    assert (True, "no tables yet: the first crawl makes them") in health.findings(engine)
    assert wrong(engine) == []
    assert tables(engine) == []
    engine.dispose()


@pytest.mark.parametrize(
    ("said", "well"),
    [
        ("10.5.29-MariaDB-0+deb11u1", False),
        ("10.6.0-MariaDB", True),
        ("11.4.2-MariaDB-log", True),
        ("8.0.39", False),
        ("8.4.0", True),
        ("9.1.0-commercial", True),
    ],
)
def test_a_server_that_is_too_old_is_wrong(mariadb, monkeypatch, said, well):
    monkeypatch.setattr(health, "version_text", lambda _: said)
    kind, oldest = ("MariaDB", "10.6") if "MariaDB" in said else ("MySQL", "8.4")
    assert wrong(mariadb) == ([] if well else [f"{kind} {said} is too old: update it to {oldest} or newer"])


@pytest.mark.parametrize(("said", "well"), [("3.34.1", False), ("3.35.0", True), ("4.0", True)])
def test_an_sqlite_that_is_too_old_is_wrong(sqlite, monkeypatch, said, well):
    monkeypatch.setattr(health, "version_text", lambda _: said)
    assert wrong(sqlite) == ([] if well else [f"SQLite {said} is too old: update it to 3.35 or newer"])


def test_the_version_is_the_databases_own(engine):
    first = next(health.findings(engine))[1]
    assert first.split()[0] in {"SQLite", "MariaDB", "MySQL"}
    assert health.version_text(engine) in first


def test_a_user_who_may_only_read_is_told_what_to_grant(mariadb, mariadb_url, shared_mariadb):
    weak = with_rights(shared_mariadb, mariadb_url, "SELECT")
    (line,) = wrong(weak)
    weak.dispose()
    assert line.endswith("the user may not CREATE: GRANT CREATE ON it to the user")
    assert "sesame" not in line


def test_a_user_who_may_store_but_not_migrate_is_told_so_and_nothing_is_left(
    mariadb, mariadb_url, shared_mariadb
):
    weak = with_rights(shared_mariadb, mariadb_url, "SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP")
    before = tables(mariadb)
    (line,) = wrong(weak)
    weak.dispose()
    assert "may not ALTER, INDEX: GRANT ALTER, INDEX ON" in line
    assert tables(mariadb) == before


def test_a_table_that_can_not_be_dropped_is_named(mariadb, mariadb_url, shared_mariadb):
    weak = with_rights(shared_mariadb, mariadb_url, "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX")
    (line,) = wrong(weak)
    weak.dispose()
    (left,) = [name for name in tables(mariadb) if name.startswith("doctor_")]
    assert line.endswith(f"GRANT DROP ON it to the user, then drop the table {left}")


def test_an_sqlite_that_can_not_be_written_is_wrong(sqlite):
    event.listen(sqlite, "connect", lambda connection, _: connection.execute("PRAGMA query_only = ON"))
    sqlite.dispose()
    (line,) = wrong(sqlite)
    assert "readonly" in line
    assert "make the file and its folder writable" in line


def test_a_latin1_database_is_wrong(mariadb):
    name = mariadb.url.database
    execute(mariadb, f"ALTER DATABASE {name} CHARACTER SET latin1")
    mariadb.dispose()
    assert wrong(mariadb) == [f"charset latin1 for new tables: ALTER DATABASE {name} CHARACTER SET utf8mb4"]


def test_a_table_of_another_collation_is_wrong_until_it_is_converted_as_the_line_says(mariadb):
    execute(mariadb, "ALTER TABLE items CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
    (line,) = wrong(mariadb)
    assert line.startswith("tables of another collation than utf8mb4_bin: items: ALTER TABLE items")
    execute(mariadb, line.split(": ")[2].removesuffix(", and so on"))
    assert wrong(mariadb) == []


def test_a_connection_that_is_not_strict_is_wrong(mariadb):
    event.listen(mariadb, "connect", lambda connection, _: connection.cursor().execute("SET sql_mode = ''"))
    mariadb.dispose()
    (line,) = wrong(mariadb)
    assert line.startswith("not in strict mode")


def test_packets_that_are_too_small_for_a_page_are_wrong(mariadb, shared_mariadb):
    (before,) = globally(mariadb, "SELECT @@GLOBAL.max_allowed_packet")
    try:
        shared_mariadb._execute("SET GLOBAL max_allowed_packet = 1048576")
        mariadb.dispose()
        (line,) = wrong(mariadb)
    finally:
        shared_mariadb._execute(f"SET GLOBAL max_allowed_packet = {before}")
    assert line.startswith("max_allowed_packet 1,048,576: set it to 16777216 or more")


def globally(engine, query):
    url = engine.url
    where = {"host": url.host, "port": url.port, "user": url.username, "password": url.password}
    with pymysql.connect(**where) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()


def test_the_migrations_that_are_missing_are_named(database_url):
    engine = connect(database_url)
    _upgrade(engine, "0001")
    later = ", ".join(_revisions()[1:])
    assert wrong(engine) == [f"migrations missing: {later}: the next crawl or export applies them"]
    migrate(engine)
    assert wrong(engine) == []
    engine.dispose()


def test_a_database_of_a_newer_version_is_wrong(engine):
    execute(engine, "UPDATE alembic_version SET version_num = '9999'")
    (line,) = wrong(engine)
    assert "made by a newer version (schema 9999" in line
    assert "update scraping_project" in line
