"""Tells the other workers whether this one is busy, and ends its run when the crawl is finished."""

import asyncio
from typing import TYPE_CHECKING, Self

from scrapy import signals
from scrapy.exceptions import DontCloseSpider

from scraping_project import engine
from scraping_project.extensions.attempts import AttemptLog
from scraping_project.scheduler import Scheduler

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

#: Seconds between two looks at the shared crawl.
INTERVAL = 0.5


class Finish:
    """An idle worker stays while others may still push; a worker that waits for seeds stays for good."""

    def __init__(self, crawler: "Crawler") -> None:
        self._crawler = crawler
        self._idle = False
        self._loop: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        finish = cls(crawler)
        crawler.signals.connect(finish.spider_opened, signal=signals.spider_opened)
        crawler.signals.connect(finish.spider_idle, signal=signals.spider_idle)
        crawler.signals.connect(finish.spider_closed, signal=signals.spider_closed)
        return finish

    def spider_opened(self) -> None:
        if isinstance(self._crawler.engine.scheduler, Scheduler):
            self._loop = asyncio.create_task(self._watch(self._crawler.engine.scheduler))

    def spider_closed(self) -> None:
        if self._loop:
            self._loop.cancel()

    def spider_idle(self) -> None:
        scheduler = self._crawler.engine.scheduler
        if not isinstance(scheduler, Scheduler):
            return
        self._idle = True
        if not self._finished(scheduler):
            raise DontCloseSpider

    async def _watch(self, scheduler: Scheduler) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            if reason := self._look(scheduler):
                # A task of its own: spider_closed cancels this one, which must not end the closing too.
                self._closing = asyncio.create_task(self._crawler.engine.close_spider_async(reason=reason))
                return

    def _look(self, scheduler: Scheduler) -> str | None:
        """The reason to end the run, if there is one."""
        if scheduler.budget_spent:
            return "max_pages"
        if self._idle and not scheduler.waits_for_seeds and self._finished(scheduler):
            return "finished"
        if not self._idle:
            scheduler.alive(busy=not scheduler.waits_for_seeds or self._working())
        if scheduler.has_pending_requests():
            self._idle = False
            engine.wake(self._crawler)
        return None

    def _finished(self, scheduler: Scheduler) -> bool:
        if self._working():
            self._idle = False
            return False
        scheduler.alive(busy=False)
        return scheduler.finished()

    def _working(self) -> bool:
        log = self._crawler.get_extension(AttemptLog)
        if log is None:
            return False
        log.settle()
        return len(log.attempts) > 0
