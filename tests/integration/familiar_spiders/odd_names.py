"""Spiders whose names no frontier can have."""

from scrapy import Spider


class Named(Spider):
    def __init__(self, base="", **kwargs):
        super().__init__(**kwargs)
        self.start_urls = [f"{base}/n/{number}" for number in range(3)] if base else []

    def parse(self, response):
        yield {"url": response.url}


class Blank(Named):
    name = "my spider"


class Beyond(Named):
    name = "книга"


class Colon(Named):
    name = "shop:books"


class Long(Named):
    name = "n" * 65


class Marks(Named):
    name = "it's {odd}"
