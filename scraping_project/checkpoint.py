"""The group commit: several times a second, what has ended goes to the database in one transaction."""

import asyncio
import logging
import os
import socket
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from scrapy import Spider, signals
from scrapy.exceptions import CloseSpider

from scraping_project.attempts import utc_now
from scraping_project.extensions.attempts import AttemptLog
from scraping_project.storage.engine import connect
from scraping_project.storage.errors import StorageError
from scraping_project.storage.migrate import migrate
from scraping_project.storage.runs import Outcome, Run, RunCounts, finish_run, start_run
from scraping_project.storage.writer import Writer
from scraping_project.summary import Summary

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

#: Seconds that the end of a run waits for a database that is away.
LAST_COMMIT_PATIENCE = 25


class Checkpoint:
    """Owns the writer and the row of the run. While the database is away the engine is paused.

    A process that is killed between two commits loses what it had not committed.
    """

    def __init__(self, crawler: "Crawler", database_url: str, interval: float) -> None:
        self._crawler = crawler
        self._database = connect(database_url)
        self.writer = Writer(self._database)
        self._interval = interval
        self._loop: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._away = False

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        settings = crawler.settings
        checkpoint = cls(crawler, settings["DATABASE_URL"], settings.getfloat("CHECKPOINT_INTERVAL"))
        crawler.signals.connect(checkpoint.spider_opened, signal=signals.spider_opened)
        crawler.signals.connect(checkpoint.spider_closed, signal=signals.spider_closed)
        return checkpoint

    async def spider_opened(self, spider: Spider) -> None:
        self._log.run_id = getattr(spider, "_job", None) or uuid4().hex
        try:
            await asyncio.to_thread(migrate, self._database)
            await asyncio.to_thread(self._start_run, spider)
        except StorageError as error:
            logger.error("%s", error)  # noqa: TRY400  one line says it all
            raise CloseSpider("storage") from error
        self._loop = asyncio.create_task(self._run())

    async def spider_closed(self, reason: str) -> None:
        self._closing.set()
        if self._loop is None:
            return
        await self._loop
        await self._last_commit(reason)
        self._database.dispose()

    @property
    def _log(self) -> AttemptLog:
        log = self._crawler.get_extension(AttemptLog)
        if log is None:
            raise RuntimeError("scraping_project.checkpoint.Checkpoint needs the extension AttemptLog")
        return log

    async def _run(self) -> None:
        while not self._closing.is_set():
            self._log.settle()
            await self._commit()
            try:
                await asyncio.wait_for(self._closing.wait(), 1 if self._away else self._interval)
            except TimeoutError:
                continue

    async def _commit(self) -> None:
        """Commit what is pending; pause the engine while that fails, and resume it after."""
        if not self.writer.pending and not self._away:
            return
        try:
            await asyncio.to_thread(self.writer.commit)
        except StorageError as error:
            self._pause(error)
        else:
            self._resume()

    def _pause(self, error: StorageError) -> None:
        if not self._away:
            logger.warning("Nothing can be stored (%s): the crawl pauses", error)
            self._crawler.engine.pause()
        self._away = True

    def _resume(self) -> None:
        if self._away:
            logger.warning("The database takes rows again: the crawl goes on")
            self._crawler.engine.unpause()
        self._away = False

    async def _last_commit(self, reason: str) -> None:
        deadline = asyncio.get_running_loop().time() + LAST_COMMIT_PATIENCE
        self._log.settle()
        while self.writer.pending:
            await self._commit()
            if not self._away:
                break
            if asyncio.get_running_loop().time() > deadline:
                logger.error("%d rows could not be stored: the database is away", self.writer.pending)
                self._crawler.stats.set_value("checkpoint/lost_rows", self.writer.pending)
                return
            await asyncio.sleep(1)
        await asyncio.to_thread(self._finish_run, reason)

    def _start_run(self, spider: Spider) -> None:
        settings = self._crawler.settings
        given = settings.getdict("RUN_ARGUMENTS")
        run = Run(
            id=self._log.run_id,
            crawl_id=self._log.crawl_id,
            spider=spider.name,
            arguments={name: str(value) for name, value in given.items() if not name.startswith("_")},
            host=socket.gethostname(),
            pid=os.getpid(),
            egg_version=settings["EGG_VERSION"],
            started_at=utc_now(),
        )
        start_run(self._database, run)

    def _finish_run(self, reason: str) -> None:
        summary = Summary.of_stats(self._crawler.stats.get_stats())
        counts = RunCounts(
            pages=summary.pages,
            failed=sum(summary.failed.values()),
            filtered=sum(summary.filtered.values()),
            links=summary.links,
            items=summary.items,
        )
        finish_run(self._database, self._log.run_id, outcome_of(reason), reason, counts)


def outcome_of(reason: str) -> Outcome:
    """The run's outcome for the reason that the spider was closed with."""
    if reason in ("finished", "max_pages") or reason.startswith("closespider_"):
        return "finished"
    return "cancelled" if reason in ("shutdown", "cancelled") else "failed"
