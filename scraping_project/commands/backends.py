"""Redis and the database, found and ready before a command does its work."""

import sys
from contextlib import closing, suppress
from pathlib import Path

from redis.exceptions import RedisError
from scrapy.commands import ScrapyCommand
from scrapy.settings import BaseSettings, Settings
from sqlalchemy import Engine

from scraping_project import embedded
from scraping_project.commands.exits import refuse
from scraping_project.frontier import durability
from scraping_project.frontier.connection import connect as connect_redis
from scraping_project.storage.engine import answering_within, connect, parse
from scraping_project.storage.errors import DatabaseUnavailable, StorageError
from scraping_project.storage.migrate import migrate
from scraping_project.storage.transactions import reading

#: Seconds that a database gets to answer at the start of a command.
PATIENCE = 5


def settings_of(command: ScrapyCommand) -> Settings:
    """The command's settings, which Scrapy sets before it asks anything of a command."""
    if command.settings is None:
        raise RuntimeError("the command was not started by Scrapy")
    return command.settings


def prepare(settings: BaseSettings) -> None:
    """Make sure that Redis and the database answer, or refuse in one line; warn of what may lose requests."""
    _warn_of_loss(redis_of(settings), settings)
    database_of(settings).dispose()


def redis_of(settings: BaseSettings) -> embedded.Server:
    """The Redis server in use, which becomes that of the settings, scrapy-redis's included."""
    try:
        server = embedded.resolve(settings["REDIS_URL"], Path(settings["DATA_DIR"]))
    except embedded.RedisUnavailable as error:
        refuse(str(error))
    if server.origin != "configured" and not settings["REPORT_FILE"]:  # of --workers, the parent says it
        print(server.note, file=sys.stderr)
    settings.set("REDIS_URL", server.url, "cmdline")
    if server.credentials:  # a RedisSpider and a RedisPipeline connect by themselves
        others = settings.getdict("REDIS_PARAMS")
        login = {"username": None, "password": None, "credential_provider": server.credentials}
        settings.set("REDIS_PARAMS", others | login, "cmdline")
    return server


def _warn_of_loss(server: embedded.Server, settings: BaseSettings) -> None:
    if settings["REPORT_FILE"]:  # of --workers, the parent says it
        return
    client = connect_redis(server.url, server.credentials)
    with closing(client), suppress(RedisError):  # one that hides its INFO
        for well, line in durability.findings(client):
            if not well:
                print(f"warning: {line}", file=sys.stderr)


def database_of(settings: BaseSettings) -> Engine:
    """The database in use, with all migrations applied."""
    try:
        engine = connect(settings["DATABASE_URL"])
        database_answers(engine)
        migrate(engine)
    except StorageError as error:
        refuse(with_advice(error, settings["DATABASE_URL"]))
    return engine


def database_answers(engine: Engine) -> None:
    """Raise DatabaseUnavailable, soon, when a server accepts connections and says nothing.

    The engine's own timeouts are longer than any wait for a lock, which a start need not be.
    """
    if engine.dialect.name == "sqlite":
        return
    probe = answering_within(engine, PATIENCE)
    try:
        with reading(probe):
            return
    finally:
        probe.dispose()


def with_advice(error: StorageError, database_url: str) -> str:
    """The error, and what to do about it when the database is not there."""
    if not isinstance(error, DatabaseUnavailable):
        return str(error)
    if parse(database_url).get_backend_name() == "sqlite":
        return f"{error}: set DATA_DIR to a folder of yours, or DATABASE_URL to another database"
    if "Access denied" in str(error):
        return f"{error}: check user and password, and GRANT ALL on the database to the user"
    return f"{error}: start it, or set DATABASE_URL to another database"
