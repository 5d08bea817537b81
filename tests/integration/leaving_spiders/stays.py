"""Spiders whose requests would never leave Scrapy by themselves, or leave with their process."""

import asyncio
import resource
from typing import ClassVar

from scrapy import Request, Spider

from scraping_project.settings import SPIDER_MIDDLEWARES

MIB = 2**20

#: Above the peak this process has from its parent: Linux hands ru_maxrss on through fork and exec.
LIMIT_MIB = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 + 150


class Hangs:
    async def process_item(self, item):
        if item == {"hang": True}:
            await asyncio.Event().wait()
        return item


class Stays(Spider):
    name = "stays"
    custom_settings: ClassVar = {
        "ITEM_PIPELINES": {
            Hangs: 100,
            "pipelines.sites.SitesPipeline": 300,
            "pipelines.logs.LogsPipeline": 310,
        }
    }

    def __init__(self, base):
        self.base = base

    async def start(self):
        for name in ("hangs_in_its_pipeline", "never_ends", "never_begins"):
            yield Request(f"{self.base}/{name}", getattr(self, name))
        yield Request(f"{self.base}/returns")

    def parse(self, response):
        return {"url": response.url}

    def hangs_in_its_pipeline(self, _):
        yield {"hang": True}

    async def never_ends(self, _):
        while True:
            yield {"endless": True}
            await asyncio.sleep(0.01)

    async def never_begins(self, _):
        await asyncio.Event().wait()
        yield {}


class Grows(Spider):
    """Takes more memory than Scrapy's limit allows it, as soon as it has a page, when it is told to."""

    name = "grows"
    custom_settings: ClassVar = {
        "MEMUSAGE_LIMIT_MB": LIMIT_MIB,
        "MEMUSAGE_CHECK_INTERVAL_SECONDS": 0.2,
        "DOWNLOAD_DELAY": 0.3,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
        "CONCURRENT_REQUESTS": 2,
    }

    def __init__(self, base, ballast="none"):
        self.base = base
        self.ballast = LIMIT_MIB * MIB if ballast == "too much" else 0
        self.held = b""

    async def start(self):
        for number in range(12):
            yield Request(f"{self.base}/page/{number}")

    def parse(self, response):
        self.held = self.held or b"x" * self.ballast
        yield {"url": response.url}


class StartBreaks:
    async def process_start(self, start):
        async for each in start:
            yield each
            raise RuntimeError("the start is broken")


class Begins(Spider):
    name = "begins"
    custom_settings: ClassVar = {"SPIDER_MIDDLEWARES": SPIDER_MIDDLEWARES | {StartBreaks: 500}}

    def __init__(self, base):
        self.base = base

    async def start(self):
        yield Request(f"{self.base}/first")
        yield Request(f"{self.base}/second")

    def parse(self, response):
        yield {"url": response.url}
