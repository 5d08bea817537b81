from scrapy.statscollectors import MemoryStatsCollector


class Stats(MemoryStatsCollector):
    """Scrapy's own, found as any attribute is: without a search for deprecated arguments at every count."""

    __getattribute__ = object.__getattribute__
