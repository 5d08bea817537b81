"""The links spider whose callback blocks the event loop at one page, for as long as BLOCK_SECONDS."""

import os
import time
from collections.abc import Iterator

from scrapy import Request
from scrapy.http import Response

from scraping_project.items import Site
from spiders.links import LinksSpider


class BlockingSpider(LinksSpider):
    name = "links"

    def parse(self, response: Response) -> Iterator[Site | Request]:
        if response.url.endswith("/b"):
            time.sleep(float(os.environ["BLOCK_SECONDS"]))
        yield from super().parse(response)
