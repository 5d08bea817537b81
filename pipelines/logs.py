from typing import TYPE_CHECKING, Self

from scrapy.exceptions import NotConfigured

from scraping_project.items import ScrapeLog
from scraping_project.signals import attempts_ended
from scraping_project.worker.session import WorkerSession

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from scraping_project.storage.writing.writer import Writer


class LogsPipeline:
    """Stores how every attempt ended in the table scrape_logs.

    The rows do not come from spiders, which never see a DNS failure, but with the signal attempts_ended;
    so items pass it by.
    """

    def __init__(self, writer: "Writer") -> None:
        self._writer = writer

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        session = crawler.get_extension(WorkerSession)
        if session is None:
            raise NotConfigured  # a plain command, such as parse
        pipeline = cls(session.writer)
        crawler.signals.connect(pipeline.attempts_ended, signal=attempts_ended)
        return pipeline

    def attempts_ended(self, logs: list[ScrapeLog]) -> None:
        for log in logs:
            self._writer.append(log)
