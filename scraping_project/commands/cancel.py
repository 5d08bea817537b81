"""``scrapy cancel``: end runs wherever they are, cleanly if they can."""

import sys
import time
from argparse import ArgumentParser, Namespace

from scrapy.commands import ScrapyCommand
from sqlalchemy import Engine

from scraping_project.cli.backends import database_of, settings_of
from scraping_project.cli.exits import INTERRUPTED, in_one_line, one_line_errors, refuse
from scraping_project.cli.node_options import add_nodes_option, known_run, nodes_of
from scraping_project.nodes.client import Node, NodeError, Nodes
from scraping_project.storage.errors import StorageError
from scraping_project.storage.runs import KnownRun, ask_to_end, withdraw_run

#: Seconds between two looks at a run's row: no event tells that it has ended.
LOOK = 0.5
#: Seconds until the end of a killed run must be on record.
LAST_WAIT = 10.0
MOST_SECONDS = 3600


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "[options] <run id> …"

    def short_desc(self) -> str:
        return "End runs, wherever they are"

    def long_desc(self) -> str:
        return (
            "A run that waits will not start. One that runs ends what it has in flight, gives back what"
            " it has leased, so that others go on with it, and is killed when that takes more than"
            " --timeout seconds. Its node is asked; where that does not answer, the run hears of it by"
            " itself within some seconds. Exit code: 0 ended, 1 some run has not ended."
        )

    def add_options(self, parser: ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument(
            "--timeout", type=_seconds, default=60.0, metavar="SECONDS", help="then kill it (default: 60)"
        )
        add_nodes_option(parser)

    @in_one_line
    def process_options(self, args: list[str], opts: Namespace) -> None:
        super().process_options(args, opts)
        if not args:
            refuse("cancel takes the ids of runs: scrapy runs lists them")

    def run(self, args: list[str], opts: Namespace) -> None:
        nodes, database = nodes_of(settings_of(self), opts), database_of(settings_of(self))
        try:
            runs = [known_run(database, run_id) for run_id in args]
            held_by = {run.id: _ask(database, nodes, run) for run in runs}
            ended = [_wait(database, run, held_by[run.id], opts.timeout) for run in runs]
            self.exitcode = 0 if all(ended) else 1
        except StorageError as error:
            refuse(str(error))
        except KeyboardInterrupt:
            print("they were asked to end and may still do so: scrapy runs shows it", file=sys.stderr)
            self.exitcode = INTERRUPTED
        finally:
            database.dispose()


def _ask(database: Engine, nodes: Nodes, run: KnownRun) -> Node | None:
    """Ask a run to end, in its row and on its node; returns the node where it waits or runs."""
    withdraw_run(database, run.id, "cancelled", "before it started")
    ask_to_end(database, run.id)
    found, silent = nodes.with_run(run.id, node=run.node, host=run.host)
    for error in silent:
        print(f"warning: {error}", file=sys.stderr)
    if found is None or found[1] == "finished":
        return None
    _cancel(found[0], run, hard=False)
    return found[0]


def _wait(database: Engine, run: KnownRun, node: Node | None, patience: float) -> bool:
    """Wait for a run to end, and kill it if it does not; returns whether it has ended."""
    # A process that hangs reads as lost, but its node still sees it.
    going_on = ("running", "lost") if node else ("running",)
    if not _ends_within(database, run.id, patience, going_on):
        what = (
            f"it is killed on {node.url}" if node else f"no node has it: kill process {run.pid} on {run.host}"
        )
        print(f"run {run.id} did not end in {patience:g} s: {what}", file=sys.stderr)
        if node is not None:
            _cancel(node, run, hard=True)
            _ends_within(database, run.id, LAST_WAIT, going_on)
    now = known_run(database, run.id)
    had = "had ended already: " if run.outcome not in ("pending", "running", "lost") else ""
    print(f"run {run.id} {had}{now.outcome}")
    return now.outcome not in going_on


def _cancel(node: Node, run: KnownRun, *, hard: bool) -> None:
    if run.project is not None:
        try:
            node.cancel(run.id, project=run.project, hard=hard)
        except NodeError as error:
            print(f"warning: {error}", file=sys.stderr)


def _ends_within(database: Engine, run_id: str, seconds: float, going_on: tuple[str, ...]) -> bool:
    deadline = time.monotonic() + seconds
    while known_run(database, run_id).outcome in going_on:
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK)
    return True


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= MOST_SECONDS:
        refuse(f"--timeout is a number of seconds from 0 to {MOST_SECONDS}, not {text!r}")
    return seconds
