"""``scrapy export``: stream the stored rows as CSV or JSON lines."""

import gzip
import signal
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from scrapy.commands import ScrapyCommand

from scraping_project.cli.arguments import domain
from scraping_project.cli.atomic_file import complete_file
from scraping_project.cli.backends import database_of, settings_of
from scraping_project.cli.exits import INTERRUPTED, in_one_line, one_line_errors, refuse
from scraping_project.storage.errors import StorageError
from scraping_project.storage.exporting.exports import COLUMNS, JSON_COLUMNS, ExportTable, pages
from scraping_project.storage.exporting.formats import as_csv, as_json_lines
from scraping_project.storage.reading.packed_rows import Page

TABLES = tuple(COLUMNS)
#: Seconds between two lines of progress.
PACE = 0.2
#: Seconds after which one thread lets another go on. With the usual 0.005 the thread that asks the database
#: for the next page would wait until this page is written.
SWITCH_INTERVAL = 0.0005


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return f"[options] <{'|'.join(TABLES)}>"

    def short_desc(self) -> str:
        return "Stream sites, logs, links, failures or items as CSV or JSON lines"

    def long_desc(self) -> str:
        return (
            "Stream what is stored as CSV or JSON lines, in memory that does not grow with it. A FILE whose"
            " name ends in .jsonl or .jl holds JSON lines, one that ends in .gz is compressed. It is written"
            " beside the old one, which it replaces when it is complete."
        )

    def add_options(self, parser: ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument(
            "--format", choices=["csv", "jsonl"], help="default: by the name of FILE, else csv"
        )
        parser.add_argument("--domain", metavar="DOMAIN", help="only what belongs to this domain")
        parser.add_argument(
            "--since", metavar="ISO", help="only what was stored since, e.g. 2030-12-31T18:00 (UTC)"
        )
        parser.add_argument("--reason", metavar="REASON", help="only failures for this reason")
        parser.add_argument("--type", metavar="TYPE", help="only items of this type")
        parser.add_argument("--crawl", metavar="ID", help="only failures of this crawl")
        parser.add_argument(
            "-o", "--output", metavar="FILE", default="-", help="write to FILE, not to standard output"
        )
        parser.add_argument(
            "--raw", action="store_true", help="leave cells that a spreadsheet would run as they are"
        )

    @in_one_line
    def process_options(self, args: list[str], opts: Namespace) -> None:
        super().process_options(args, opts)
        if len(args) != 1 or args[0] not in TABLES:
            refuse(f"export takes one of {', '.join(TABLES)}, got {' '.join(args) or 'nothing'}")
        opts.table = args[0]
        if opts.table != "failures" and (opts.reason, opts.crawl) != (None, None):
            refuse(f"--reason and --crawl are for failures, not for {opts.table}: export failures")
        if opts.table != "items" and opts.type is not None:
            refuse(f"--type is for items, not for {opts.table}: export items")
        if opts.table == "items" and (opts.domain, opts.since) != (None, None):
            refuse("items have no index by domain or time: leave --domain and --since out, or take --type")
        opts.since = _time(opts.since) if opts.since is not None else None
        if opts.domain is not None:
            opts.domain = domain("--domain", opts.domain).strip("[]")
        if opts.output == "-" and sys.stdout is None:
            refuse("standard output is closed: write to a file with -o FILE")

    def run(self, args: list[str], opts: Namespace) -> None:  # noqa: ARG002  Scrapy's interface
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that half a file is taken away
        sys.setswitchinterval(SWITCH_INTERVAL)
        table: ExportTable = opts.table
        database = database_of(settings_of(self))
        filters = {"reason": opts.reason, "crawl_id": opts.crawl, "item_type": opts.type}
        coming = pages(database, table, domain=opts.domain, since=opts.since, **filters)
        counted = _Counted(coming)
        try:
            with closing(coming):
                _write(_formatted(counted, opts), opts.output)
        except StorageError as error:
            refuse(str(error))
        except BrokenPipeError:  # the reader, such as head, has seen enough
            sys.stderr.close()
            return
        except OSError as error:  # such as a full disk
            where = "standard output" if opts.output == "-" else opts.output
            refuse(f"{where} can't be written: {error.strerror}")
        except KeyboardInterrupt:
            print(f"interrupted after {counted.count} {table}", file=sys.stderr)
            sys.exit(INTERRUPTED)
        finally:
            database.dispose()
        print(f"{counted.count} {table} exported", file=sys.stderr)


class _Counted:
    """Passes pages on and shows the number of their rows on a terminal."""

    def __init__(self, pages_: Iterable[Page]) -> None:
        self._pages = pages_
        self.count = 0

    def __iter__(self) -> Iterator[Page]:
        shown = 0.0
        is_terminal = sys.stderr.isatty()
        for page in self._pages:
            self.count += len(page[0])
            if is_terminal and time.monotonic() >= shown + PACE:
                shown = time.monotonic()
                print(f"\r{self.count} rows", end="", file=sys.stderr, flush=True)
            yield page
        if shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _formatted(counted: Iterable[Page], opts: Namespace) -> Iterator[bytes]:
    columns = COLUMNS[opts.table]
    is_jsonl = opts.output.removesuffix(".gz").endswith((".jsonl", ".jl"))
    if opts.format == "jsonl" or (opts.format is None and is_jsonl):
        return as_json_lines(counted, columns, JSON_COLUMNS)
    return as_csv(counted, columns, raw=opts.raw)


def _write(chunks: Iterable[bytes], output: str) -> None:
    with _opened(output) as file:
        if not output.endswith(".gz"):
            file.writelines(chunks)
            return
        with closing(gzip.open(file, "wb")) as packed:
            packed.writelines(chunks)


def _opened(output: str) -> AbstractContextManager[IO[bytes]]:
    if output == "-":
        return open(sys.stdout.fileno(), "wb", closefd=False)
    return complete_file(Path(output))


def _time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # the latter when it is outside the calendar in UTC
        refuse(f"--since takes a time such as 2030-12-31 or 2030-12-31T18:00Z, not {text!r}")
