"""The row of this run in the table runs."""

import os
import socket
from typing import TYPE_CHECKING

from scrapy import Spider
from sqlalchemy import Engine

from scraping_project.attempts import utc_now
from scraping_project.extensions.attempts import AttemptLog
from scraping_project.storage.runs import Outcome, Run, RunCounts, finish_run, start_run
from scraping_project.summary import Summary

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

_FINISHED = ("finished", "max_pages")
CANCELLED = ("shutdown", "cancelled", "cleared")


def start(crawler: "Crawler", database: Engine, log: AttemptLog, spider: Spider) -> None:
    """Write the run as running. Blocks; for a thread."""
    settings = crawler.settings
    given = settings.getdict("RUN_ARGUMENTS")
    run = Run(
        id=log.run_id,
        crawl_id=log.crawl_id,
        spider=spider.name,
        arguments={name: str(value) for name, value in given.items() if not name.startswith("_")},
        host=socket.gethostname(),
        pid=os.getpid(),
        egg_version=settings["EGG_VERSION"],
        started_at=utc_now(),
    )
    start_run(database, run)


def finish(crawler: "Crawler", database: Engine, log: AttemptLog, reason: str) -> None:
    """Write how the run ended. Blocks; for a thread."""
    summary = Summary.of_stats(crawler.stats.get_stats())
    counts = RunCounts(
        pages=summary.pages,
        failed=sum(summary.failed.values()),
        filtered=sum(summary.filtered.values()),
        links=summary.links,
        items=summary.items,
    )
    finish_run(database, log.run_id, outcome_of(reason), reason, counts)


def outcome_of(reason: str) -> Outcome:
    """The run's outcome for the reason that the spider was closed with."""
    if reason in _FINISHED or reason.startswith("closespider_"):
        return "finished"
    return "cancelled" if reason in CANCELLED else "failed"
