"""What is wrong with a server, with its name and what to do about it, in one line for people."""

import logging

from scrapy.settings import BaseSettings

from scraping_project import embedded, scrapy_internals
from scraping_project.frontier.errors import FrontierError, FrontierFull, FrontierUnavailable
from scraping_project.http import failure_reasons
from scraping_project.storage.engine import parse
from scraping_project.storage.errors import DatabaseUnavailable, StorageError

logger = logging.getLogger(__name__)


def of_fault(error: BaseException, settings: BaseSettings, spider: str) -> str:
    """What was raised while a spider opened; its traceback is for the log alone."""
    error = scrapy_internals.what_failed(error)
    in_file = bool(settings["LOG_FILE"])
    logger.log(logging.ERROR if in_file else logging.DEBUG, "The spider can't start", exc_info=error)
    where = f"{settings['LOG_FILE']} says where" if in_file else "-L DEBUG shows where"
    return f"the spider {spider!r} can't start ({failure_reasons.describe(error)}): {where}"


def of_database(error: StorageError, database_url: str) -> str:
    """The error, and what to do about it when the database is not there."""
    if not isinstance(error, DatabaseUnavailable):
        return str(error)
    if parse(database_url).get_backend_name() == "sqlite":
        return f"{error}: set DATA_DIR to a folder of yours, or DATABASE_URL to another database"
    if "Access denied" in str(error):
        return f"{error}: check user and password, and GRANT ALL on the database to the user"
    if "Too many connections" in str(error):
        return f"{error}: raise its max_connections, or start fewer workers"
    return f"{error}: start it, or set DATABASE_URL to another database"


def of_redis(error: FrontierError, redis_url: str) -> str:
    """The error, and what to do about it when Redis is not there, or full."""
    shown, _ = embedded.shown_url(redis_url)
    if isinstance(error, FrontierFull):
        return f"the Redis at {shown} is full ({error}): raise its maxmemory, or set REDIS_URL to another"
    if isinstance(error, FrontierUnavailable):
        return (
            f"the Redis at {shown} stopped answering ({error}): start it again, or set REDIS_URL to another"
        )
    return f"the Redis at {shown} refuses ({error})"
