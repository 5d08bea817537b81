"""``python -m benchmarks.stock_scrapy_redis SITE REDIS_URL FILE``: the peer, as its README sets it up.

Every page whose callback runs is appended to FILE. It ends when nothing came for three seconds.
"""

import re
import sys
import warnings
from pathlib import Path

from scrapy.crawler import AsyncCrawlerProcess
from scrapy.linkextractors import LinkExtractor
from scrapy_redis.spiders import RedisSpider

warnings.simplefilter("ignore")  # it warns about every request on this redis-py


class Stock(RedisSpider):  # type: ignore[misc]
    name = "stock"
    redis_key = "stock:start_urls"
    max_idle_time = 3

    def parse(self, response):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
        if not response.headers.get("Content-Type", b"").startswith(b"text/html"):
            return
        with Path(sys.argv[3]).open("a", encoding="utf-8") as file:
            file.write(response.url + "\n")
        for link in LinkExtractor(allow=re.escape(sys.argv[1])).extract_links(response):
            yield response.follow(link.url, self.parse)


def main() -> None:
    process = AsyncCrawlerProcess(
        {
            "SCHEDULER": "scrapy_redis.scheduler.Scheduler",
            "DUPEFILTER_CLASS": "scrapy_redis.dupefilter.RFPDupeFilter",
            "SCHEDULER_PERSIST": True,
            "REDIS_URL": sys.argv[2],
            "CONCURRENT_REQUESTS": 16,
            "CONCURRENT_REQUESTS_PER_DOMAIN": 16,
            "DOWNLOAD_DELAY": 0,
            "ROBOTSTXT_OBEY": False,
            "COOKIES_ENABLED": False,
            "TELNETCONSOLE_ENABLED": False,
            "REMOTE_CONTROL_ENABLED": False,
            "LOG_LEVEL": "CRITICAL",
        }
    )
    process.crawl(Stock)
    process.start()


if __name__ == "__main__":
    main()
