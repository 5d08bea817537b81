"""The file of an SQLite database, which may be deleted or replaced while connections have it open.

SQLite itself goes on with the lost file: it accepts rows that nobody ever finds.
"""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import RLock
from typing import Any, NamedTuple, cast
from weakref import WeakSet, WeakValueDictionary

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, event

from scraping_project.storage.errors import DatabaseUnavailable

logger = logging.getLogger(__name__)

LOCK_SECONDS = 10
TRIES = 3  # to open a file that others put there meanwhile
_OPENED = "opened"  # in a connection's info

#: Device and inode; None: nothing is there.
Identity = tuple[int, int] | None


class Beside(NamedTuple):
    """The files that SQLite keeps beside it: rows that are not in it yet, and their index."""

    wal: Identity
    shm: Identity


class Opened:
    """The files that one connection has open."""

    def __init__(self, file: "SqliteFile", identity: Identity) -> None:
        self.file = file
        self.identity = identity
        self.paths = _paths_beside(file.path)
        self.beside: Beside | None = None  # known once it has written

    def is_there(self) -> bool:
        """Whether the path still names this file; raises as ``_identity``, and where nothing is."""
        identity = _identity(self.file.path)
        if identity is None:
            raise _gone(self.file.path)
        return identity == self.identity and self.beside in (None, self.lies_beside())

    def lies_beside(self) -> Beside:
        return Beside(*map(_identity, self.paths))


class SqliteFile:
    """A path, and the files of this name that connections of this process have open.

    Only the first of them may make the file, so that one that vanishes later is not begun anew, empty.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lasting = False
        self._identity: Identity = None  # of the file that was opened last
        self._written: Opened | None = None  # by the last writer
        self._schema = ""
        self._engines: WeakSet[Engine] = WeakSet()
        self._connecting = RLock()

    def serve(self, engine: Engine, *, lasting: bool) -> None:
        """Open the connections of an engine; with a lasting one the process goes on with another file."""
        self.lasting |= lasting
        self._engines.add(engine)
        event.listen(engine, "do_connect", self._connect)

    def note(self, opened: Opened, driver: sqlite3.Connection) -> None:
        """Remember the files beside it, and its schema; while it is locked for writing."""
        beside = opened.lies_beside()
        if beside.wal is not None and opened.identity == self._identity:  # with a write-ahead log
            opened.beside = beside
            self._written = opened
            self._schema = max(self._schema, _schema(driver))

    def let_go(self, opened: Opened, driver: sqlite3.Connection) -> None:
        """Close all connections that are not in use, so that the next ones open the file of this path."""
        if opened.identity == _identity(self.path) and opened.beside:
            self._save(opened, opened.beside, driver)
        for engine in list(self._engines):
            engine.dispose()

    def _connect(self, _dialect: object, record: Any, _arguments: object, options: dict[str, Any]) -> Any:
        with self._connecting:
            for _ in range(TRIES):
                identity = _identity(self.path)
                if self._identity is not None and identity is None:
                    raise _gone(self.path)
                if self._identity not in (None, identity):
                    self._take_over(identity, options)
                connection = self._open(options)
                now = _identity(self.path)
                made = self._identity is None and identity is None
                # The same file lay there before and after, so it is the one that was opened.
                if now is not None and (made or now == identity):
                    self._identity = now
                    record.info[_OPENED] = Opened(self, now)
                    return connection
                connection.close()
        raise DatabaseUnavailable(f"database {self.path}: the file is being replaced")

    def _open(self, options: dict[str, Any]) -> sqlite3.Connection:
        mode = "rwc" if self._identity is None else "rw"
        connection: sqlite3.Connection = sqlite3.connect(
            f"{self.path.as_uri()}?mode={mode}", uri=True, **options
        )
        return connection

    def _take_over(self, identity: Identity, options: dict[str, Any]) -> None:
        """Go on with another file, once it proves to be one of this project's."""
        if not self.lasting:
            raise DatabaseUnavailable(f"database {self.path} was replaced by another file: run this again")
        if self._written:
            with self._alone():
                _put_aside(self._written)
        with closing(self._open(options)) as probe:
            schema = _schema(probe)
        if schema < self._schema:
            raise DatabaseUnavailable(
                f"database {self.path} was replaced by one of schema {schema or 'none'}, not {self._schema}:"
                " `scrapy export sites` brings a backup up to date"
            )
        logger.warning(
            "Another file is in place of the lost database %s, and the crawl goes on with it. What was stored"
            " since it was copied is not in it and is not fetched again: once this crawl has ended,"
            " `scrapy frontier NAME clear` and crawl again",
            self.path,
        )
        self._identity, self._written = identity, None

    def _save(self, opened: Opened, was: Beside, driver: sqlite3.Connection) -> None:
        """Write into the file the rows of a write-ahead log that was deleted and is still open here."""
        now = opened.lies_beside()
        # Where there is another log, another process has saved this one, and goes on with that.
        if now.wal is not None and now.shm is not None:
            logger.warning("%s-wal was replaced: %s", self.path, _MAYBE_LESS)
            return
        # The log is emptied when it is deleted, so that nobody reads it by the index of its successor;
        # when only the index is, it is the successor itself.
        how = "TRUNCATE" if now.wal != was.wal else "RESTART"
        try:
            (busy, _, _) = driver.execute(f"PRAGMA wal_checkpoint({how})").fetchone()
        except sqlite3.Error as error:
            logger.warning("%s-wal was deleted and can't be read (%s): %s", self.path, error, _MAYBE_LESS)
            return
        if busy:
            raise DatabaseUnavailable(
                f"database {self.path}: its -wal or -shm file was deleted: end what reads the database,"
                " so that it can be written back"
            )
        logger.warning("%s-wal or -shm was deleted; what it held is saved in the database", self.path)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            with FileLock(f"{self.path}.migrate.lock", timeout=LOCK_SECONDS):
                yield
        except (Timeout, OSError) as error:
            raise DatabaseUnavailable(f"database {self.path}: no lock beside it: {error}") from error


