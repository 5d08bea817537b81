"""``scrapy prune``: delete rows older than so many days."""

import signal
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from scrapy.commands import ScrapyCommand
from sqlalchemy import Engine

from scraping_project.cli.ages import moment_before
from scraping_project.cli.backends import database_of, settings_of
from scraping_project.cli.exits import INTERRUPTED, in_one_line, one_line_errors, refuse
from scraping_project.storage.errors import StorageError
from scraping_project.storage.upkeep import prune

#: Seconds between two lines of progress: on a terminal, where one is rewritten, and elsewhere.
PACE, SLOW_PACE = 0.2, 10.0


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def short_desc(self) -> str:
        return "Delete logs and items that are old enough"

    def long_desc(self) -> str:
        return (
            "Delete rows of scrape_logs, with the roll-ups of their minutes, and rows of items that are older"
            " than an age such as 12h, 90d or 26w. The totals of a crawl, of a domain and of everything stay:"
            " they say what happened. Workers may write meanwhile; it may be interrupted and begun again."
        )

    def add_options(self, parser: ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        for kind in ("logs", "items"):
            name = f"--{kind}-older-than"
            text = f"delete {kind} that are older, such as 12h or 90d"
            parser.add_argument(name, type=_whole_minute, metavar="AGE", help=text)
        parser.add_argument("--dry-run", action="store_true", help="say how many, and delete nothing")

    @in_one_line
    def process_options(self, args: list[str], opts: Namespace) -> None:
        super().process_options(args, opts)
        if args:
            refuse(f"prune takes no arguments, got {' '.join(args)}")
        if opts.logs_older_than is None and opts.items_older_than is None:
            refuse("nothing to prune: say --logs-older-than 90d, or --items-older-than 90d")

    def run(self, args: list[str], opts: Namespace) -> None:  # noqa: ARG002  Scrapy's interface
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        database = database_of(settings_of(self))
        gone = _Gone()
        try:
            if opts.dry_run:
                _say_how_many(database, opts)
            else:
                _prune(database, opts, gone)
        except StorageError as error:
            gone.say()
            refuse(str(error))
        except KeyboardInterrupt:
            gone.say()
            print("interrupted: the same command goes on", file=sys.stderr)
            sys.exit(INTERRUPTED)
        finally:
            database.dispose()


class _Gone:
    """The number of rows deleted so far, and the lines that tell it."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._shown = time.monotonic()
        self._is_terminal = sys.stderr.isatty()

    def add(self, kind: str, batches: Iterator[int], expected: int | None = None) -> None:
        self._counts[kind] = 0
        for count in batches:
            self._counts[kind] += count
            self._show(kind, expected)

    def say(self) -> None:
        """Print the summary on standard output."""
        if self._is_terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        for kind, count in self._counts.items():
            print(f"{count} {kind} deleted")

    def _show(self, kind: str, expected: int | None) -> None:
        if time.monotonic() < self._shown + (PACE if self._is_terminal else SLOW_PACE):
            return
        self._shown = time.monotonic()
        begin, end = ("\r\x1b[K", "") if self._is_terminal else ("", "\n")
        of = f" of about {expected}" if expected else ""
        print(f"{begin}{self._counts[kind]}{of} {kind} deleted", end=end, file=sys.stderr, flush=True)


def _prune(database: Engine, opts: Namespace, gone: _Gone) -> None:
    if before := opts.logs_older_than:
        gone.add("logs", prune.prune_logs(database, before), prune.count_logs(database, before))
        gone.add("rows of roll-ups", prune.prune_minutes(database, before))
    if before := opts.items_older_than:
        gone.add("items", prune.prune_items(database, before))
    gone.say()


def _say_how_many(database: Engine, opts: Namespace) -> None:
    for kind, count in (("logs", prune.count_logs), ("items", prune.count_items)):
        if before := vars(opts)[f"{kind}_older_than"]:
            print(
                f"{count(database, before)} {kind} from before {before:%Y-%m-%d %H:%M} UTC would be deleted"
            )


def _whole_minute(age: str) -> datetime:
    """The whole minute so long ago: a minute's logs and its roll-ups go together."""
    before = moment_before(age)
    if before > datetime.now(UTC) - timedelta(minutes=1):
        raise ArgumentTypeError(f"an age is a minute at least, such as 12h or 90d, not {age!r}")
    return before.replace(second=0, microsecond=0)
