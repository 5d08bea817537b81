"""The crawl that ``scrapy frontier NAME repair`` repairs, and its spider."""

import inspect
import json
from dataclasses import dataclass
from typing import Any

from scrapy import Spider
from scrapy.settings import BaseSettings
from scrapy.utils.misc import load_object
from sqlalchemy import Engine

from scraping_project import logins
from scraping_project.cli.arguments import check_arguments
from scraping_project.cli.exits import refuse
from scraping_project.cli.spiders import spider_class
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.replies import Crawl
from scraping_project.http import failure_reasons
from scraping_project.http.fingerprints import Fingerprinter
from scraping_project.nodes.request_rules import ALLOWED_SETTINGS
from scraping_project.repair.request_rebuilder import Follows
from scraping_project.storage.reading import crawls
from scraping_project.storage.reading.crawls import KnownCrawl
from scraping_project.worker.crawl_identity import rules_of, seeds_of

#: Above the project's and the spider's own settings, below those of the command line.
RUN_PRIORITY = 35


@dataclass(frozen=True, slots=True)
class Subject:
    """The crawl to be repaired, and a spider made for it, without a crawler."""

    id: str
    spider: Spider
    rules: str
    seeds: str
    forgotten: bool  # the frontier holds no crawl at all


def choose(
    frontier: Frontier, database: Engine, wanted: str | None, settings: BaseSettings
) -> Subject | None:
    """The crawl of that id, or else the newest; None when the newest had finished and is forgotten.

    From here on the settings of its runs hold.
    """
    known = _known_crawl(frontier, database, wanted)
    return _subject(frontier.crawl(), known, settings) if known else None


def _known_crawl(frontier: Frontier, database: Engine, wanted: str | None) -> KnownCrawl | None:
    """The crawl to be repaired, as the database knows it; None when it has finished."""
    name, held = frontier.keys.name, frontier.crawl()
    newest = crawls.newest_crawl(database, name)
    if held is None:
        return _forgotten_crawl(frontier, database, wanted, newest)
    if wanted not in (None, held.id):
        refuse(
            f"the frontier {name!r} holds the crawl {held.id}: empty it with `scrapy frontier {name} clear`"
            f" before {wanted} is brought back"
        )
    if wanted is None and newest is not None and newest.id != held.id:
        refuse(
            f"the frontier {name!r} holds the crawl {held.id}, and the newest that the database knows is"
            f" {newest.id}: repair the former with --crawl {held.id}, or bring the latter back with"
            f" `scrapy frontier {name} clear`, then repair --crawl {newest.id}"
        )
    return crawls.crawl(database, held.id) or KnownCrawl(held.id, name, {}, {}, finished=False)


def _forgotten_crawl(
    frontier: Frontier, database: Engine, wanted: str | None, newest: KnownCrawl | None
) -> KnownCrawl | None:
    name = frontier.keys.name
    if wanted is not None:
        found = crawls.crawl(database, wanted)
        if found is None:
            refuse(f"the database knows no crawl {wanted}: see the crawl_id of `scrapy export logs`")
        return found
    if newest is None:
        refuse(f"there is nothing to repair: neither Redis nor the database knows a crawl of {name!r}")
    if frontier.was_used():
        refuse(f"the frontier {name!r} was cleared: bring a crawl back with repair --crawl {newest.id}")
    return None if newest.finished else newest


def _subject(held: Crawl | None, known: KnownCrawl, settings: BaseSettings) -> Subject:
    for setting, value in known.settings.items():
        if setting in ALLOWED_SETTINGS:
            settings.set(setting, value, RUN_PRIORITY)
    kind = spider_class(settings, known.spider)
    kind.update_settings(settings)
    own = load_object(settings["REQUEST_FINGERPRINTER_CLASS"])
    if not issubclass(kind, Follows) or own is not Fingerprinter:
        refuse(
            f"the crawl of the spider {known.spider!r} can't be repaired, only those of spiders that have the"
            " method `follows`, as links has: start it again with the same command, it fetches again what was"
            " forgotten"
        )
    if held is not None:
        return Subject(known.id, _spider(kind, known, held.rules), held.rules, held.seeds, forgotten=False)
    spider = _spider(kind, known, "{}")
    return Subject(known.id, spider, rules_of(spider, known.arguments), seeds_of(spider), forgotten=True)


def _spider(kind: type[Spider], known: KnownCrawl, rules: str) -> Spider:
    # A run's row holds no logins: seeds that had one are left to the next start of the crawl.
    given = {name: value for name, value in known.arguments.items() if logins.HIDDEN not in value}
    arguments: dict[str, Any] = json.loads(rules)
    parameters = inspect.signature(kind).parameters
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    arguments = {name: value for name, value in arguments.items() if takes_all or name in parameters}
    try:
        return kind(**(check_arguments(kind, given) | arguments))
    except Exception as error:  # noqa: BLE001  whatever a spider raises, it can't be had
        refuse(f"the spider {kind.name!r} can't be made ({failure_reasons.describe(error)})")
