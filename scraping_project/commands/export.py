"""``scrapy export``: stream what is stored as CSV or JSON lines."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scrapy.commands import ScrapyCommand

from scraping_project.commands.backends import database_of, settings_of
from scraping_project.commands.exits import in_one_line, one_line_errors, refuse
from scraping_project.storage.errors import StorageError
from scraping_project.storage.exports import COLUMNS, ExportTable, stream
from scraping_project.storage.formats import write_csv, write_jsonl

TABLES = tuple(COLUMNS)


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return f"[options] <{'|'.join(TABLES)}>"

    def short_desc(self) -> str:
        return "Stream sites, logs or links as CSV or JSON lines"

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
        parser.add_argument("-o", "--output", metavar="FILE", help="write to FILE instead of standard output")
        parser.add_argument(
            "--raw", action="store_true", help="leave cells that a spreadsheet would run as they are"
        )

    @in_one_line
    def process_options(self, args: list[str], opts: Namespace) -> None:
        super().process_options(args, opts)
        if len(args) != 1 or args[0] not in TABLES:
            refuse(f"export takes one of {', '.join(TABLES)}, got {' '.join(args) or 'nothing'}")
        opts.table = args[0]
        opts.since = _time(opts.since) if opts.since else None

    def run(self, args: list[str], opts: Namespace) -> None:  # noqa: ARG002  Scrapy's interface
        table: ExportTable = opts.table
        database = database_of(settings_of(self))
        rows = _counted(stream(database, table, domain=opts.domain, since=opts.since))
        try:
            count = _write(rows, table, opts)
        except StorageError as error:
            refuse(str(error))
        except BrokenPipeError:  # the reader, such as head, has seen enough
            sys.stderr.close()
            return
        except OSError as error:  # such as a full disk
            refuse(f"{opts.output or 'standard output'} can't be written: {error.strerror}")
        finally:
            database.dispose()
        print(f"{count} {table} exported", file=sys.stderr)


class _counted:  # noqa: N801  reads as the function it stands for
    """Passes rows on and shows on a terminal how many."""

    def __init__(self, rows: Iterator[Mapping[str, Any]]) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        terminal = sys.stderr.isatty()
        for row in self._rows:
            self.count += 1
            if terminal and self.count % 10_000 == 0:
                print(f"\r{self.count} rows", end="", file=sys.stderr, flush=True)
            yield row
        if terminal and self.count >= 10_000:  # noqa: PLR2004  a line was shown
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _write(rows: _counted, table: ExportTable, opts: Namespace) -> int:
    is_jsonl = opts.format == "jsonl" or (not opts.format and str(opts.output).endswith((".jsonl", ".jl")))
    if opts.output:
        try:
            file = Path(opts.output).open("w", encoding="utf-8", newline="")  # noqa: SIM115  closed below
        except OSError as error:
            refuse(f"{opts.output} can't be written: {error.strerror}")
    else:
        file = open(sys.stdout.fileno(), "w", encoding="utf-8", newline="", closefd=False)  # noqa: SIM115
    with file:
        if is_jsonl:
            write_jsonl(rows, file)
        else:
            write_csv(rows, file, COLUMNS[table], raw=opts.raw)
    return rows.count


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        refuse(f"--since takes a time such as 2030-12-31 or 2030-12-31T18:00Z, not {text!r}")
    return time if time.tzinfo else time.replace(tzinfo=UTC)
