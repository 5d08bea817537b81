"""The progress of a run: one rewritten line on a terminal, else a line each ten seconds."""

import asyncio
import logging
import sys
import time
from typing import TYPE_CHECKING, Self

from scrapy import signals
from scrapy.exceptions import NotConfigured

from scraping_project.worker.summary import Summary

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)


class Progress:
    """Writes to standard error, or to the log when that goes to a file."""

    def __init__(self, crawler: "Crawler") -> None:
        self._crawler = crawler
        self._to_log = bool(crawler.settings["LOG_FILE"])
        self._terminal = sys.stderr.isatty() and not self._to_log
        self._began = time.monotonic()
        self._loop: asyncio.Task[None] | None = None

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        if not crawler.settings.getbool("PROGRESS_ENABLED", True):
            raise NotConfigured
        progress = cls(crawler)
        crawler.signals.connect(progress.spider_opened, signal=signals.spider_opened)
        crawler.signals.connect(progress.spider_closed, signal=signals.spider_closed)
        return progress

    def spider_opened(self) -> None:
        self._began = time.monotonic()
        self._loop = asyncio.create_task(self._run())

    def spider_closed(self) -> None:
        if self._loop:
            self._loop.cancel()
        if self._terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(0.5 if self._terminal else 10)
            self._show(Summary.of_stats(self._crawler.stats.get_stats()).text(time.monotonic() - self._began))

    def _show(self, text: str) -> None:
        if self._to_log:
            logger.info("%s", text)
        elif self._terminal:
            print(f"\r{text}\x1b[K", end="", file=sys.stderr, flush=True)
        else:
            print(text, file=sys.stderr, flush=True)
