"""``scrapy runs``: every run, its place and its end."""

import json
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, get_args

from scrapy.commands import ScrapyCommand

from scraping_project.cli.backends import database_of, settings_of
from scraping_project.cli.exits import in_one_line, one_line_errors, refuse
from scraping_project.cli.node_options import add_nodes_option, nodes_of
from scraping_project.cli.spiders import spider_class
from scraping_project.cli.table import print_table
from scraping_project.commands.run import post_again
from scraping_project.nodes.client import NodeError
from scraping_project.storage.errors import StorageError
from scraping_project.storage.runs import KnownRun, Outcome, read_runs

OUTCOMES = get_args(Outcome)
HEADINGS = ("id", "outcome", "spider", "pages", "failed", "started (UTC)", "took", "where", "why")


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "[options] [run id …]"

    def short_desc(self) -> str:
        return "List runs, where they are and how they ended"

    def long_desc(self) -> str:
        return (
            "List the newest runs, or those of the ids given. Outcomes: pending (asked for), running,"
            " finished, failed (an exception or an exit code says why), cancelled (somebody asked), killed"
            " (a signal, or out of memory), lost (its process has been silent for a minute, or others had"
            " to take its requests back). --repost posts again what waits on a node that is gone; it"
            " starts once."
        )

    def add_options(self, parser: ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument("--json", action="store_true", help="all that is known, one object a line")
        parser.add_argument("--outcome", choices=OUTCOMES, help="only these")
        parser.add_argument("--spider", type=_name, metavar="NAME", help="only runs of this spider")
        parser.add_argument("--limit", type=_limit, default=20, metavar="N", help="at most N (default: 20)")
        parser.add_argument("--repost", action="store_true", help="first post again what lost its node")
        add_nodes_option(parser)

    @in_one_line
    def process_options(self, args: list[str], opts: Namespace) -> None:
        super().process_options(args, opts)

    def run(self, args: list[str], opts: Namespace) -> None:
        database = database_of(settings_of(self))
        try:
            if opts.repost:
                post_again(database, nodes_of(settings_of(self), opts))
            runs = read_runs(
                database,
                ids=args,
                outcomes=[opts.outcome] if opts.outcome else (),
                spider=opts.spider,
                limit=max(opts.limit, len(args)),
            )
        except (NodeError, StorageError) as error:
            refuse(str(error))
        finally:
            database.dispose()
        if opts.spider and not runs:
            spider_class(settings_of(self), opts.spider)  # it refuses a name that is no spider's
        if missing := [run_id for run_id in args if run_id not in {run.id for run in runs}]:
            refuse(f"there is no such run: {', '.join(missing)[:200]}")
        try:
            _show(runs, as_json=opts.json)
            sys.stdout.flush()
        except BrokenPipeError:  # the reader, such as head, has seen enough
            sys.stderr.close()


def _show(runs: list[KnownRun], *, as_json: bool) -> None:
    if as_json:
        for run in runs:
            print(json.dumps({name: _plain(value) for name, value in asdict(run).items()}))
        return
    print_table(HEADINGS, map(_row, runs))
    if not runs:
        print("no run yet: scrapy run --help", file=sys.stderr)


def _row(run: KnownRun) -> tuple[str, ...]:
    return (
        run.id,
        run.outcome,
        run.spider,
        str(run.pages),
        str(run.failed),
        run.started_at.isoformat(" ", "seconds"),
        _took(run),
        run.node or run.host,
        _why(run)[:120],
    )


def _took(run: KnownRun) -> str:
    if run.outcome == "pending":
        return ""
    end = run.finished_at or (run.heartbeat_at if run.outcome == "lost" else _now()) or _now()
    return f"{max((end - run.started_at).total_seconds(), 0):.0f} s"


def _why(run: KnownRun) -> str:
    return run.error or (run.reason if run.reason != run.outcome else None) or ""


def _plain(value: Any) -> Any:
    return value.replace(tzinfo=UTC).isoformat() if isinstance(value, datetime) else value


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _name(text: str) -> str:
    if not text.isprintable():  # a database could not be asked for such bytes either
        refuse(f"--spider: {text!r} is no spider's name: see scrapy list")
    return text


def _limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1_000_000:  # noqa: PLR2004  more than anybody keeps
        refuse(f"--limit is a whole number from 1 to 1000000, not {text!r}")
    return int(text)
