"""A crawl's requests, made again from what is stored of its pages."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable
from urllib.parse import urlsplit

from scrapy import Request, Spider
from scrapy.settings import BaseSettings

from scraping_project.frontier.messages import Push, blob, slot_name
from scraping_project.http import serialization
from scraping_project.http.fingerprints import Fingerprinter
from scraping_project.items import Link
from scraping_project.politeness.registered_domain import registered_domain
from scraping_project.storage.reading.crawls import Answer


@runtime_checkable
class Follows(Protocol):
    """A spider whose requests are a plain ``Request(url)`` for each link that it follows.

    ``follows`` is called on a spider that belongs to no crawler.
    """

    def follows(self, page: str, depth: int, links: Sequence[Link]) -> list[str] | None:
        """Which links of a stored page are followed; None when that can't be told."""


class Lead(NamedTuple):
    """Where a page, or a start of the crawl, leads to."""

    url: str
    depth: int | None = None  # None for a seed


class RequestRebuilder:
    """Makes requests as the spider and Scrapy's own middlewares made them, but for the Referer.

    Whether a page may name itself to those it links to is not stored.
    """

    def __init__(self, spider: Spider, settings: BaseSettings) -> None:
        if not isinstance(spider, Follows):
            raise TypeError(
                f"the spider {spider.name!r} does not say which links of a stored page it follows"
            )
        self._follows = spider.follows
        self._spider = spider
        self._domains = tuple(getattr(spider, "allowed_domains", None) or ())
        self._longest = settings.getint("URLLENGTH_LIMIT")
        self._deepest = settings.getint("DEPTH_LIMIT")
        self._depth_priority = settings.getint("DEPTH_PRIORITY")
        self._shallow_first = settings["FRONTIER_ORDER"] == "depth"
        self._by_domain = settings["FRONTIER_SLOT_BY"] == "domain"

    @staticmethod
    def number(url: str) -> str:
        """The number by which the frontier knows a page."""
        return Fingerprinter.number_of(url)

    def push(self, lead: Lead) -> Push:
        """The request that was made for it."""
        depth = lead.depth or 0
        meta = None if lead.depth is None else {"depth": depth}
        request = Request(lead.url, meta=meta, priority=-depth * self._depth_priority)
        host = urlsplit(request.url).hostname or ""
        slot = slot_name(registered_domain(host) if self._by_domain else host)
        priority = request.priority - (depth if self._shallow_first else 0)
        payload = blob(serialization.encode(request, self._spider))
        return Push(self.number(request.url), slot, priority, payload)

    def links(self, answer: Answer) -> list[Lead] | None:
        """What a page leads to, by the rules of the crawl; None when that is not known."""
        followed = None if answer.links is None else self._follows(answer.url, answer.depth, answer.links)
        if followed is None:
            return None
        depth = answer.depth + 1
        if 0 < self._deepest < depth:
            return []
        return [Lead(url, depth) for url in followed if self._is_allowed(url)]

    def request(self, payload: bytes) -> Request | None:
        """A queued request, if it is one of those that can be made again: to GET a page and parse it."""
        try:
            request = serialization.decode(payload, self._spider)
        except serialization.Undecodable:
            return None
        plain = request.method == "GET" and not request.body and request.callback is None
        return request if plain else None

    def _is_allowed(self, url: str) -> bool:
        if 0 < self._longest < len(url):
            return False
        if not self._domains:
            return True
        host = urlsplit(url).hostname or ""
        return any(host == domain or host.endswith(f".{domain}") for domain in self._domains)
