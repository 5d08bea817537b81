"""``scrapy periodic``: fire schedules, beside any number of others that do the same."""

import os
import signal
import socket
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event
from uuid import uuid4

import redis
from scrapy.commands import ScrapyCommand
from scrapy.settings import Settings

from scraping_project import embedded
from scraping_project.cli.backends import database_of, settings_of
from scraping_project.cli.exits import in_one_line, one_line_errors, refuse
from scraping_project.frontier.connection import connect as connect_redis
from scraping_project.frontier.errors import FrontierUnavailable
from scraping_project.schedules.keeper import Keeper
from scraping_project.schedules.starting import Starter
from scraping_project.storage.scheduling.process import Process


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "[options]"

    def short_desc(self) -> str:
        return "Fire the schedules of scrapy schedule"

    def long_desc(self) -> str:
        return (
            "Fire schedules until Ctrl-C or SIGTERM. Run any number of these, on any hosts: each time fires"
            " once, and when one is killed the others go on. Runs are started on the nodes of SCRAPYD_URLS;"
            " where there is none, on this machine, and they outlive this process."
        )

    def add_options(self, parser: ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument("--once", action="store_true", help="do what is due now, and end: for cron")

    @in_one_line
    def process_options(self, args: list[str], opts: Namespace) -> None:
        super().process_options(args, opts)
        if args:
            refuse(f"periodic takes no arguments, got {' '.join(args)}")

    def run(self, args: list[str], opts: Namespace) -> None:  # noqa: ARG002  Scrapy's interface
        settings = settings_of(self)
        ending = Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ending.set())
        database = database_of(settings)
        process = Process(database, f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}")
        keeper = Keeper(process, Starter(process, settings, _redis_of(settings)), ending, _say)
        try:
            if opts.once:
                keeper.look()
            else:
                _say(f"firing schedules as {process.name} (Ctrl-C ends it)")
                keeper.run()
        finally:
            database.dispose()


def _redis_of(settings: Settings) -> Callable[[Callable[[redis.Redis], object]], object]:
    """Connects for one use: most schedules start runs, which need no Redis here."""

    def use(work: Callable[[redis.Redis], object]) -> object:
        try:
            found = embedded.resolve(settings["REDIS_URL"], Path(settings["DATA_DIR"]))
        except embedded.RedisUnavailable as error:
            raise FrontierUnavailable(str(error)) from error
        with closing(connect_redis(found.url, found.credentials)) as server:
            return work(server)

    return use


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
