from typing import TYPE_CHECKING, Any, Self

from scrapy.exceptions import NotConfigured

from scraping_project.checkpoint import Checkpoint
from scraping_project.items import Site
from scraping_project.signals import page_answered

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from scraping_project.storage.writer import Writer


class SitesPipeline:
    """Stores every Site, and every answered page whose callback yielded none, in the table sites."""

    stores = (Site,)

    def __init__(self, writer: "Writer") -> None:
        self._writer = writer

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        checkpoint = crawler.get_extension(Checkpoint)
        if checkpoint is None:
            raise NotConfigured  # a plain command, such as parse
        pipeline = cls(checkpoint.writer)
        crawler.signals.connect(pipeline.page_answered, signal=page_answered)
        return pipeline

    def page_answered(self, site: Site) -> None:
        self._writer.append(site)

    async def process_item(self, item: Any) -> Any:
        if isinstance(item, Site):
            self._writer.append(item)
        return item
