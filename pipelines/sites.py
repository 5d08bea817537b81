from typing import TYPE_CHECKING, Any, Self

from scrapy import signals

from scraping_project.attempts.log import AttemptLog
from scraping_project.items import Site
from scraping_project.worker.session import session_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from twisted.python.failure import Failure

    from scraping_project.storage.writing.writer import Writer


class SitesPipeline:
    """Stores every Site, and every answered page whose callback yielded none, in the table sites.

    A Site is stored once it has passed all pipelines, as it left them.
    """

    stores = (Site,)

    def __init__(self, writer: "Writer", log: AttemptLog) -> None:
        self._writer = writer
        self._log = log

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        session = session_of(crawler)
        session.log.store_pages(session.writer.append)
        pipeline = cls(session.writer, session.log)
        crawler.signals.connect(pipeline.item_scraped, signal=signals.item_scraped)
        return pipeline

    def item_scraped(self, item: Any, response: "Response | Failure | None") -> None:
        if not isinstance(item, Site):
            return
        try:
            self._writer.append(item)
        except Exception as error:  # noqa: BLE001  whatever a value may raise, as in a process_item
            self._log.unstored(item, response, error)
