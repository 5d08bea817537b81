"""The row of this run in the table runs."""

import os
import socket
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from scrapy import Spider
from scrapy.settings import SETTINGS_PRIORITIES, BaseSettings
from sqlalchemy import Engine

from scraping_project.attempts import utc_now
from scraping_project.extensions.attempts import AttemptLog
from scraping_project.frontier.tokens import process_of
from scraping_project.run_requests import ALLOWED_SETTINGS, without_secrets
from scraping_project.storage.runs import Outcome, Run, RunCounts, finish_run, lose_runs, start_run
from scraping_project.summary import Summary

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

_FINISHED = ("finished", "max_pages")
CANCELLED = ("shutdown", "cancelled", "cleared")
#: The stat that holds what made a run fail.
ERROR = "run/error"


def start(crawler: "Crawler", database: Engine, log: AttemptLog, spider: Spider) -> None:
    """Write the run as running. Blocks; for a thread.

    Raises:
        RunTaken: This run was started before; it must not crawl.
    """
    settings = crawler.settings
    given = settings.getdict("RUN_ARGUMENTS")
    run = Run(
        id=log.run_id,
        crawl_id=log.crawl_id,
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
    start_run(database, run)


def finish(crawler: "Crawler", database: Engine, log: AttemptLog, reason: str) -> None:
    """Write how the run ended. Blocks; for a thread."""
    stats = crawler.stats.get_stats()
    error = stats.get(ERROR)
    outcome = "failed" if error and outcome_of(reason) == "finished" else outcome_of(reason)
    finish_run(database, log.run_id, outcome, reason, counts_of(stats), error=error)


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
