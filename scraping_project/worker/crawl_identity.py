"""What makes two runs work on the same crawl: its rules and its seeds."""

import json
import logging
from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import Any

from scrapy import Spider

from scraping_project import logins
from scraping_project.frontier.errors import CrawlRefused
from scraping_project.frontier.keys import Keys
from scraping_project.worker.crawl_arguments import CrawlArguments

logger = logging.getLogger(__name__)


def settle(spider: Spider) -> None:
    """Make lists of start URLs and domains that can be read only once, before anybody reads them.

    Raises:
        ValueError: They are none, so that Scrapy could not start there, or would drop every link.
    """
    for name in ("allowed_domains", "start_urls"):
        value = getattr(spider, name, None)
        if isinstance(value, Iterable) and not isinstance(value, Collection):
            with suppress(AttributeError):  # a property makes it anew whenever it is read
                setattr(spider, name, list(value))
    _domains(spider)
    if not _starts_at_its_urls(spider):
        return
    urls = _urls(spider)
    if _has_start_requests(spider) and urls:
        logger.warning("Scrapy calls start_requests() no more, so the crawl begins at start_urls")
    elif _has_start_requests(spider):
        raise ValueError(
            "Scrapy calls start_requests() no more: make it `async def start(self)`, or delete it to wait for"
            " seeds"
        )


def rules_of(spider: Spider, given: Mapping[str, str]) -> str:
    """What all workers of a crawl must agree on: what one would not follow, another might not either.

    Args:
        spider: The one that runs.
        given: The arguments of the run, by name, as they were typed.
    """
    rules = {"allowed_domains": _domains(spider), "max_depth": CrawlArguments.of(spider, given).max_depth}
    return json.dumps(
        {name: value for name, value in rules.items() if value not in (None, [])}, sort_keys=True
    )


def seeds_of(spider: Spider) -> str:
    """Where a crawl starts, in a canonical form without logins; empty for a spider that waits for seeds."""
    if _starts_at_its_urls(spider):
        return _canonical(_urls(spider))
    urls = list(getattr(spider, "start_urls", None) or ())
    if urls and all(isinstance(url, str) for url in urls):
        return _canonical(urls)
    # What a start() of its own makes of other things is not known.
    return "" if not urls and getattr(spider, "waits_for_seeds", False) else "start()"


def _starts_at_its_urls(spider: Spider) -> bool:
    return type(spider).start is Spider.start


def _has_start_requests(spider: Spider) -> bool:
    """Whether a spider was written for an older Scrapy; scrapy-redis's have one that nobody needs."""
    return hasattr(spider, "start_requests") and not hasattr(spider, "schedule_next_requests")


def _canonical(urls: Iterable[str]) -> str:
    return " ".join(sorted({logins.hide(url) for url in urls}))


def _urls(spider: Spider) -> list[str]:
    return _texts("start_urls", spider.start_urls, "https://example.com/")


def _domains(spider: Spider) -> list[str]:
    """The domains, None among them left out, as Scrapy does."""
    domains: Any = getattr(spider, "allowed_domains", None)
    if isinstance(domains, Iterable) and not isinstance(domains, (str, bytes)):
        some = [domain for domain in domains if domain is not None]
        domains = set(some) if isinstance(domains, AbstractSet) else some
    return [] if domains is None else _texts("allowed_domains", domains, "example.com")


def _texts(name: str, value: Any, example: str) -> list[str]:
    """An iterable of texts as a list; a set's in the order of the alphabet, for it has none that lasts."""
    advice = f"make it a list such as [{example!r}]"
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise ValueError(f"{name} is {logins.hide(repr(value)):.100}, no list: {advice}")  # noqa: TRY004  of a spider's author
    texts = list(value)
    if wrong := [each for each in texts if not isinstance(each, str)]:
        raise ValueError(f"{name} holds {logins.hide(repr(wrong[0])):.100}, no text: {advice}")
    return sorted(texts) if isinstance(value, AbstractSet) else texts


def conflict(error: CrawlRefused, keys: Keys) -> str:
    """What to tell people who start another crawl on an unfinished one."""
    in_force = error.in_force[:200] or "none"
    return (
        f"the unfinished crawl of {keys.name!r} has other {error.what} ({in_force}):"
        f" give the same to resume it, empty it with `scrapy frontier {keys.name} clear`,"
        " or name another with -a frontier=NAME"
    )
