"""Every part, checked: what is wrong and what to do."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from redis.exceptions import RedisError, ResponseError
from scrapy.settings import BaseSettings
from sqlalchemy import Engine

from scraping_project import advice, embedded
from scraping_project.frontier import server_checks
from scraping_project.frontier.connection import connect as connect_redis
from scraping_project.storage.engine import connect
from scraping_project.storage.errors import StorageError
from scraping_project.storage.scheduling.heartbeats import alive
from scraping_project.storage.scheduling.schedules import read_all
from scraping_project.storage.upkeep import health
from scraping_project.storage.upkeep.health import Finding, database_answers

#: Bytes: a day of logs of a busy crawl, and the room that an export and a log file need beside them.
LEAST_ROOM = 2 * 2**30
#: Seconds: a process that fires schedules beats far more often.
BEATING = 60.0


def findings(settings: BaseSettings) -> Iterator[Finding]:
    """Checks every part; whether each thing is well, and a line that says what to do when it is not."""
    checks: list[Callable[[BaseSettings], Iterator[Finding]]] = [_python, _data_dir, _redis, _database]
    for check in checks:
        yield from check(settings)


def _python(settings: BaseSettings) -> Iterator[Finding]:  # noqa: ARG001  one signature for all
    version = ".".join(map(str, sys.version_info[:3]))
    yield sys.version_info >= (3, 11), f"Python {version} (3.11 or newer)"


def _data_dir(settings: BaseSettings) -> Iterator[Finding]:
    path = Path(settings["DATA_DIR"])
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / ".doctor"
        probe.touch()
        probe.unlink()
    except OSError as error:
        yield False, f"DATA_DIR {path} can't be written ({error.strerror}): set DATA_DIR to a folder of yours"
    else:
        yield _room(path, f"DATA_DIR {path}")


def _redis(settings: BaseSettings) -> Iterator[Finding]:
    try:
        server = embedded.resolve(settings["REDIS_URL"], Path(settings["DATA_DIR"]))
    except embedded.RedisUnavailable as error:
        yield False, str(error)
        return
    yield True, server.note
    client = connect_redis(server.url, server.credentials)
    try:
        yield from server_checks.findings(client)
    except ResponseError as error:
        yield False, f"Redis refuses to show its configuration ({error}): allow INFO to this user"
    except RedisError as error:
        yield False, f"Redis stopped answering ({error}): start it again"
    finally:
        client.close()


def _database(settings: BaseSettings) -> Iterator[Finding]:
    try:
        engine = connect(settings["DATABASE_URL"])
        database_answers(engine)
    except StorageError as error:
        yield False, advice.of_database(error, settings["DATABASE_URL"])
        return
    name = f"database {engine.url.render_as_string(hide_password=True)}"
    is_file = engine.dialect.name == "sqlite"
    yield _room(Path(engine.url.database or "").parent, name) if is_file else (True, name)
    yield from health.findings(engine)
    yield from _schedules(engine)
    engine.dispose()


def _schedules(engine: Engine) -> Iterator[Finding]:
    """Whether somebody fires the schedules, where there are any."""
    try:
        kept, firing = len(read_all(engine)), alive(engine, "periodic", BEATING)
    except StorageError:  # the migrations are missing, which is said already
        return
    if kept and firing:
        yield True, f"schedules: {kept}, fired by {firing} of scrapy periodic"
    elif kept:
        yield False, f"schedules: {kept}, and nobody fires them: start scrapy periodic, one or more, anywhere"


def _room(folder: Path, name: str) -> Finding:
    free = shutil.disk_usage(folder).free
    if free >= LEAST_ROOM:
        return True, f"{name}, {free / 1e9:.0f} GB free"
    return (
        False,
        f"{name}, only {free / 1e6:.0f} MB free: make room for {LEAST_ROOM / 1e9:.0f} GB, or crawls wait",
    )
