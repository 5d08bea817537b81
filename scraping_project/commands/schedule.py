"""``scrapy schedule``: keep schedules, which ``scrapy periodic`` fires."""

import sys
from argparse import ArgumentParser, Namespace

from scrapy.commands import ScrapyCommand

from scraping_project.cli.backends import database_of, settings_of
from scraping_project.cli.exits import in_one_line, one_line_errors, refuse
from scraping_project.cli.schedule_verbs.registry import VERBS
from scraping_project.cli.schedule_verbs.verb import Place, who
from scraping_project.cli.verb_words import VerbWords
from scraping_project.schedules.errors import ScheduleRefused
from scraping_project.storage.errors import StorageError
from scraping_project.storage.scheduling.process import Process
from scraping_project.storage.scheduling.schedules import ScheduleConflict


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "VERB [NAME] [options]"

    def short_desc(self) -> str:
        return "Start runs, seeds and recrawls at their times"

    def long_desc(self) -> str:
        return (
            "Keep schedules. Whatever `scrapy periodic` runs fires them, any number of them on any hosts:"
            " each time once. A time that did not start anything is on record with the reason. Without a"
            " VERB: all schedules."
        )

    def add_options(self, parser: ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument("--json", action="store_true", help="machine-readable, one object a line")
        self._verbs = VerbWords(parser, "scrapy schedule", VERBS)

    def process_options(self, args: list[str], opts: Namespace) -> None:
        self._verbs.read(args, opts)
        self._process([], opts)

    @in_one_line
    def _process(self, args: list[str], opts: Namespace) -> None:
        super().process_options(args, opts)

    def run(self, args: list[str], opts: Namespace) -> None:  # noqa: ARG002  Scrapy's interface
        settings = settings_of(self)
        database = database_of(settings)
        try:
            opts.verb.run(Place(Process(database, who()), settings), opts)
            sys.stdout.flush()
        except BrokenPipeError:  # the reader, such as head, has seen enough
            sys.stderr.close()
        except (ScheduleRefused, ScheduleConflict, StorageError) as error:
            refuse(str(error))
        finally:
            database.dispose()
