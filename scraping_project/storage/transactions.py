"""Transactions for reading and for writing, and the border where driver errors become storage errors."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from scraping_project.storage import mysql_pool, sqlite_file
from scraping_project.storage.errors import (
    DatabaseAway,
    DatabaseUnavailable,
    Deadlocked,
    Duplicated,
    MissingTable,
    RowRefused,
    StorageError,
)

# https://mariadb.com/kb/en/mariadb-error-code-reference/
LOCK_WAIT_TIMEOUT, DEADLOCK, NO_SUCH_TABLE, DUPLICATE_KEY = 1205, 1213, 1146, 1062
#: A value is at fault, though PyMySQL calls it operational: of another kind or charset, out of range, no JSON
#: or too deep for it, without a partition, against a CHECK or a trigger; or the packet is too large.
VALUE_FAULTS = frozenset(
    {1153, 1292, 1300, 1411, 1416, 1526, 1644, 1690, 3140, 3141, 3144, 3150, 3157, 3819, 4025}
)
#: PyMySQL calls these operational too, but the statement is at fault and waiting does not mend it:
#: unknown column, no default.
STATEMENT_FAULTS = frozenset({1054, 1364})
#: What an engine for pages does not wait for, in the words of MariaDB and of MySQL.
TOO_LONG = frozenset({1969, 3024})
#: The server says no to this user, or knows no such database, and will until somebody changes that.
REFUSALS = frozenset({1044, 1045, 1049, 1142, 1143, 1227, 1698})
#: A driver raises these at a value that it cannot send at all.
UNSENDABLE = (TypeError, ValueError, OverflowError)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads."""
    with translated(engine), _connected(engine) as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes, committed when the block ends well."""
    with translated(engine), _connected(engine) as connection:
        connection.execution_options(writes=True)
        with connection.begin():
            yield connection
        mysql_pool.has_committed(connection)
        sqlite_file.has_committed(connection)


@contextmanager
def _connected(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        if not sqlite_file.is_left(connection):
            yield connection
            return
    with engine.connect() as connection:
        yield connection


@contextmanager
def translated(engine: Engine) -> Iterator[None]:
    """Raises storage errors in place of SQLAlchemy's and the driver's."""
    try:
        yield
    except PoolTimeout as error:
        raise DatabaseUnavailable(f"{where(engine)}: every connection of this process is busy") from error
    except DBAPIError as error:
        raise _translate(engine, error) from error
    except StatementError as error:
        # An error of a column's type, such as the LookupError of an Enum.
        kind = StorageError if isinstance(error.orig, SQLAlchemyError | None) else RowRefused
        raise kind(f"{where(engine)}: {_one_line(error.orig or error)}") from error
    except SQLAlchemyError as error:
        raise StorageError(f"{where(engine)}: {_one_line(error)}") from error


def where(engine: Engine) -> str:
    """The database's name for a message: without user and password."""
    url = engine.url
    if engine.dialect.name == "sqlite":
        return f"database {url.database}"
    port = f":{url.port}" if url.port else ""
    return f"database {url.database} on {url.host or 'localhost'}{port}"


def _translate(engine: Engine, error: DBAPIError) -> StorageError:
    kind = _sqlite_kind(error) if engine.dialect.name == "sqlite" else _mysql_kind(error)
    cause = error.orig or error
    return kind(f"{where(engine)}: {_one_line(cause)}")


def _sqlite_kind(error: DBAPIError) -> type[StorageError]:
    if "no such table" in str(error.orig):
        return MissingTable
    name = getattr(error.orig, "sqlite_errorname", "")
    if name in {"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}:
        return Duplicated
    # A value that cannot be bound is an interface error up to Python 3.11, then a programming error.
    if isinstance(error, DataError | IntegrityError) or "binding parameter" in str(error.orig):
        return RowRefused
    # SQLITE_ERROR is a faulty statement, though sqlite3 raises OperationalError for it as well.
    faulty = name == "SQLITE_ERROR"
    return DatabaseUnavailable if isinstance(error, OperationalError) and not faulty else StorageError


def _mysql_kind(error: DBAPIError) -> type[StorageError]:
    arguments = error.orig.args if error.orig else ()
    code = arguments[0] if arguments else None
    known = {
        LOCK_WAIT_TIMEOUT: Deadlocked,
        DEADLOCK: Deadlocked,
        NO_SUCH_TABLE: MissingTable,
        DUPLICATE_KEY: Duplicated,
        **dict.fromkeys(VALUE_FAULTS, RowRefused),
        **dict.fromkeys(TOO_LONG, DatabaseUnavailable),
    }
    if code in known:
        return known[code]
    if isinstance(error, DataError | IntegrityError):
        return RowRefused
    away = error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
    if not away or code in STATEMENT_FAULTS:
        return StorageError
    return DatabaseUnavailable if code in REFUSALS else DatabaseAway


def _one_line(error: BaseException) -> str:
    text = error.args[-1] if error.args else type(error).__name__
    return " ".join(str(text).split())
