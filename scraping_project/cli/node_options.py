"""Options that the commands about runs share: nodes and runs."""

from argparse import ArgumentParser, Namespace

from scrapy.settings import BaseSettings
from sqlalchemy import Engine

from scraping_project.cli.exits import refuse
from scraping_project.nodes.client import NodeError, Nodes
from scraping_project.storage.runs import KnownRun, read_runs


def add_nodes_option(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--nodes", metavar="URL[,URL]", help="the Scrapyd nodes, in place of those of SCRAPYD_URLS"
    )


def nodes_of(settings: BaseSettings, opts: Namespace) -> Nodes:
    """The nodes that were named; refuses bad ones in one line."""
    try:
        return Nodes.of(settings, opts.nodes)
    except NodeError as error:
        refuse(str(error))


def known_run(database: Engine, run_id: str) -> KnownRun:
    """The run of that id; refuses an unknown one in one line."""
    found = read_runs(database, ids=[run_id])
    if not found:
        refuse(f"there is no run {run_id[:100]!r}: scrapy runs lists them")
    return found[0]
