"""An ordinary spider on the fast path, counting the requests that it makes."""

from collections.abc import Iterator

from scrapy import Request, Spider
from scrapy.http import TextResponse

from scraping_project.core.unseen_links import unseen
from scraping_project.parsing.html_links import parse


class Counting(Spider):
    name = "counting"
    allowed_domains = ("127.0.0.1",)

    def __init__(self, url: str) -> None:
        super().__init__()
        self.start_urls = [url]

    def parse(self, response: TextResponse) -> Iterator[Request]:
        page = parse(response.text, response.url, response.encoding)
        for url in unseen(self, response, [link.url for link in page.links]):
            self.crawler.stats.inc_value("attempts/requests_made")
            yield Request(url, callback=self.parse)
