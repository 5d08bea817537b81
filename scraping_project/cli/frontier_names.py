"""The names of frontiers: the one that a user means, and all that there are."""

import shlex
from difflib import get_close_matches
from typing import NoReturn

import redis
from scrapy.settings import BaseSettings
from scrapy.spiderloader import get_spider_loader

from scraping_project.cli.exits import refuse
from scraping_project.frontier.inventory import exists, standings
from scraping_project.frontier.keys import Keys

#: The way to begin a first frontier, for messages.
BEGIN = "scrapy crawl links -a start_urls=https://example.com/"
#: Names in one message at the most.
MOST = 10


def keys_of(name: str, settings: BaseSettings) -> Keys:
    """The keys of a frontier, given its name or that of its spider; refuses others in one line."""
    try:
        keys = Keys(name)
    except ValueError as error:
        if name not in get_spider_loader(settings).list():
            refuse(f"{error}; nor is there such a spider")
        return Keys.of_spider(name)
    spiders = own_frontiers(settings) if keys.may_be_made_up else []
    return next((own for own in spiders if own.name == name), keys)


def own_frontiers(settings: BaseSettings) -> list[Keys]:
    """The own frontiers of all spiders."""
    return [Keys.of_spider(spider) for spider in get_spider_loader(settings).list()]


def check_known(server: redis.Redis, keys: Keys, settings: BaseSettings, *, may_come_first: bool) -> None:
    """Refuse, in one line, a frontier that this Redis does not know.

    Args:
        server: The Redis that should have it.
        keys: The frontier's.
        settings: They name the project's spiders.
        may_come_first: Whether a spider's own frontier may not have begun yet.
    """
    if exists(server, keys):
        return
    spiders = own_frontiers(settings)
    if not (may_come_first and keys.name in {own.name for own in spiders}):
        _refuse_unknown(keys, spiders, [standing.name for standing in standings(server, spiders)])


def _refuse_unknown(keys: Keys, spiders: list[Keys], names: list[str]) -> NoReturn:
    unknown = f"there is no frontier {keys.name!r}"
    there_are = f"there {'are' if len(names) > 1 else 'is'} {_listed(keys.name, names)}"
    if spider := next((own.spider or own.name for own in spiders if own.name == keys.name), None):
        others = f" ({there_are})" if names else ""
        refuse(f"{unknown} yet{others}: `scrapy crawl {shlex.quote(spider)}` begins it")
    refuse(f"{unknown}: {there_are}" if names else f"{unknown}, nor any other: `{BEGIN}` begins one")


def _listed(name: str, names: list[str]) -> str:
    """The names, first those that look like the typed one."""
    close = get_close_matches(name, names, n=MOST)
    ordered = [*close, *(other for other in names if other not in close)]
    more = f" and {len(names) - MOST} more: scrapy frontier lists them" if len(names) > MOST else ""
    return ", ".join(ordered[:MOST]) + more
