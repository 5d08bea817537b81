"""``scrapy recrawl``: ask for stored pages again, in full only where they have changed."""

import sys
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

from scrapy.commands import ScrapyCommand

from scraping_project.cli.ages import moment_before
from scraping_project.cli.arguments import domain
from scraping_project.cli.backends import database_of, settings_of
from scraping_project.cli.exits import INTERRUPTED, in_one_line, one_line_errors, refuse
from scraping_project.cli.seed_pusher import pushing, seeds, seeds_key
from scraping_project.cli.spiders import spider_class
from scraping_project.operations.recrawling import Recrawl
from scraping_project.storage.errors import StorageError
from scraping_project.storage.reading import recrawls


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "[options] <spider>"

    def short_desc(self) -> str:
        return "Have stored pages asked for again"

    def long_desc(self) -> str:
        return (
            "Push the URLs of stored pages as seeds for the spider's workers: those that were last asked for"
            " long ago, or whose last answer was a failure. A page whose server gave it an ETag or a"
            " Last-Modified is asked for on the condition that it has changed: it is stored and its links are"
            " followed when it has; when it has not (304), it is only noted that it was asked for. The pages"
            " are those of the whole database, whichever spider found them: name a --domain where spiders"
            " share one. Wait until the seeds of one recrawl are fetched before the next."
        )

    def add_options(self, parser: ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument(
            "--older-than",
            type=moment_before,
            metavar="AGE",
            help="last asked for so long ago: 90m, 12h, 7d, 4w; 0s for all",
        )
        parser.add_argument("--status", choices=["failed"], help="whose last answer was 400 or above")
        parser.add_argument("--domain", metavar="DOMAIN", help="only of this host")
        parser.add_argument(
            "--full", action="store_true", help="on no condition: every page is stored and its links followed"
        )
        parser.add_argument("--frontier", metavar="NAME", help="push to NAME:start_urls")
        parser.add_argument("--dry-run", action="store_true", help="only count, push nothing")

    @in_one_line
    def process_options(self, args: list[str], opts: Namespace) -> None:
        super().process_options(args, opts)
        if len(args) != 1:
            refuse("recrawl takes one spider, for example: scrapy recrawl links --older-than 7d")
        if opts.older_than is None and opts.status is None:
            refuse("recrawl takes --older-than AGE, such as 7d (0s for all pages), or --status failed")
        if opts.domain is not None:
            opts.domain = domain("--domain", opts.domain).strip("[]")

    def run(self, args: list[str], opts: Namespace) -> None:
        settings = settings_of(self)
        spider = spider_class(settings, args[0])
        key = seeds_key(spider, opts.frontier)
        recrawl = Recrawl(full=opts.full)
        database = database_of(settings)
        before = opts.older_than or datetime.now(UTC)
        pages = recrawls.stream(database, before, domain=opts.domain, failed=opts.status == "failed")
        try:
            if opts.dry_run:
                recrawl.push(pages, lambda _: None, _so_far)
            else:
                with pushing(settings, spider, key, "run this again") as push:
                    recrawl.push(pages, push, _so_far)
        except StorageError as error:
            refuse(f"{error}; until then it was {_summary(recrawl)}")
        except KeyboardInterrupt:
            print(f"interrupted after {seeds(recrawl.pushed)}", file=sys.stderr)
            sys.exit(INTERRUPTED)
        finally:
            database.dispose()
        print(f"{'would push' if opts.dry_run else 'pushed'} {_summary(recrawl)} to {key}")


def _so_far(pushed: int) -> None:
    print(f"{seeds(pushed)} so far", file=sys.stderr)


def _summary(recrawl: Recrawl) -> str:
    left_out = f", {recrawl.left_out} left out whose URL makes no seed" if recrawl.left_out else ""
    return f"{seeds(recrawl.pushed)} ({recrawl.conditional} conditional{left_out})"
