"""From a database URL to an engine, set up alike for every part of the project."""

import ssl
import time
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from scraping_project.storage import sqlite_file
from scraping_project.storage.errors import BadDatabaseURL, DatabaseUnavailable
from scraping_project.storage.mysql_escaping import escape_at_once
from scraping_project.storage.mysql_pool import look_after

FORMS = "write sqlite:////path/to/file.db or mysql+pymysql://user:password@host/database"
#: The options of a MySQL URL, behind its ?. This module sets everything else about a connection.
OPTIONS = ("charset", "unix_socket", "ssl_ca", "ssl_cert", "ssl_key", "ssl_check_hostname")
#: Of the dashboard beside a crawl.
PAGE_CONNECTIONS, PAGE_SECONDS = 4, 2
PROGRESS_STEPS = 10_000  # of SQLite, some tenths of a millisecond
BUSY_SECONDS = 30  # how long SQLite waits for another writer
LOCK_WAIT_SECONDS = 10  # how long InnoDB does; the writer tries several times
#: Longer than any wait for a lock, so that the server answers first.
READ_TIMEOUT_SECONDS = 90
PACKED_BYTES = 4 * 2**20  # of a page of rows that the server packs for an export
#: With NO_BACKSLASH_ESCAPES PyMySQL escapes quotes alone: a page of links takes a tenth of the time.
#: Client and server agree on it in every answer.
#: MySQL would otherwise read two indexes and sort, though one of them holds the page in its order.
SESSION = (
    "SET time_zone = '+00:00', "
    "sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_BACKSLASH_ESCAPES', "
    f"innodb_lock_wait_timeout = {LOCK_WAIT_SECONDS}, "
    f"group_concat_max_len = {PACKED_BYTES}, "
    "optimizer_switch = 'index_merge_intersection=off'"
)


def connect(database_url: str, *, lasting: bool = False) -> Engine:
    """Returns an engine for the URL; nothing is sent to a server before its first use.

    Args:
        database_url: As SQLAlchemy takes it.
        lasting: Whether the engine goes on with an SQLite file that replaces a lost one, as a crawl does.

    Raises:
        BadDatabaseURL: The URL cannot be used; the message says why and never holds the password.
        DatabaseUnavailable: The directory of an SQLite file cannot be made.
    """
    url = parse(database_url)
    return _sqlite(url, lasting=lasting) if url.get_backend_name() == "sqlite" else _mysql(url)


def for_pages(database_url: str) -> Engine:
    """An engine for what people look at beside a crawl: few connections, and no statement for long.

    A statement that takes longer than PAGE_SECONDS ends with an error, and so does a wait for a connection.

    Raises:
        BadDatabaseURL: The URL cannot be used; the message says why and never holds the password.
        DatabaseUnavailable: The directory of an SQLite file cannot be made.
    """
    pool = {"pool_size": PAGE_CONNECTIONS, "max_overflow": 0, "pool_timeout": PAGE_SECONDS}
    url = parse(database_url)
    if url.get_backend_name() == "sqlite":
        engine = _sqlite(url, lasting=True, busy=PAGE_SECONDS, **pool)
        event.listen(engine, "before_cursor_execute", _end_in_time)
        return engine
    engine = _mysql(url, read_timeout=3 * PAGE_SECONDS, **pool)
    event.listen(engine, "connect", _limit_statements)
    return engine


def _limit_statements(connection: Any, _record: object) -> None:
    seconds = f"max_statement_time = {PAGE_SECONDS}"
    is_mariadb = "MariaDB" in connection.get_server_info()
    with connection.cursor() as cursor:
        cursor.execute(f"SET {seconds if is_mariadb else f'max_execution_time = {1000 * PAGE_SECONDS}'}")


def _end_in_time(connection: Connection, *_: object) -> None:
    """Interrupts what SQLite is at when its time is over: asked so many of its steps apart."""
    end = time.monotonic() + PAGE_SECONDS
    driver: Any = connection.connection.driver_connection
    driver.set_progress_handler(lambda: time.monotonic() > end, PROGRESS_STEPS)


def answering_within(engine: Engine, seconds: int | None) -> Engine:
    """Another engine for the same database, which waits so many seconds for an answer; None: hours.

    The caller disposes of it.
    """
    url = engine.url
    return _sqlite(url) if url.get_backend_name() == "sqlite" else _mysql(url, read_timeout=seconds)


