"""The row of this run in the table runs."""

import logging
import os
import socket
from collections.abc import Iterable, Mapping
from threading import Thread
from typing import TYPE_CHECKING, Any

from scrapy.settings import SETTINGS_PRIORITIES, BaseSettings
from sqlalchemy import Engine

from scraping_project.attempts.log import AttemptLog
from scraping_project.attempts.registry import utc_now
from scraping_project.frontier.worker_tokens import process_of
from scraping_project.nodes.request_rules import ALLOWED_SETTINGS, without_secrets
from scraping_project.storage.engine import connect
from scraping_project.storage.errors import StorageError
from scraping_project.storage.runs import (
    Outcome,
    Run,
    RunCounts,
    RunTaken,
    finish_run,
    lose_runs,
    start_run,
)
from scraping_project.worker.patience import patiently
from scraping_project.worker.summary import Summary

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

#: Seconds that the end of a run by force may wait for its row.
A_MOMENT = 1.0
_FINISHED = ("finished", "max_pages")
CANCELLED = ("shutdown", "cancelled", "cleared")
#: The reason of a run that could not begin, and of one that lost its place to a crawl with other rules.
REFUSED = "refused"
#: That of a run whose spider raised while it named its start requests.
START_ERROR = "start_error"
#: The stat that holds what made a run fail.
ERROR = "run/error"


class RunRecord:
    """The row of this run, from its start to its end. Its methods block: for a thread."""

    def __init__(self, crawler: "Crawler", database: Engine, log: AttemptLog) -> None:
        self._crawler = crawler
        self._database = database
        self._log = log
        self._run: Run | None = None  # once it was tried to write it
        self._started = self._ended = False

    def start(self) -> None:
        """Write the run as running.

        Raises:
            RunTaken: This run was started before; it must not crawl.
            StorageError: The database does not take it.
        """
        self._run = self._run or described(
            self._crawler.settings, self._spider_name, self._log.run_id, self._log.crawl_id
        )
        patiently(start_run, self._database, self._run)
        self._started = True

    def finish(self, reason: str) -> None:
        """Write how the run ended, be it before it had begun."""
        self._ended = True
        try:
            if not self._started:
                self._begin_late()
            patiently(self._finish, reason)
        except RunTaken:
            return  # the row is another's
        except StorageError as failure:
            level = logging.WARNING if self._started else logging.INFO  # it has a row that says it runs
            logger.log(level, "The end of this run is not written: %s", failure)

    def finish_by_force(self) -> None:
        """Write that the run was shut down, unless its end is written, and wait for that a moment at most."""
        if self._ended:
            return
        writing = Thread(target=self.finish, args=("shutdown",), daemon=True)
        writing.start()
        writing.join(A_MOMENT)

    @property
    def _spider_name(self) -> str:
        return self._crawler.spider.name if self._crawler.spider else self._crawler.spidercls.name

    def _begin_late(self) -> None:
        """Write the run that could not begin; once, where that was what failed."""
        if self._run is None:
            self.start()
        else:
            start_run(self._database, self._run)

    def _finish(self, reason: str) -> None:
        stats = self._crawler.stats.get_stats()
        error = stats.get(ERROR)
        outcome = "failed" if error and outcome_of(reason) == "finished" else outcome_of(reason)
        finish_run(self._database, self._log.run_id, outcome, reason, counts_of(stats), error=error)


def described(settings: BaseSettings, spider: str, run_id: str, crawl_id: str = "") -> Run:
    """The run of this process, which starts now."""
    return Run(
        id=run_id,
        crawl_id=crawl_id,
        spider=spider,
        arguments={
            name: without_secrets(name, str(value))
            for name, value in settings.getdict("RUN_ARGUMENTS").items()
            if not name.startswith("_")
        },
        settings=_asked_for(settings),
        host=socket.gethostname(),
        pid=os.getpid(),
        egg_version=settings["EGG_VERSION"],
        started_at=utc_now(),
    )


def never_opened(settings: BaseSettings, spider: str, run_id: str, error: str) -> None:
    """Write a run that failed before it could begin. Blocks.

    Raises:
        StorageError: The database does not take it, or has the run already.
    """
    database = connect(settings["DATABASE_URL"])
    try:
        start_run(database, described(settings, spider, run_id))
        finish_run(database, run_id, "failed", REFUSED, RunCounts(), error=error)
    finally:
        database.dispose()


def lose(database: Engine, tokens: Iterable[str]) -> None:
    """Write the runs of workers that were reaped as lost. Blocks; for a thread."""
    if workers := list(filter(None, map(process_of, tokens))):
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
