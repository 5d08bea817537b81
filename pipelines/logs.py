from typing import TYPE_CHECKING, Self

from scraping_project.worker.session import session_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


class LogsPipeline:
    """Stores how every attempt ended in the table scrape_logs.

    The rows do not come from spiders, which never see a DNS failure, but from the log of attempts; so items
    pass it by.
    """

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        session = session_of(crawler)
        session.log.store_logs(session.writer.append)
        return cls()
