"""Redis and the database, found and ready before a command does its work."""

import sys
from pathlib import Path

from scrapy.commands import ScrapyCommand
from scrapy.settings import BaseSettings, Settings
from sqlalchemy import Engine

from scraping_project import embedded
from scraping_project.commands.exits import refuse
from scraping_project.storage.engine import connect
from scraping_project.storage.errors import StorageError
from scraping_project.storage.migrate import migrate


def settings_of(command: ScrapyCommand) -> Settings:
    """The command's settings, which Scrapy sets before it asks anything of a command."""
    if command.settings is None:
        raise RuntimeError("the command was not started by Scrapy")
    return command.settings


def prepare(settings: BaseSettings) -> None:
    """Make sure that Redis and the database answer, or refuse in one line."""
    redis_of(settings)
    database_of(settings).dispose()


def redis_of(settings: BaseSettings) -> embedded.Server:
    """The Redis server in use; its URL becomes the setting REDIS_URL."""
    try:
        server = embedded.resolve(settings["REDIS_URL"], Path(settings["DATA_DIR"]))
    except embedded.RedisUnavailable as error:
        refuse(str(error))
    if server.origin != "configured":
        print(server.note, file=sys.stderr)
    settings.set("REDIS_URL", server.url, "cmdline")
    return server


def database_of(settings: BaseSettings) -> Engine:
    """The database in use, with all migrations applied."""
    try:
        engine = connect(settings["DATABASE_URL"])
        migrate(engine)
    except StorageError as error:
        refuse(str(error))
    return engine
