"""A spider for an engine that looks at its scheduler only when it is told to."""

from typing import ClassVar

from scrapy import Request, Spider
from scrapy.core.engine import ExecutionEngine

ExecutionEngine._SLOT_HEARTBEAT_INTERVAL = 3600.0


class Heartless(Spider):
    name = "heartless"
    custom_settings: ClassVar = {"CONCURRENT_REQUESTS": 2}

    def __init__(self, base):
        self.base = base

    async def start(self):
        for number in range(12):
            yield Request(f"{self.base}/page/{number}")

    def parse(self, response):
        yield {"url": response.url}
