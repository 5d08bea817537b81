import json
import warnings

warnings.simplefilter("default")  # scrapy-redis is written for an older redis-py, and says much itself

from scrapy import Request  # noqa: E402  see above
from scrapy.linkextractors import LinkExtractor  # noqa: E402
from scrapy.spiders import Rule  # noqa: E402
from scrapy_redis.spiders import RedisCrawlSpider, RedisSpider  # noqa: E402


class Fed(RedisSpider):
    name = "fed"

    def parse(self, response):
        yield {"title": response.css("title::text").get(), "asked": response.meta.get("asked")}


class FedOwnWay(RedisSpider):
    name = "fed_own_way"
    redis_key = "todo"

    def make_request_from_data(self, data):
        page = json.loads(data)
        return Request(page["base"] + page["path"], cb_kwargs={"page": page}, dont_filter=True)

    def parse(self, response, page):
        yield {"path": page["path"], "title": response.css("title::text").get()}


class FedRules(RedisCrawlSpider):
    name = "fed_rules"
    rules = (Rule(LinkExtractor(allow="/category/")), Rule(LinkExtractor(allow="/Items/"), callback="item"))

    def item(self, response):
        yield {"title": response.css("title::text").get()}
