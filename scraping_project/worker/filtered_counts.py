"""What is dropped before the scheduler sees it: links off the site, too deep, too long."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

#: The stats of Scrapy's own middlewares and of the spider links, and the reason each stands for.
_STATS: Mapping[str, str] = {
    "offsite/filtered": "offsite",
    "frontier/filtered/offsite": "offsite",
    "depth/request_ignored_count": "depth",
    "frontier/filtered/depth": "depth",
    "urllength/request_ignored_count": "length",
}


class FilteredCounts:
    """Counts by reason what was dropped since the last look, for the ledger of the crawl."""

    def __init__(self, crawler: "Crawler") -> None:
        self._crawler = crawler
        self._told: dict[str, int] = {}

    def since_last(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for stat, reason in _STATS.items():
            total = self._crawler.stats.get_value(stat, 0)
            if more := total - self._told.get(stat, 0):
                found[reason] = found.get(reason, 0) + more
                self._told[stat] = total
        return found
