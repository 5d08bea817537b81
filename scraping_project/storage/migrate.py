"""Brings a database to the tables of this version; any number of processes may ask at once."""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, text

from scraping_project.storage.engine import answering_within
from scraping_project.storage.errors import DatabaseUnavailable, MissingTable, SchemaTooNew, StorageError
from scraping_project.storage.transactions import reading, translated, where, writing

#: Shorter than the read timeout of a connection, so that the server's answer comes first.
LOCK_SECONDS = 60


def migrate(engine: Engine) -> None:
    """Applies the migrations that the database lacks; one SELECT when it lacks none.

    Raises:
        SchemaTooNew: A newer version of the project migrated this database.
        DatabaseUnavailable: The database does not answer, or another process migrates for too long.
        StorageError: There is no room for temporary files.
    """
    if not missing(engine):
        return
    with lock(engine):
        if missing(engine):
            _upgrade(engine)


def missing(engine: Engine) -> list[str]:
    """The migrations that the database lacks, by number; all of them when it has no tables.

    Raises:
        SchemaTooNew: A newer version of the project migrated this database.
    """
    current, known = _current_revision(engine), _revisions()
    if current is None:
        return known
    if current not in known:
        raise SchemaTooNew(
            f"{where(engine)} was made by a newer version (schema {current}, this one knows {known[-1]}):"
            " update scraping_project"
        )
    return known[known.index(current) + 1 :]


def _current_revision(engine: Engine) -> str | None:
    try:
        with reading(engine) as connection:
            revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
            return revision
    except MissingTable:
        return None


def _scripts() -> Traversable:
    return files("scraping_project.storage") / "migrations"


def _revisions() -> list[str]:
    names = (script.name for script in (_scripts() / "versions").iterdir())
    return sorted(name.partition("_")[0] for name in names if name.endswith(".py"))


def _upgrade(engine: Engine, revision: str = "head") -> None:
    # Imported here: it takes 20 MB and a third of a second, and migrations are rare.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    with _extracted() as folder, patiently_writing(engine) as connection:
        config = Config()
        config.set_main_option("script_location", folder.replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


@contextmanager
def _extracted() -> Iterator[str]:
    """Alembic reads its scripts from a directory, and the package may be a zipped egg."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(TemporaryDirectory(prefix="migrations-"))
            _extract(_scripts(), Path(folder))
        except OSError as error:
            raise StorageError(
                f"the migrations cannot be unpacked ({error.strerror}): set TMPDIR to a folder with room"
            ) from error
        yield folder


@contextmanager
def patiently_writing(engine: Engine) -> Iterator[Connection]:
    # A crawl's connection would not wait as long as it takes to count a hundred million rows.
    slow = answering_within(engine, None)
    try:
        with writing(slow) as connection:
            yield connection
    finally:
        slow.dispose()


def _extract(source: Traversable, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for entry in source.iterdir():
        if entry.name.endswith(".py"):
            (target / entry.name).write_bytes(entry.read_bytes())
        elif entry.name == "versions":
            _extract(entry, target / entry.name)


def lock(engine: Engine) -> AbstractContextManager[None]:
    return _file_lock(engine) if engine.dialect.name == "sqlite" else _server_lock(engine)


@contextmanager
def _file_lock(engine: Engine) -> Iterator[None]:
    try:
        lock = FileLock(f"{engine.url.database}.migrate.lock", timeout=LOCK_SECONDS)
        lock.acquire()
    except Timeout as error:
        raise _locked_out(engine) from error
    except OSError as error:
        raise DatabaseUnavailable(f"{where(engine)}: no lock beside it: {error.strerror}") from error
    try:
        _write_ahead(engine)
        yield
    finally:
        lock.release()


def _write_ahead(engine: Engine) -> None:
    # The file remembers this mode. Two processes that switch at once would fail, hence under the lock;
    # and it cannot be done within a transaction, hence past SQLAlchemy.
    with translated(engine), engine.connect() as connection:
        driver = connection.connection.driver_connection
        try:
            if driver is not None:
                driver.execute("PRAGMA journal_mode = WAL").close()
        except sqlite3.Error as error:
            raise DatabaseUnavailable(f"{where(engine)}: {error}") from error


@contextmanager
def _server_lock(engine: Engine) -> Iterator[None]:
    # The server forgets the lock with its connection: a killed process leaves none behind.
    # Lock names are the server's, not the database's, and at most 64 characters.
    name = f"scraping_project {sha256(str(engine.url.database).encode()).hexdigest()[:32]}"
    with reading(engine) as connection:
        taken = connection.scalar(text("SELECT GET_LOCK(:name, :wait)"), {"name": name, "wait": LOCK_SECONDS})
        if taken != 1:
            raise _locked_out(engine)
        try:
            yield
        finally:
            connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": name})


def _locked_out(engine: Engine) -> DatabaseUnavailable:
    return DatabaseUnavailable(f"{where(engine)}: another process has been migrating it for {LOCK_SECONDS} s")