def parse(database_url: str) -> URL:
    """Reads a database URL, with white space around it or without.

    Raises:
        BadDatabaseURL: The URL cannot be used; the message says why and never holds the password.
    """
    try:
        url = make_url(database_url.strip())
    except (ArgumentError, ValueError):
        # The error's text may quote a part of the password, so not even the chain is kept.
        raise BadDatabaseURL(f"the database URL cannot be read: {FORMS}") from None
    name = url.get_backend_name()
    if name not in {"sqlite", "mysql", "mariadb"}:
        raise BadDatabaseURL(f"the database URL names {name!r}, which is not supported: {FORMS}")
    if "@" in f"{url.host}{url.database}" and name != "sqlite":
        raise BadDatabaseURL("the database URL holds more than one @: write those in the password as %40")
    if not url.database or url.database == ":memory:":
        raise BadDatabaseURL(f"the database URL names no database: {FORMS}")
    if name != "sqlite":
        _check_sendable(url)
    return url


def _check_sendable(url: URL) -> None:
    texts = [url.username or "", url.database or "", *url.query, *map(str, url.query.values())]
    if any(unicodedata.category(character) == "Cc" for character in "".join(texts)):
        raise BadDatabaseURL(
            "the database URL holds a control character outside of its password: leave it out"
        )
    try:
        "".join([*texts, url.password or ""]).encode()
    except UnicodeError:
        raise BadDatabaseURL("the database URL is not UTF-8: write such bytes as %C3%A9") from None
    try:
        (url.host or "").encode("idna")
    except UnicodeError:
        raise BadDatabaseURL(f"the database URL's host {url.host!r} cannot be the name of one") from None


def _sqlite(url: URL, *, lasting: bool = False, busy: int = BUSY_SECONDS, **pool: int) -> Engine:
    if url.drivername not in {"sqlite", "sqlite+pysqlite"}:
        raise BadDatabaseURL(f"the driver {url.drivername!r} is not supported: {FORMS}")
    if (url.database or "").startswith("file:"):
        raise BadDatabaseURL(f"SQLite's file: form is not supported: {FORMS}")
    if url.query:
        raise BadDatabaseURL(f"the database URL has a ?, after which SQLite takes nothing: {FORMS}")
    # Absolute, since a process may change its directory between two connections.
    path = Path(url.database or "").absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseUnavailable(f"the directory {path.parent} cannot be made: {error.strerror}") from error
    engine = create_engine(
        url.set(database=str(path)),
        hide_parameters=True,
        connect_args={"isolation_level": None, "timeout": busy},
        **pool,
    )
    sqlite_file.file_at(path).serve(engine, lasting=lasting)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous = FULL")


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that reads and then writes fails at once when another wrote in between.
    # The busy timeout does not help, so writers say so at BEGIN.
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql(f"BEGIN {'IMMEDIATE' if writes else 'DEFERRED'}")
    if writes:
        sqlite_file.note(connection)


def _mysql(url: URL, read_timeout: int | None = READ_TIMEOUT_SECONDS, **pool: int) -> Engine:
    if url.drivername not in {"mysql", "mariadb", "mysql+pymysql", "mariadb+pymysql"}:
        raise BadDatabaseURL(f"the driver {url.drivername!r} is not supported: {FORMS}")
    _check_options(url)
    engine = create_engine(
        # One name for both, so that the tables' options for "mysql" hold on MariaDB too.
        url.set(drivername="mysql+pymysql"),
        hide_parameters=True,
        isolation_level="READ COMMITTED",  # far fewer gap locks, so fewer deadlocks between workers
        pool_reset_on_return=None,  # look_after does it
        connect_args={
            # As UTF-8, which the server expects: PyMySQL would send Latin-1.
            "password": (url.password or "").encode(),
            "charset": "utf8mb4",
            "connect_timeout": 5,
            "read_timeout": read_timeout,
            "write_timeout": READ_TIMEOUT_SECONDS,
            "init_command": SESSION,
        },
        **pool,
    )
    escape_at_once(engine)
    look_after(engine)
    return engine


def _check_options(url: URL) -> None:
    if unknown := sorted(set(url.query) - set(OPTIONS)):
        known = ", ".join(OPTIONS)
        raise BadDatabaseURL(f"the database URL has the option {unknown[0]!r}: it takes {known}")
    if any(len(values) > 1 for values in url.normalized_query.values()):
        raise BadDatabaseURL("the database URL has an option twice")
    if url.query.get("charset", "utf8mb4") != "utf8mb4":
        raise BadDatabaseURL("the database URL has another charset than utf8mb4: leave it out")
    if url.query.get("ssl_check_hostname", "true") not in {"true", "false"}:
        raise BadDatabaseURL("the database URL's ssl_check_hostname is neither true nor false")
    _check_certificates(url.normalized_query)


def _check_certificates(query: Mapping[str, Sequence[str]]) -> None:
    authority, certificate, key = (query.get(f"ssl_{name}", (None,))[-1] for name in ("ca", "cert", "key"))
    try:
        context = ssl.create_default_context(cafile=authority)
        if certificate:
            context.load_cert_chain(certificate, key, password="")  # none: nobody could type it
    except OSError as error:
        raise BadDatabaseURL(f"the certificates of the database URL cannot be used: {error}") from None
