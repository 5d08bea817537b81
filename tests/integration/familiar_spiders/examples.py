"""Spiders in the shape of scrapy-redis's two examples."""

import warnings

warnings.simplefilter("default")  # scrapy-redis is written for an older redis-py, and says much itself

from scrapy.linkextractors import LinkExtractor  # noqa: E402  see above
from scrapy.spiders import Rule  # noqa: E402
from scrapy_redis.spiders import RedisCrawlSpider, RedisSpider  # noqa: E402


class MySpider(RedisSpider):
    """Reads URLs from a queue in Redis (myspider:start_urls)."""

    name = "myspider_redis"
    redis_key = "myspider:start_urls"

    def __init__(self, *args, **kwargs):
        domain = kwargs.pop("domain", "")
        self.allowed_domains = filter(None, domain.split(","))
        super().__init__(*args, **kwargs)

    def parse(self, response):
        return {"name": response.css("title::text").extract_first(), "url": response.url}


class MyCrawler(RedisCrawlSpider):
    """Reads URLs from a queue in Redis (mycrawler:start_urls) and follows all links."""

    name = "mycrawler_redis"
    redis_key = "mycrawler:start_urls"
    rules = (Rule(LinkExtractor(), callback="parse_page", follow=True),)

    def __init__(self, *args, **kwargs):
        domain = kwargs.pop("domain", "")
        self.allowed_domains = filter(None, domain.split(","))
        super().__init__(*args, **kwargs)

    def parse_page(self, response):
        return {"name": response.css("title::text").extract_first(), "url": response.url}


class Picky(MySpider):
    """Makes several requests of a push, and is broken by some."""

    name = "picky"
    redis_key = "picky:start_urls"

    def make_request_from_data(self, data):
        for url in data.decode().split():
            yield from self.of_url(url)

    def of_url(self, url):
        if "broken" in url:
            raise LookupError("the spider is broken")
        request = super().make_request_from_data(url.encode())
        yield request
