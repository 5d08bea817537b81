"""``scrapy doctor``: check every part; name each fault and its remedy."""

import shutil
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from pathlib import Path

from redis.exceptions import RedisError, ResponseError
from scrapy.commands import ScrapyCommand
from scrapy.settings import BaseSettings

from scraping_project import embedded
from scraping_project.cli.backends import settings_of
from scraping_project.cli.exits import in_one_line, one_line_errors, refuse
from scraping_project.frontier import server_checks
from scraping_project.frontier.connection import connect as connect_redis
from scraping_project.storage.engine import connect
from scraping_project.storage.errors import StorageError
from scraping_project.storage.upkeep import health
from scraping_project.storage.upkeep.health import Finding, database_answers
from scraping_project.worker import advice

#: Bytes: a busy crawl's logs of a day, beside an export and a log file.
LEAST_ROOM = 2 * 2**30


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def short_desc(self) -> str:
        return "Check every part and say what to do"

    def add_options(self, parser: ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)

    @in_one_line
    def process_options(self, args: list[str], opts: Namespace) -> None:
        super().process_options(args, opts)
        if args:
            refuse(f"doctor takes no arguments, got {' '.join(args)}")

    def run(self, args: list[str], opts: object) -> None:  # noqa: ARG002  Scrapy's interface
        checks: list[Callable[[BaseSettings], Iterator[Finding]]] = [_python, _data_dir, _redis, _database]
        findings = [finding for check in checks for finding in check(settings_of(self))]
        for well, line in findings:
            print(f"{'ok   ' if well else 'WRONG'} {line}")
        self.exitcode = 0 if all(well for well, _ in findings) else 1


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
    engine.dispose()


def _room(folder: Path, name: str) -> Finding:
    free = shutil.disk_usage(folder).free
    if free >= LEAST_ROOM:
        return True, f"{name}, {free / 1e9:.0f} GB free"
    return (
        False,
        f"{name}, only {free / 1e6:.0f} MB free: make room for {LEAST_ROOM / 1e9:.0f} GB, or crawls wait",
    )
