"""``python -m benchmarks.peers.stock_scrapy FIRST_PAGE``: Scrapy as it comes, its queue in memory.

With ``--redis URL`` it is scrapy-redis as its README sets it up, and waits for FIRST_PAGE in Redis.
"""

import argparse
import warnings
from collections.abc import Iterator
from typing import Any

from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.http import Response, TextResponse
from scrapy.linkextractors import LinkExtractor
from scrapy_redis.spiders import RedisSpider

#: Where scrapy-redis finds its seeds.
SEEDS = "stock:start_urls"
IN_REDIS = {
    "SCHEDULER": "scrapy_redis.scheduler.Scheduler",
    "DUPEFILTER_CLASS": "scrapy_redis.dupefilter.RFPDupeFilter",
    "SCHEDULER_PERSIST": True,
}
SETTINGS = {
    "CONCURRENT_REQUESTS": 32,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 32,
    "DOWNLOAD_DELAY": 0,
    "ROBOTSTXT_OBEY": False,
    "COOKIES_ENABLED": False,
    "TELNETCONSOLE_ENABLED": False,
    "REMOTE_CONTROL_ENABLED": False,
    "LOG_LEVEL": "ERROR",
}

extractor = LinkExtractor()


class Stock(Spider):
    name = "stock"

    def parse(self, response: Response) -> Iterator[Any]:
        yield from page(response)


class StockRedis(RedisSpider):  # type: ignore[misc]  # scrapy-redis has no types
    name = "stock"
    redis_key = SEEDS

    def parse(self, response: Response) -> Iterator[Any]:
        yield from page(response)


def page(response: Response) -> Iterator[Any]:
    """One item, and every link."""
    if not isinstance(response, TextResponse):
        return
    links = extractor.extract_links(response)
    yield {"url": response.url, "title": response.css("title::text").get(), "links": len(links)}
    for link in links:
        yield Request(link.url)


def main() -> None:
    parser = argparse.ArgumentParser(description="Scrapy as it comes")
    parser.add_argument("first_page")
    parser.add_argument("--redis", metavar="URL")
    options = parser.parse_args()
    if options.redis:
        warnings.simplefilter("ignore")  # it warns about every request on this redis-py
        process = AsyncCrawlerProcess(SETTINGS | IN_REDIS | {"REDIS_URL": options.redis})
        process.crawl(StockRedis)
    else:
        process = AsyncCrawlerProcess(SETTINGS)
        process.crawl(Stock, start_urls=[options.first_page])
    process.start()


if __name__ == "__main__":
    main()
