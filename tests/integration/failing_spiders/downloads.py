"""Spiders that write down, or try again elsewhere, what could not be downloaded."""

from typing import ClassVar

from scrapy import Request, Spider
from scrapy.exceptions import IgnoreRequest

from scraping_project.core.unseen_links import unseen, unseen_by_all
from scraping_project.settings import DOWNLOADER_MIDDLEWARES


class Ignores:
    """Wants to hear no more of some requests."""

    def process_request(self, request):
        if request.url.endswith("/ignored"):
            raise IgnoreRequest("not that")


class Downloads(Spider):
    name = "downloads"
    custom_settings: ClassVar = {
        "DOWNLOADER_MIDDLEWARES": DOWNLOADER_MIDDLEWARES | {Ignores: 800},
        "DOWNLOAD_MAXSIZE": 100_000,
        "DOWNLOAD_TIMEOUT": 1,
        "RETRY_TIMES": 1,
    }

    def __init__(self, urls, yields):
        self.urls = urls.split()
        self.errback = getattr(self, yields)

    async def start(self):
        for url in self.urls:
            yield Request(url, errback=self.errback)

    def parse(self, response):
        yield {"fine": response.url}

    def returned(self, failure):
        return {"failed": failure.request.url}

    def listed(self, failure):
        return [self.returned(failure), {"kind": failure.type.__name__}]

    def generated(self, failure):
        yield self.returned(failure)
        yield {"kind": failure.type.__name__}

    async def awaited(self, failure):
        return self.listed(failure)

    async def async_generated(self, failure):
        yield self.returned(failure)
        yield {"kind": failure.type.__name__}

    def unstorable(self, failure):
        yield self.returned(failure)
        loop = {}
        loop["self"] = loop
        yield loop

    def raises(self, failure):
        yield self.returned(failure)
        raise ValueError("the errback is broken")

    def asks(self, failure):
        yield self.returned(failure)
        other = failure.request.url.rpartition("/")[0] + "/good"
        for url in unseen(self, failure, [other]):
            yield Request(url)

    async def asks_all(self, failure):
        yield self.returned(failure)
        other = failure.request.url.rpartition("/")[0] + "/good"
        for url in await unseen_by_all(self, failure, [other]):
            yield Request(url)


class KeepsOfFailed(Spider):
    """What its errback asks for can't be written down."""

    name = "keeps_of_failed"

    def __init__(self, base):
        self.base = base

    async def start(self):
        yield Request(f"{self.base}/hang-up", errback=self.bad)

    def bad(self, failure):
        yield {"failed": failure.request.url}
        yield Request(f"{self.base}/silent", lambda response: {"url": response.url})
