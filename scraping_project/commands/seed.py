"""``scrapy seed``: push many start URLs."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from typing import IO

from scrapy.commands import ScrapyCommand

from scraping_project.cli.backends import settings_of
from scraping_project.cli.exits import BAD_INPUT, INTERRUPTED, in_one_line, one_line_errors, refuse
from scraping_project.cli.seed_pusher import BATCH, pushing, seeds, seeds_key
from scraping_project.cli.spiders import spider_class
from scraping_project.frontier.seed_push import Push
from scraping_project.frontier.seeds import SeedError, parse

#: The source of a seed, for messages, and the seed.
Line = tuple[str, bytes]


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "[options] <spider> <URL, file of URLs, or - for standard input> …"

    def short_desc(self) -> str:
        return "Push seeds to a spider's frontier"

    def long_desc(self) -> str:
        return (
            "Push start URLs for the spider's workers: URLs given here, or files with one a line (empty lines"
            " and lines that begin with # are skipped). A line may also be a JSON object with url, method,"
            " headers, body, meta, priority and dont_filter. Bad lines are named, the others pushed, and the"
            " exit code is 2. A set or sorted set of seeds is added to; the score is the priority."
        )

    def add_options(self, parser: ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument("--frontier", metavar="NAME", help="push to NAME:start_urls")
        parser.add_argument("--json", action="store_true", help="every line is a JSON object")

    @in_one_line
    def process_options(self, args: list[str], opts: Namespace) -> None:
        super().process_options(args, opts)

    def run(self, args: list[str], opts: Namespace) -> None:
        if len(args) < 2:  # noqa: PLR2004  a spider and something to push
            refuse(
                "seed takes a spider and what to push, for example: scrapy seed links https://example.com/"
            )
        settings = settings_of(self)
        spider = spider_class(settings, args[0])
        key = seeds_key(spider, opts.frontier)
        seeding = Seeding(json_only=opts.json)
        try:
            with pushing(settings, spider, key, "push again, known seeds are filtered") as push:
                seeding.push(_lines(args[1:]), push)
        except KeyboardInterrupt:
            print(f"interrupted after {seeds(seeding.pushed)}", file=sys.stderr)
            sys.exit(INTERRUPTED)
        refused = f", refused {seeding.refused}" if seeding.refused else ""
        print(f"pushed {seeds(seeding.pushed)} to {key}{refused}")
        self.exitcode = BAD_INPUT if refused else 0


class Seeding:
    """Pushes lines as seeds; counts these, and the lines that are no seeds."""

    def __init__(self, *, json_only: bool) -> None:
        self.pushed = self.refused = 0
        self._json_only = json_only

    def push(self, lines: Iterator[Line], push: Push) -> None:
        while batch := list(islice(lines, BATCH)):
            good = [raw for where, raw in batch if _is_seed(where, raw, json_only=self._json_only)]
            if good:
                push(good)
            self.pushed += len(good)
            self.refused += len(batch) - len(good)
            if len(batch) == BATCH:
                print(f"{self.pushed} seeds pushed", file=sys.stderr)


def _is_seed(where: str, raw: bytes, *, json_only: bool) -> bool:
    try:
        parse(raw, json_only=json_only)
    except SeedError as error:
        print(f"scrapy: {where}: {error}", file=sys.stderr)
        return False
    return True


def _lines(sources: list[str]) -> Iterator[Line]:
    for source in sources:
        if "://" in source or source.startswith("{"):
            yield "argument", source.encode(errors="surrogateescape")
            continue
        with _opened(source) as file:
            for number, line in enumerate(file, 1):
                if (raw := line.strip()) and not raw.startswith(b"#"):
                    yield f"{source} line {number}", raw


@contextmanager
def _opened(source: str) -> Iterator[IO[bytes]]:
    if source == "-" and sys.stdin is None:
        refuse("standard input is closed: name a file, or pipe URLs into this command")
    try:
        with nullcontext(sys.stdin.buffer) if source == "-" else Path(source).open("rb") as file:
            yield file
    except OSError as error:
        what = "standard input is not" if source == "-" else f"{source!r} is no http:// or https:// URL, nor"
        refuse(f"{what} a file to read: {error.strerror}")
