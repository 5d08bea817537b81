"""A spider that waits for seeds, and whose worker may die between taking one and saying so."""

import os
import signal
from typing import ClassVar

from scrapy import Spider

from scraping_project.settings import SPIDER_MIDDLEWARES


class Dies:
    """Is the next to see what the project's own middleware has made of a seed."""

    @classmethod
    def from_crawler(cls, crawler):
        middleware = cls()
        middleware.crawler = crawler
        return middleware

    async def process_start(self, start):
        async for request in start:
            if self.crawler.spider.dies:
                os.kill(os.getpid(), signal.SIGKILL)
            yield request


class DiesWithASeed(Spider):
    name = "dies_with_a_seed"
    custom_settings: ClassVar = {"SPIDER_MIDDLEWARES": SPIDER_MIDDLEWARES | {Dies: 5}}

    def __init__(self, dies="", frontier=""):
        self.dies = dies
        self.frontier = frontier

    async def start(self):
        for request in ():
            yield request

    def parse(self, response):
        yield {"url": response.url}
