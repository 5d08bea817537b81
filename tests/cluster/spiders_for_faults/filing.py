"""Pages of a host whose items have files there: they go the way of the pages, and wait for the same slot."""

from collections.abc import Iterator

from scrapy import Request, Spider
from scrapy.http import Response

from scraping_project.settings import ITEM_PIPELINES


class FilingSpider(Spider):
    name = "filing"
    custom_settings = {  # noqa: RUF012  as people do
        "ITEM_PIPELINES": {"scrapy.pipelines.files.FilesPipeline": 1, **ITEM_PIPELINES},
    }

    def __init__(self, start: str, **kwargs: str) -> None:
        super().__init__(**kwargs)
        self.start_urls = [start]

    def parse(self, response: Response) -> Iterator[Request | dict[str, list[str]]]:
        for link in response.css("a::attr(href)").getall():
            yield response.follow(link)
        yield {"file_urls": [response.urljoin(source) for source in response.css("img::attr(src)").getall()]}
