"""Redis and the database, found and ready before a command does its work."""

import sys
from contextlib import closing
from pathlib import Path

import redis
from scrapy.commands import ScrapyCommand
from scrapy.settings import BaseSettings, Settings
from sqlalchemy import Engine

from scraping_project import advice, embedded
from scraping_project.cli.exits import refuse
from scraping_project.frontier import server_checks
from scraping_project.frontier.connection import connect as connect_redis
from scraping_project.frontier.errors import FrontierError, FrontierUnavailable
from scraping_project.frontier.translation import translated
from scraping_project.storage.engine import connect
from scraping_project.storage.errors import StorageError
from scraping_project.storage.migrate import migrate
from scraping_project.storage.upkeep.health import database_answers
from scraping_project.worker.patience import patiently


def settings_of(command: ScrapyCommand) -> Settings:
    """The command's settings; Scrapy sets them before it calls a command."""
    if command.settings is None:
        raise RuntimeError("the command was not started by Scrapy")
    return command.settings


def prepare(settings: BaseSettings) -> None:
    """Make sure that Redis and the database answer, or refuse in one line; warn if requests may be lost."""
    _warn_of_loss(redis_of(settings), settings)
    database_of(settings).dispose()


def redis_of(settings: BaseSettings) -> embedded.Server:
    """The Redis server in use; the settings then name it, scrapy-redis's included."""
    try:
        server = embedded.resolve(settings["REDIS_URL"], Path(settings["DATA_DIR"]))
    except embedded.RedisUnavailable as error:
        refuse(str(error))
    if server.origin != "configured" and not settings["REPORT_FILE"]:  # of --workers, the parent says it
        print(server.note, file=sys.stderr)
    settings.set("REDIS_URL", server.url, "cmdline")
    if server.credentials:  # RedisSpider and RedisPipeline connect by themselves
        others = settings.getdict("REDIS_PARAMS")
        login = {"username": None, "password": None, "credential_provider": server.credentials}
        settings.set("REDIS_PARAMS", others | login, "cmdline")
    return server


def _warn_of_loss(server: embedded.Server, settings: BaseSettings) -> None:
    if settings["REPORT_FILE"]:  # of --workers, the parent says it
        return
    with closing(connect_redis(server.url, server.credentials)) as client:
        try:
            findings = patiently(_findings, client)
        except FrontierUnavailable as error:
            refuse(advice.of_redis(error, server.url))
        except FrontierError:  # it refuses INFO
            return
    for well, line in findings:
        if not well:
            print(f"warning: {line}", file=sys.stderr)


def _findings(client: redis.Redis) -> list[tuple[bool, str]]:
    with translated():
        return list(server_checks.findings(client))


def database_of(settings: BaseSettings) -> Engine:
    """The database in use, with all migrations applied."""
    try:
        engine = connect(settings["DATABASE_URL"])
        patiently(database_answers, engine)
        patiently(migrate, engine)
    except StorageError as error:
        refuse(advice.of_database(error, settings["DATABASE_URL"]))
    return engine