_MAYBE_LESS = "what was stored last may be missing; `PRAGMA integrity_check` tells whether the file is sound"
_FILES: WeakValueDictionary[Path, SqliteFile] = WeakValueDictionary()


def file_at(path: Path) -> SqliteFile:
    """The file of a path, one for all engines of this process."""
    file = _FILES.get(path)
    if file is None:
        file = _FILES[path] = SqliteFile(path)
    return file


def note(connection: Connection) -> None:
    """Within a transaction that writes: remember the connection's files, unless they are known."""
    opened: Opened = connection.info[_OPENED]
    if opened.beside is None:
        opened.file.note(opened, _driver(connection))


def is_left(connection: Connection) -> bool:
    """Whether the connection was on a lost file. It is then closed, and the next one opens the new file.

    Raises:
        DatabaseUnavailable: Nothing is there, or the lost file can't be saved yet.
    """
    opened: Opened | None = connection.info.get(_OPENED)
    if opened is None or opened.is_there():
        return False
    opened.file.let_go(opened, _driver(connection))
    connection.invalidate()
    return True


def has_committed(connection: Connection) -> None:
    """Check, after a commit, that it went to the file that the path names.

    Raises:
        DatabaseUnavailable: It did not, and is lost.
    """
    opened: Opened | None = connection.info.get(_OPENED)
    if opened is not None and not opened.is_there():
        raise DatabaseUnavailable(f"database {opened.file.path}: the file was replaced during a commit")


def _driver(connection: Connection) -> sqlite3.Connection:
    return cast("sqlite3.Connection", connection.connection.driver_connection)


def _identity(path: Path) -> Identity:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise DatabaseUnavailable(f"database {path}: {error.strerror}") from error
    return found.st_dev, found.st_ino


def _gone(path: Path) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        f"database {path}: the file is gone: put it or a backup back with mv, or end the crawl"
    )


def _paths_beside(path: Path) -> tuple[Path, Path]:
    real = os.path.realpath(path)  # SQLite follows links before it names them
    return Path(f"{real}-wal"), Path(f"{real}-shm")


def _put_aside(lost: Opened) -> None:
    """Move away the lost file's log and index: SQLite would take them for the new one's."""
    if lost.paths != _paths_beside(lost.file.path):
        return  # a link names another file now; the first may be unharmed
    for path, was in zip(lost.paths, lost.beside or (), strict=False):
        if was is not None and _identity(path) == was:
            path.replace(f"{path}.lost")


def _schema(driver: sqlite3.Connection) -> str:
    try:
        row = driver.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError:
        return ""  # no such table
    return str(row[0]) if row else ""
