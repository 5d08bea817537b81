"""The row of this run in the table runs."""

import logging
import os
import socket
from collections.abc import Iterable, Mapping
from threading import Thread
from typing import TYPE_CHECKING, Any

from scrapy import Spider
from scrapy.settings import SETTINGS_PRIORITIES, BaseSettings
from sqlalchemy import Engine

from scraping_project.attempts import utc_now
from scraping_project.extensions.attempts import AttemptLog
from scraping_project.frontier.tokens import process_of
from scraping_project.run_requests import ALLOWED_SETTINGS, without_secrets
from scraping_project.storage.errors import StorageError
from scraping_project.storage.runs import Outcome, Run, RunCounts, finish_run, lose_runs, start_run
from scraping_project.summary import Summary

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

#: Seconds that the end of a run by force may wait for its row.
A_MOMENT = 1.0
_FINISHED = ("finished", "max_pages")
CANCELLED = ("shutdown", "cancelled", "cleared")
#: The stat that holds what made a run fail.
ERROR = "run/error"


class Record:
    """The row of this run, from its start to its end. Its methods block: for a thread."""

    def __init__(self, crawler: "Crawler", database: Engine, log: AttemptLog) -> None:
        self._crawler = crawler
        self._database = database
        self._log = log
        self._ended = False

    def start(self, spider: Spider) -> None:
        """Write the run as running.

        Raises:
            RunTaken: This run was started before; it must not crawl.
            StorageError: The database does not take it.
        """
        settings = self._crawler.settings
        given = settings.getdict("RUN_ARGUMENTS")
        run = Run(
            id=self._log.run_id,
            crawl_id=self._log.crawl_id,
            spider=spider.name,
            arguments={
                name: without_secrets(name, str(value))
                for name, value in given.items()
                if not name.startswith("_")
            },
            settings=_asked_for(settings),
            host=socket.gethostname(),
            pid=os.getpid(),
            egg_version=settings["EGG_VERSION"],
            started_at=utc_now(),
        )
        start_run(self._database, run)

    def finish(self, reason: str) -> None:
        """Write how the run ended."""
        self._ended = True
        stats = self._crawler.stats.get_stats()
        error = stats.get(ERROR)
        outcome = "failed" if error and outcome_of(reason) == "finished" else outcome_of(reason)
        try:
            finish_run(self._database, self._log.run_id, outcome, reason, counts_of(stats), error=error)
        except StorageError as failure:
            logger.warning("The run stays marked as running: %s", failure)

    def finish_by_force(self) -> None:
        """Write that the run was shut down, unless its end is written, and wait for that a moment at most."""
        if self._ended:
            return
        writing = Thread(target=self.finish, args=("shutdown",), daemon=True)
        writing.start()
        writing.join(A_MOMENT)


def lose(database: Engine, tokens: Iterable[str]) -> None:
    """Write the runs of workers that were reaped as lost. Blocks; for a thread."""
    if workers := [process_of(token) for token in tokens]:
        lose_runs(database, workers, "its worker was silent for too long")


def counts_of(stats: Mapping[str, Any]) -> RunCounts:
    summary = Summary.of_stats(stats)
    return RunCounts(
        pages=summary.pages,
        failed=sum(summary.failed.values()),
        filtered=sum(summary.filtered.values()),
        links=summary.links,
        items=summary.items,
    )


def outcome_of(reason: str) -> Outcome:
    """The run's outcome for the reason that the spider was closed with."""
    if reason in _FINISHED or reason.startswith("closespider_"):
        return "finished"
    return "cancelled" if reason in CANCELLED else "failed"


def _asked_for(settings: BaseSettings) -> dict[str, str]:
    """The settings that this run was given, of those that may be shown to everybody."""
    given = SETTINGS_PRIORITIES["cmdline"]
    return {name: str(settings[name]) for name in ALLOWED_SETTINGS if settings.getpriority(name) == given}
