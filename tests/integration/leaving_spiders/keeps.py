"""A spider with requests that can't be written down, one of which asks for another."""

from scrapy import Request, Spider


class Keeps(Spider):
    name = "keeps"

    def __init__(self, base):
        self.base = base

    async def start(self):
        yield Request(f"{self.base}/page")

    def parse(self, _):
        yield Request(f"{self.base}/plain", self.plain)
        yield Request(f"{self.base}/by-lambda", lambda response: self.by_lambda(response))  # noqa: PLW0108  on purpose

    def plain(self, response):
        yield {"url": response.url}

    def by_lambda(self, response):
        yield {"url": response.url}
        yield Request(f"{self.base}/silent", lambda response: {"url": response.url})
