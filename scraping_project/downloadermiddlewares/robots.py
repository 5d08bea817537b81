"""robots.txt, fetched once for the cluster and obeyed as RFC 9309 says, its Crawl-delay included."""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from scrapy import Request, signals
from scrapy.exceptions import IgnoreRequest, NotConfigured
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK
from scrapy.robotstxt import RobotParser
from scrapy.utils.httpobj import urlparse_cached
from scrapy.utils.misc import load_object

from scraping_project.frontier.errors import FrontierError
from scraping_project.frontier.robots_cache import FRESH, MOST, RobotsTxt
from scraping_project.http.failure_reasons import Filtered, RobotsUnavailable
from scraping_project.worker.session import session_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

#: Parsed files that a worker keeps.
REMEMBERED = 2000
#: Seconds for which a robots.txt that can't be had is not asked for again, and between two looks at whether
#: the worker that fetches it has it.
UNAVAILABLE_FOR, LOOK_AGAIN = 10.0, 0.1
#: RFC 9309: at least so many redirects are to be followed; after them there is none.
REDIRECTS = 5


@dataclass(slots=True)
class Origin:
    """What is known of the robots.txt of a scheme, host and port. Times are monotonic seconds."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    rules: RobotParser | None = None
    until: float = 0.0
    error: Exception | None = None


class Robots:
    """Asks robots.txt before each request, and tells the slot's clock what Crawl-delay it names.

    2xx: the rules hold for a day. 4xx, or more than five redirects: everything is allowed. 5xx, 429 or no
    answer: nothing is, and the request is tried again later as if it had failed so itself.
    """

    def __init__(self, crawler: "Crawler") -> None:
        if not crawler.settings.getbool("ROBOTSTXT_OBEY"):
            raise NotConfigured
        session = session_of(crawler)
        self._crawler = crawler
        self._session = session
        self._attempts = session.log.attempts
        self._parser: type[RobotParser] = load_object(crawler.settings["ROBOTSTXT_PARSER"])
        self._agent: str = crawler.settings["ROBOTSTXT_USER_AGENT"] or crawler.settings["USER_AGENT"]
        self._longest_delay = session.policy.longest_crawl_delay_s
        self._origins: OrderedDict[str, Origin] = OrderedDict()

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        url = urlparse_cached(request)
        if request.meta.get("dont_obey_robotstxt") or url.scheme not in ("http", "https"):
            return
        rules = await self._rules(f"{url.scheme}://{url.netloc}", request)
        self._follow_crawl_delay(rules, request)
        if not rules.allowed(request.url, self._agent):
            self._count("forbidden")
            raise Filtered("robots", "Forbidden by robots.txt")

    def _follow_crawl_delay(self, rules: RobotParser, request: Request) -> None:
        delay = rules.crawl_delay(self._agent) or 0.0
        if delay > self._longest_delay:
            raise Filtered("robots", f"Crawl-delay {delay:g} s is above ROBOTSTXT_CRAWL_DELAY_MAX")
        downloader = self._crawler.engine.downloader
        self._session.clocks.of(downloader.get_slot_key(request)).learn_robots(delay)

    async def _rules(self, origin: str, request: Request) -> RobotParser:
        known = self._origin(origin)
        async with known.lock:
            if time.monotonic() >= known.until:
                await self._renew(known, origin, request)
        if known.error is not None:
            if attempt := self._attempts.of(request):
                attempt.wire = known.error
            raise known.error.with_traceback(None)
        if known.rules is None:
            raise RuntimeError(f"the robots.txt of {origin} is neither there nor not there")
        return known.rules

    def _origin(self, origin: str) -> Origin:
        known = self._origins.setdefault(origin, Origin())
        self._origins.move_to_end(origin)
        while len(self._origins) > REMEMBERED:
            self._origins.popitem(last=False)
        return known

    async def _renew(self, known: Origin, origin: str, request: Request) -> None:
        try:
            found = await self._find(origin)
        except Exception as error:  # noqa: BLE001  any failure of this download is the failure of what waits for it
            self._count(f"exception_count/{type(error).__name__}")
            known.error, known.until = error, time.monotonic() + UNAVAILABLE_FOR
            return
        known.error, known.until = None, time.monotonic() + max(FRESH - found.age, LOOK_AGAIN)
        known.rules = self._parser.from_crawler(self._crawler, found.body)
        await self._crawler.signals.send_catch_log_async(
            signal=signals.robots_parsed, robotparser=known.rules, request=request
        )

    async def _find(self, origin: str) -> RobotsTxt:
        """The cluster's copy; without one, or with an old one, the site's, unless another fetches it."""
        cache = self._session.membership.robots
        try:
            stored = await asyncio.to_thread(cache.read, origin)
            while stored is None or not stored.is_fresh:
                if await asyncio.to_thread(cache.claim, origin, self._session.worker.token):
                    return await self._fetch_for_all(origin)
                if stored is not None:
                    return stored
                await asyncio.sleep(LOOK_AGAIN)
                stored = await asyncio.to_thread(cache.read, origin)
        except FrontierError:
            return await self._fetch(origin)  # Redis is away: for this worker alone
        return stored

    async def _fetch_for_all(self, origin: str) -> RobotsTxt:
        cache = self._session.membership.robots
        try:
            found = await self._fetch(origin)
            await asyncio.to_thread(cache.write, origin, found.body)
        finally:
            await asyncio.to_thread(cache.unclaim, origin)
        return found

    async def _fetch(self, origin: str) -> RobotsTxt:
        meta = {"dont_obey_robotstxt": True, "dont_retry": True, "redirect_ttl": REDIRECTS}
        request = Request(f"{origin}/robots.txt", priority=1000, meta=meta, callback=NO_CALLBACK)
        self._count("request_count")
        try:
            response = await self._crawler.engine.download_async(request)
        except IgnoreRequest:  # too many redirects
            return RobotsTxt(body=b"", age=0.0)
        self._count("response_count")
        self._count(f"response_status_count/{response.status}")
        return RobotsTxt(body=_body_of(response), age=0.0)

    def _count(self, name: str) -> None:
        self._crawler.stats.inc_value(f"robotstxt/{name}")


def _body_of(response: Response) -> bytes:
    """The rules of an answer; none when there is no such file.

    Raises:
        RobotsUnavailable: The site could not say.
    """
    if response.status == 429 or response.status >= 500:  # noqa: PLR2004  HTTP's own numbers
        raise RobotsUnavailable(f"robots.txt was answered {response.status}, so nothing is allowed")
    return response.body[:MOST] if 200 <= response.status < 300 else b""  # noqa: PLR2004  the same
