"""``scrapy frontier``: all frontiers, or one of them and the verbs of an operator."""

import sys
from argparse import ArgumentParser, Namespace

import redis
from scrapy.commands import ScrapyCommand

from scraping_project.cli import frontier_list
from scraping_project.cli.backends import redis_of, settings_of
from scraping_project.cli.exits import in_one_line, one_line_errors, refuse
from scraping_project.cli.frontier_names import keys_of
from scraping_project.cli.frontier_verbs.registry import VERBS
from scraping_project.cli.frontier_verbs.verb import Place
from scraping_project.cli.verb_parser import VerbsParser
from scraping_project.frontier.connection import connect
from scraping_project.frontier.errors import FrontierError, FrontierUnavailable
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.keys import Keys


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "[options] [NAME [VERB …]]"

    def short_desc(self) -> str:
        return (
            "List frontiers, show one's ledger, dead letters or slots, check, requeue, clear, pause, repair"
        )

    def long_desc(self) -> str:
        return (
            "Without a NAME: all frontiers of this Redis, with their requests by number, workers and waiting"
            " seeds. NAME is a frontier's, or the spider's whose own it is. Without a VERB: its ledger, slots"
            " and workers."
        )

    def add_options(self, parser: ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument("--json", action="store_true", help="machine-readable, one object a line")
        self._verbs = VerbsParser(parser, "scrapy frontier", VERBS)

    def process_options(self, args: list[str], opts: Namespace) -> None:
        self._process(self._verbs.read(args, opts), opts)

    @in_one_line
    def _process(self, args: list[str], opts: Namespace) -> None:
        super().process_options(args, opts)
        if opts.verb:
            opts.verb.check(opts)

    def run(self, args: list[str], opts: Namespace) -> None:  # noqa: ARG002  Scrapy's interface
        settings = settings_of(self)
        keys = keys_of(opts.name, settings) if opts.verb else None
        found = redis_of(settings)
        with connect(found.url, found.credentials) as server:
            try:
                self.exitcode = self._run(server, keys, opts)
                sys.stdout.flush()
            except BrokenPipeError:  # the reader, such as head, has seen enough
                sys.stderr.close()
            except FrontierUnavailable as error:
                refuse(f"Redis stopped answering: {error}")
            except FrontierError as error:
                refuse(str(error))

    def _run(self, server: redis.Redis, keys: Keys | None, opts: Namespace) -> int:
        settings = settings_of(self)
        if keys is None:
            return frontier_list.show(server, settings, opts)
        keep_ms = int(settings.getfloat("FRONTIER_KEEP_FINISHED") * 1000)
        place = Place(Frontier(server, keys, keep_ms=keep_ms), server, settings)
        opts.verb.check_name(place)
        code: int = opts.verb.run(place, opts)
        return code
