"""The links spider whose process dies of one page."""

import os
from collections.abc import AsyncIterator

from scrapy import Request
from scrapy.http import Response

from scraping_project.items import Site
from spiders.links import LinksSpider

DEADLY = 9


class PoisonedSpider(LinksSpider):
    name = "links"

    def parse(self, response: Response) -> AsyncIterator[Site | Request]:
        if response.url.endswith("/b"):
            os._exit(DEADLY)
        return super().parse(response)
