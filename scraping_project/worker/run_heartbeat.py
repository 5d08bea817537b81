"""Keeps this run alive in the table runs, and learns there when it is to end."""

import asyncio
import logging
from typing import TYPE_CHECKING, Self

from scrapy import signals
from scrapy.http import Response

from scraping_project.http import failure_reasons
from scraping_project.storage.engine import connect
from scraping_project.storage.errors import StorageError
from scraping_project.storage.runs import beat_run
from scraping_project.worker import run_record
from scraping_project.worker.pace import Pace
from scraping_project.worker.session import session_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from twisted.python.failure import Failure

logger = logging.getLogger(__name__)


class RunHeartbeat:
    """Beats from the event loop, so that a process that hangs falls silent and reads as lost.

    It does not keep the leases: those have a heartbeat of their own.
    """

    def __init__(self, crawler: "Crawler") -> None:
        self._crawler = crawler
        self._database = connect(crawler.settings["DATABASE_URL"], lasting=True)
        self._interval = Pace.from_settings(crawler.settings).heartbeat_every_s
        self._loop: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        heartbeat = cls(crawler)
        crawler.signals.connect(heartbeat.spider_opened, signal=signals.spider_opened)
        crawler.signals.connect(heartbeat.spider_closed, signal=signals.spider_closed)
        crawler.signals.connect(heartbeat.spider_error, signal=signals.spider_error)
        return heartbeat

    def spider_opened(self) -> None:
        self._loop = asyncio.create_task(self._run())

    def spider_closed(self) -> None:
        if self._loop:
            self._loop.cancel()
        self._database.dispose()

    def spider_error(self, failure: "Failure", response: Response | None) -> None:
        """A spider that raises where it starts has no response to blame: the run itself has failed."""
        if response is None and failure.value is not None:
            self._crawler.stats.set_value(run_record.ERROR, failure_reasons.describe(failure.value))

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            if await self._asked_to_end():
                logger.warning("This run was asked to end")
                # Of its own, for the end of the spider cancels this task.
                self._ending = asyncio.create_task(
                    self._crawler.engine.close_spider_async(reason="cancelled")
                )
                return

    async def _asked_to_end(self) -> bool:
        run_id = session_of(self._crawler).log.run_id
        counts = run_record.counts_of(self._crawler.stats.get_stats())
        try:
            return await asyncio.to_thread(beat_run, self._database, run_id, counts)
        except StorageError as error:
            logger.info("The run's heartbeat could not be written: %s", error)
            return False
