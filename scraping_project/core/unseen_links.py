"""Links that need no Request, since they have been asked for before."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from scrapy import Spider
from scrapy.http import Response
from scrapy.spidermiddlewares.depth import DepthMiddleware
from twisted.python.failure import Failure

from scraping_project.core.scheduler import Scheduler
from scraping_project.http.fingerprints import Fingerprinter

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


def unseen(spider: Spider, response: Response | Failure, urls: Iterable[str]) -> list[str]:
    """Returns the URLs that may be new, in order; the others are counted as the duplicates that they are.

    For a callback that would yield a plain ``Request(url)`` for each: those of known URLs would be dropped
    by the scheduler, after a hundred times the work. It does not promise that what it returns is new: the
    frontier knows what other workers found, and what this one found long ago.

    Args:
        spider: The one whose callback this is.
        response: Where the links were found; in an errback, the failure.
        urls: Absolute ones, as Scrapy requests them.
    """
    candidates = list(urls)
    if page := _Page.of(spider, response):
        return page.without_known(candidates, page.scheduler.unseen(candidates, page.number_of))
    return candidates


async def unseen_by_all(spider: Spider, response: Response | Failure, urls: Iterable[str]) -> list[str]:
    """As ``unseen``, for ``async def`` callbacks: it leaves out what other workers found, too.

    While the frontier knows a quarter of what is new to this worker, the page waits for the next checkpoint,
    which asks. When few workers crawl, or much is new to all, the page does not wait.
    """
    candidates = list(urls)
    if page := _Page.of(spider, response):
        return page.without_known(candidates, await page.scheduler.unseen_by_all(candidates, page.number_of))
    return candidates


@dataclass(frozen=True, slots=True)
class _Page:
    """Where links were found that the scheduler may be asked about."""

    scheduler: Scheduler
    number_of: Callable[[str], str]
    depths: DepthMiddleware | None
    depth: int  # of the links

    @classmethod
    def of(cls, spider: Spider, response: Response | Failure) -> Self | None:
        """None where every link has to become a Request, for somebody else has to see them all."""
        crawler = spider.crawler
        scheduler, fingerprinter = _scheduler(crawler), crawler.request_fingerprinter
        if not isinstance(scheduler, Scheduler) or not isinstance(fingerprinter, Fingerprinter):
            return None
        if isinstance(response, Failure):
            return cls(scheduler, fingerprinter.number_of, None, 0)  # Scrapy counts no depth from there
        depths = crawler.get_spider_middleware(DepthMiddleware)
        depth = response.meta.get("depth", 0) + 1
        if depths and 0 < depths.maxdepth < depth:
            return None  # too deep, which Scrapy counts
        return cls(scheduler, fingerprinter.number_of, depths, depth)

    def without_known(self, candidates: list[str], left: list[str]) -> list[str]:
        """Returns what is left, and counts as Scrapy does what its middleware will not see."""
        dropped = len(candidates) - len(left)
        if self.depths and dropped:
            self.depths.stats.max_value("request_depth_max", self.depth)
            if self.depths.verbose_stats:
                self.depths.stats.inc_value(f"request_depth_count/{self.depth}", dropped)
        return left


def _scheduler(crawler: "Crawler") -> object:
    try:
        return crawler.engine.scheduler
    except RuntimeError:  # no crawl has begun: somebody tries the callback out
        return None
