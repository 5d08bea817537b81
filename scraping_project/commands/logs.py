"""``scrapy logs``: the log of a run, from the node that has it."""

import re
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
from scraping_project.storage.runs import KnownRun

#: Seconds between two looks for more: over HTTP no event tells that a file has grown.
LOOK = 1.0
#: Characters by which a page could steer the reader's terminal through a log, in ASCII and in UTF-8.
_CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "[options] <run id>"

    def short_desc(self) -> str:
        return "Show the log of a run"

    def long_desc(self) -> str:
        return (
            "Show the log of a run that a Scrapyd node has or had; with -f go on until the run ends. Runs"
            " that were typed as scrapy crawl log to where they were started."
        )

    def add_options(self, parser: ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument("-f", "--follow", action="store_true", help="wait for more until the run ends")
        add_nodes_option(parser)

    @in_one_line
    def process_options(self, args: list[str], opts: Namespace) -> None:
        super().process_options(args, opts)
        if len(args) != 1:
            refuse(f"logs takes the id of one run, got {' '.join(args) or 'none'}: scrapy runs lists them")
        if sys.stdout is None:
            refuse("standard output is closed: logs has nowhere to show a log")

    def run(self, args: list[str], opts: Namespace) -> None:
        nodes, database = nodes_of(settings_of(self), opts), database_of(settings_of(self))
        try:
            run = known_run(database, args[0])
            if run.project is None:
                refuse(f"run {run.id} was typed on {run.host}, not started by a node: its log is there")
            _show(database, nodes, run, follow=opts.follow)
        except (StorageError, NodeError) as error:
            refuse(str(error))
        except BrokenPipeError:  # the reader, such as head, has seen enough
            sys.stderr.close()
        except KeyboardInterrupt:
            self.exitcode = INTERRUPTED
        finally:
            database.dispose()


def _show(database: Engine, nodes: Nodes, run: KnownRun, *, follow: bool) -> None:
    shown = 0
    while True:
        # Asked before the log is read, so that its last lines are read, too.
        now = known_run(database, run.id)
        going_on = follow and now.outcome in ("pending", "running")
        found, silent = nodes.with_run(run.id, node=run.node, host=now.host)
        if found is not None:
            shown = _print_from(found[0], run, shown)
        elif not going_on:
            raise NodeError("; ".join(map(str, silent)) or f"no node knows run {run.id} (any more)")
        if not going_on:
            return
        time.sleep(LOOK)


def _print_from(node: Node, run: KnownRun, start: int) -> int:
    for chunk, after in node.log(run.id, project=run.project or "", spider=run.spider, start=start):
        sys.stdout.buffer.write(harmless(chunk) if sys.stdout.isatty() else chunk)
        start = after
    sys.stdout.buffer.flush()
    return start


def harmless(text: bytes) -> bytes:
    """The text with ? for control characters other than tabs and ends of lines."""
    return _CONTROL.sub(b"?", text)
