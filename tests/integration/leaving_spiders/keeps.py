"""Spiders with requests that can't be written down: one asks for another, others become such as can."""

from typing import ClassVar

from scrapy import Request, Spider

from scraping_project.settings import DOWNLOADER_MIDDLEWARES


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


class Unhands:
    """Takes out of a request what can't be written down, so that a redirect or a retry of it can be."""

    def process_request(self, request):
        request.meta.pop("handle", None)


class Sheds(Spider):
    name = "sheds"
    custom_settings: ClassVar = {"DOWNLOADER_MIDDLEWARES": DOWNLOADER_MIDDLEWARES | {Unhands: 50}}

    def __init__(self, base):
        self.base = base

    async def start(self):
        yield Request(f"{self.base}/page")

    def parse(self, _):
        for path in ("/moves", "/flaky"):
            yield Request(f"{self.base}{path}", self.answered, meta={"handle": object()})

    def answered(self, response):
        yield {"url": response.url}
