"""``scrapy run``: start runs of one crawl on the Scrapyd nodes that have room."""

import json
import sys
from argparse import ArgumentParser, Namespace
from uuid import uuid4

from scrapy.commands import ScrapyCommand
from scrapy.utils.conf import arglist_to_dict
from sqlalchemy import Engine

from scraping_project.cli.arguments import check_arguments
from scraping_project.cli.backends import database_of, settings_of
from scraping_project.cli.exits import INTERRUPTED, in_one_line, one_line_errors, refuse
from scraping_project.cli.node_options import add_nodes_option, nodes_of
from scraping_project.cli.spiders import spider_class
from scraping_project.nodes import dispatch
from scraping_project.nodes.client import NO_NODE, NodeError, Nodes
from scraping_project.nodes.request_rules import RunRequestError, check_name, check_settings
from scraping_project.nodes.request_rules import check_arguments as check_secrets
from scraping_project.storage.errors import StorageError
from scraping_project.storage.runs import AskedRun

MAX_WORKERS = 64


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "[options] <spider>"

    def short_desc(self) -> str:
        return "Start runs of a spider on Scrapyd nodes"

    def long_desc(self) -> str:
        return (
            "Start runs of a deployed spider on the Scrapyd nodes with the most free places, and print an"
            " id for each. All of them work on one crawl, and so do runs on nodes that share REDIS_URL and"
            " DATABASE_URL; -a frontier=NAME makes it another crawl. Follow them with scrapy runs and"
            " scrapy logs ID -f, end them with scrapy cancel ID. Runs that wait on a node that is gone are"
            " posted again elsewhere, unless --nodes is given, and start once. -s takes the settings that a"
            " node allows."
        )

    def add_options(self, parser: ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument(
            "-a", dest="spargs", action="append", default=[], metavar="NAME=VALUE", help="a spider argument"
        )
        parser.add_argument("--workers", type=_workers, default=1, metavar="N", help="start N runs")
        parser.add_argument("--project", metavar="NAME", help="its name on the nodes (default: BOT_NAME)")
        parser.add_argument("--json", action="store_true", help="one object a run, on a line each")
        add_nodes_option(parser)
        parser.epilog = "example: scrapy run links -a start_urls=https://example.com/ --workers 3"

    @in_one_line
    def process_options(self, args: list[str], opts: Namespace) -> None:
        super().process_options(args, opts)
        if len(args) != 1:
            refuse(f"run takes the name of one spider, got {' '.join(args) or 'none'}: see scrapy list")
        try:
            opts.spargs = arglist_to_dict(opts.spargs)
        except ValueError:
            refuse("-a takes NAME=VALUE: see --help")

    def run(self, args: list[str], opts: Namespace) -> None:
        settings = settings_of(self)
        asked = arglist_to_dict(opts.set)
        check_arguments(spider_class(settings, args[0]), opts.spargs)
        try:
            project = check_name("project", opts.project or settings["BOT_NAME"])
            check_secrets(opts.spargs)
            check_settings(asked)
        except RunRequestError as error:
            refuse(str(error))
        nodes = nodes_of(settings, opts)
        if not nodes:
            refuse(NO_NODE)
        database = database_of(settings)
        if opts.workers > 1:
            asked["STARTED_TOGETHER"] = uuid4().hex
        try:
            if opts.nodes is None:  # the runs that wait on other nodes are not lost
                post_again(database, nodes)
            places = dispatch.Places(nodes)
            for silent in places.silent:
                print(f"warning: {silent}", file=sys.stderr)
            for _ in range(opts.workers):
                run = AskedRun(
                    id=uuid4().hex,
                    project=project,
                    spider=args[0],
                    arguments=opts.spargs,
                    settings=asked,
                    node=None,
                )
                _start(database, places, run, as_json=opts.json)
        except (NodeError, StorageError) as error:
            refuse(str(error))
        except KeyboardInterrupt:
            self.exitcode = INTERRUPTED
        finally:
            database.dispose()


def post_again(database: Engine, nodes: Nodes) -> None:
    """Post runs again that wait on nodes that are gone, and print each."""
    for run_id, now in dispatch.post_again(database, nodes):
        if isinstance(now, NodeError):
            print(f"warning: run {run_id} waits and no node takes it: {now}", file=sys.stderr)
        else:
            print(
                f"run {run_id} was waiting on a node that lost it: posted again to {now.url}", file=sys.stderr
            )


def _start(database: Engine, places: dispatch.Places, run: AskedRun, *, as_json: bool) -> None:
    node, at_once = dispatch.start(database, places, run)
    if as_json:
        print(json.dumps({"id": run.id, "node": node.url, "waits": not at_once}), flush=True)
    else:
        print(f"run {run.id} on {node.url}" + ("" if at_once else " (waits for a place)"), flush=True)


def _workers(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_WORKERS:
        refuse(f"--workers is a whole number from 1 to {MAX_WORKERS}, not {text!r}")
    return int(text)
