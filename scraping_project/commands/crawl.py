"""``scrapy crawl``: Scrapy's own, with the shared frontier, checked arguments, a summary and true exits."""

import logging
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast
from uuid import uuid4

from scrapy import signals
from scrapy.commands.crawl import Command as ScrapyCrawl
from scrapy.settings import BaseSettings

from scraping_project import advice
from scraping_project.cli import worker_processes
from scraping_project.cli.arguments import check_arguments
from scraping_project.cli.backends import prepare, settings_of
from scraping_project.cli.exits import (
    BAD_INPUT,
    FINISHED,
    INTERRUPTED,
    NOTHING_ANSWERED,
    in_one_line,
    one_line_errors,
    refuse,
)
from scraping_project.cli.settings_checks import check_settings
from scraping_project.cli.spiders import spider_class
from scraping_project.cli.worker_processes import Report
from scraping_project.storage.engine import parse
from scraping_project.storage.errors import StorageError
from scraping_project.worker import run_record
from scraping_project.worker.summary import Summary

if TYPE_CHECKING:
    import asyncio

logger = logging.getLogger(__name__)

MAX_WORKERS = 64


class Command(ScrapyCrawl):
    def short_desc(self) -> str:
        return "Run a spider over the shared frontier"

    def long_desc(self) -> str:
        return (
            "Run a spider over the frontier it shares with all its workers. With -a start_urls=URL[,URL] it"
            " crawls these and ends when the crawl is finished; otherwise it waits for seeds pushed to"
            " <spider>:start_urls in Redis. The links spider also takes allowed_domains, max_depth, max_pages"
            " and frontier. Exit code: 0 finished, 1 no seed was answered, 2 bad input, 130 interrupted."
        )

    def add_options(self, parser: ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument("--workers", type=_workers, default=1, metavar="N", help="crawl with N processes")
        parser.epilog = "example: scrapy crawl links -a start_urls=https://example.com/ -a max_pages=100"

    @in_one_line
    def process_options(self, args: list[str], opts: Namespace) -> None:
        super().process_options(args, opts)
        if settings_of(self)["LOG_FILE"] and settings_of(self).getpriority("LOG_LEVEL") == 20:  # noqa: PLR2004  "project"
            settings_of(self).set("LOG_LEVEL", "INFO", "project")
        if len(args) != 1:
            refuse(f"crawl takes the name of one spider, got {' '.join(args) or 'none'}: see scrapy list")
        check_settings(settings_of(self))

    def run(self, args: list[str], opts: Namespace) -> None:
        arguments = check_arguments(spider_class(settings_of(self), args[0]), opts.spargs)
        prepare(settings_of(self))
        began = time.monotonic()
        if opts.workers > 1:
            report = worker_processes.run(opts.workers)
        else:
            if settings_of(self)["REPORT_FILE"]:
                worker_processes.end_with_the_command()
            report = self._crawl(args[0], arguments, opts.spargs) or NOTHING_ANSWERED
        if isinstance(report, int):
            self.exitcode = report  # the log says why none could start
            return
        self.exitcode = report.code
        if path := settings_of(self)["REPORT_FILE"]:
            worker_processes.write(report, path)
        else:
            _print(report, time.monotonic() - began, settings_of(self))

    def _crawl(self, name: str, arguments: dict[str, Any], as_given: dict[str, str]) -> Report | None:
        settings_of(self).set("RUN_ARGUMENTS", as_given, "cmdline")
        process = self.crawler_process
        if process is None:
            raise RuntimeError("Scrapy makes the process before it runs the command")
        crawler = self._create_crawler(name)
        closed: list[str] = []
        crawler.signals.connect(_into(closed), signals.spider_closed, weak=False)
        started = cast("asyncio.Task[None]", process.crawl(crawler, **arguments))  # under asyncio it is one
        process.start()
        if started.done() and not started.cancelled() and (error := started.exception()):
            _cannot_start(crawler.settings, name, arguments.get("_job"), error)
        stats = crawler.stats.get_stats()
        if not started.done():  # by force: Scrapy could not close the spider
            closed.append(stats.get("frontier/cut_short", "shutdown"))
        if refused := stats.get("frontier/refused"):
            refuse(refused)
        return _report(closed[0], stats) if closed else None


def _cannot_start(settings: BaseSettings, name: str, job: str | None, error: BaseException) -> NoReturn:
    why = advice.of_fault(error, settings, name)
    try:
        run_record.never_opened(settings, name, job or uuid4().hex, why)
    except StorageError as failure:  # the run was open, and its row has its end; or the database is away
        logger.info("That is not written: %s", failure)
    refuse(why)


def _into(closed: list[str]) -> Callable[[str], None]:
    """A signal handler; Scrapy passes it the arguments that its signature names."""

    def spider_closed(reason: str) -> None:
        closed.append(reason)

    return spider_closed


def _report(reason: str, stats: dict[str, Any]) -> Report:
    return Report(
        word=_word(reason),
        queued=stats.get("frontier/queued", 0),
        code=_code(reason, stats),
        summary=Summary.of_stats(stats),
        left_at=stats.get("frontier/left_at", 0.0),
        spent=reason == "max_pages",
    )


def _word(reason: str) -> str:
    if reason in ("finished", "max_pages"):
        return "finished"
    return "interrupted" if reason == "shutdown" else f"ended early ({reason})"


def _code(reason: str, stats: dict[str, Any]) -> int:
    if reason in run_record.CANCELLED:
        return INTERRUPTED
    if reason in ("fault", run_record.START_ERROR):
        return NOTHING_ANSWERED
    if reason == "storage" or stats.get("checkpoint/lost_rows") or stats.get("frontier/lost"):
        return BAD_INPUT
    answered = stats.get("frontier/answered") or stats.get("attempts/given_back")
    return FINISHED if answered else NOTHING_ANSWERED


def _print(report: Report, seconds: float, settings: BaseSettings) -> None:
    print(f"{report.word}: {report.summary.text(seconds)}")
    if report.queued:
        how = "a greater max_pages" if report.spent else "the same command"
        print(f"queued: {report.queued}, {how} goes on with them")
    print(f"stored: {_database(settings['DATABASE_URL'])}")
    print(f"export: {_scrapy()} export sites -o sites.csv")
    if settings["TYPED_AS"] == "make":
        print(f"look: {_scrapy()} dashboard", file=sys.stderr)


def _database(database_url: str) -> str:
    """The database as people know it: a file's path, or a URL without its password."""
    url = parse(database_url)
    if url.get_backend_name() == "sqlite" and url.database:
        path = Path(url.database)
        return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
    return url.render_as_string(hide_password=True)


def _scrapy() -> str:
    """The scrapy command of this environment, for copying."""
    name = Path(sys.executable).with_name("scrapy")
    if not name.exists():
        return "python -m scrapy"
    return str(name.relative_to(Path.cwd())) if name.is_relative_to(Path.cwd()) else str(name)


def _workers(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_WORKERS:
        refuse(f"--workers is a whole number from 1 to {MAX_WORKERS}, not {text!r}")
    return int(text)
