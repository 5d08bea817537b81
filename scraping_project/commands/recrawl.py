"""``scrapy recrawl``: ask for stored pages again, in full only where they have changed."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import msgspec
from scrapy.commands import ScrapyCommand
from sqlalchemy import Row

from scraping_project.cli.ages import moment_before
from scraping_project.cli.arguments import domain
from scraping_project.cli.backends import database_of, settings_of
from scraping_project.cli.exits import INTERRUPTED, in_one_line, one_line_errors, refuse
from scraping_project.cli.seed_pusher import BATCH, pushing, seeds, seeds_key
from scraping_project.cli.spiders import spider_class
from scraping_project.frontier.seed_push import Push
from scraping_project.frontier.seeds import SeedError, parse
from scraping_project.http import conditional
from scraping_project.storage.errors import StorageError
from scraping_project.storage.reading import recrawls
from scraping_project.storage.values import url_hash


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
                recrawl.push(pages, lambda _: None)
            else:
                with pushing(settings, spider, key, "run this again") as push:
                    recrawl.push(pages, push)
        except StorageError as error:
            refuse(f"{error}; until then it was {recrawl.summary}")
        except KeyboardInterrupt:
            print(f"interrupted after {seeds(recrawl.pushed)}", file=sys.stderr)
            sys.exit(INTERRUPTED)
        finally:
            database.dispose()
        print(f"{'would push' if opts.dry_run else 'pushed'} {recrawl.summary} to {key}")


class Recrawl:
    """Pushes pages as seeds, and counts them."""

    def __init__(self, *, full: bool) -> None:
        self.pushed = self.conditional = self.left_out = 0
        self._full = full

    def push(self, pages: Iterator[Row[Any]], push: Push) -> None:
        while batch := list(islice(pages, BATCH)):
            if raw := [seed for page in batch if (seed := self._seed(page))]:
                push(raw)
            self.pushed += len(raw)
            if len(batch) == BATCH:
                print(f"{seeds(self.pushed)} so far", file=sys.stderr)

    @property
    def summary(self) -> str:
        left_out = f", {self.left_out} left out whose URL makes no seed" if self.left_out else ""
        return f"{seeds(self.pushed)} ({self.conditional} conditional{left_out})"

    def _seed(self, page: Row[Any]) -> bytes | None:
        """The page as a seed; None when its URL is not whole, or no crawl may start at it."""
        headers = {} if self._full else conditions_of(page)
        raw = seed_of(page, headers)
        try:
            parse(raw)
        except SeedError:
            raw = b""
        if not raw or url_hash(page.url) != page.url_hash:
            self.left_out += 1
            return None
        self.conditional += bool(headers)
        return raw


def conditions_of(page: Row[Any]) -> dict[str, str]:
    """The headers that ask for the page if it has changed; none where the stored content is another."""
    if not 200 <= page.status_code < 300:  # noqa: PLR2004  HTTP's own numbers
        return {}
    return conditional.headers_of(page.etag, page.last_modified)


def seed_of(page: Row[Any], headers: dict[str, str]) -> bytes:
    """The seed: past the dupe filter, at the page's depth, so that it leads no further than before."""
    seed: dict[str, Any] = {"url": page.url, "dont_filter": True}
    if headers:
        seed["headers"] = headers
    if page.depth:
        seed["meta"] = {"depth": page.depth}
    return msgspec.json.encode(seed)
