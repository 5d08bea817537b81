"""Links that need no Request, since this worker has asked for them before."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from scrapy import Spider
from scrapy.http import Response
from scrapy.spidermiddlewares.depth import DepthMiddleware

from scraping_project.fingerprints import Fingerprinter
from scraping_project.scheduler import Scheduler

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


def unseen(spider: Spider, response: Response, urls: Iterable[str]) -> list[str]:
    """Returns the URLs that may be new, in order; the others are counted as the duplicates that they are.

    For a callback that would yield a plain ``Request(url)`` for each: those of known URLs would be dropped
    by the scheduler, after a hundred times the work. It does not promise that what it returns is new: the
    frontier knows what other workers found, and what this one found long ago.

    Args:
        spider: The one whose callback this is.
        response: Where the links were found.
        urls: Absolute ones, as Scrapy requests them.
    """
    candidates = list(urls)
    crawler = spider.crawler
    scheduler, fingerprinter = _scheduler(crawler), crawler.request_fingerprinter
    if not isinstance(scheduler, Scheduler) or not isinstance(fingerprinter, Fingerprinter):
        return candidates
    depths = crawler.get_spider_middleware(DepthMiddleware)
    depth = response.meta.get("depth", 0) + 1
    if depths and 0 < depths.maxdepth < depth:
        return candidates  # too deep, which Scrapy counts
    left = scheduler.unseen(candidates, fingerprinter.number_of)
    if depths and len(left) < len(candidates):
        _count(depths, depth, len(candidates) - len(left))
    return left


def _scheduler(crawler: "Crawler") -> object:
    try:
        return crawler.engine.scheduler
    except RuntimeError:  # no crawl has begun: somebody tries the callback out
        return None


def _count(depths: DepthMiddleware, depth: int, requests: int) -> None:
    """Counts as Scrapy does what its middleware will not see."""
    depths.stats.max_value("request_depth_max", depth)
    if depths.verbose_stats:
        depths.stats.inc_value(f"request_depth_count/{depth}", requests)
