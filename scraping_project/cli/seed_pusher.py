"""Pushes seeds to a frontier's key, whatever kind the key is."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import RedisError, ResponseError
from scrapy import Spider
from scrapy.settings import Settings

from scraping_project.cli.arguments import check_arguments
from scraping_project.cli.backends import redis_of
from scraping_project.cli.exits import refuse
from scraping_project.frontier.connection import connect
from scraping_project.frontier.errors import FrontierRefused
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.seed_push import Push, pusher
from scraping_project.frontier.seeds import kind_of

BATCH = 1000


def seeds_key(spider: type[Spider], frontier: str | None) -> str:
    """The key of a frontier's seeds: the spider's own frontier, or the named one."""
    if frontier is not None:
        check_arguments(spider, {"frontier": frontier})
    return Keys.of_spider(spider.name, frontier or "").seeds


@contextmanager
def pushing(settings: Settings, spider: type[Spider], key: str, again: str) -> Iterator[Push]:
    """Yields a pusher for the key; ``again`` tells people what to do after Redis stopped answering."""
    found = redis_of(settings)
    server = connect(found.url, found.credentials)
    spider.update_settings(settings)  # its own settings may make its seeds a set
    try:
        yield pusher(server, key, kind_of(settings))
    except FrontierRefused as error:
        refuse(str(error))
    except ResponseError as error:
        refuse(f"Redis takes no seeds in {key}: {error}")
    except RedisError as error:
        refuse(f"Redis stopped answering ({error}): start it and {again}")
    finally:
        server.close()


def seeds(count: int) -> str:
    return "1 seed" if count == 1 else f"{count} seeds"
