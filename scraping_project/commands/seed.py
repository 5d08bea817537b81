"""``scrapy seed``: push many start URLs."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, cast

import redis
from redis.exceptions import RedisError, ResponseError
from scrapy.commands import ScrapyCommand

from scraping_project.commands.arguments import check_arguments
from scraping_project.commands.backends import redis_of, settings_of
from scraping_project.commands.exits import BAD_INPUT, in_one_line, one_line_errors, refuse
from scraping_project.commands.spiders import spider_class
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.seeds import Kind, SeedError, kind_of, parse

BATCH = 1000

#: Pushes a batch.
Push = Callable[[list[bytes]], object]

#: Where a seed came from, for messages, and the seed.
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
        if opts.frontier:
            check_arguments(spider, {"frontier": opts.frontier})
        keys = Keys(opts.frontier or spider.name)
        server = redis.from_url(redis_of(settings).url, protocol=2)
        spider.update_settings(settings)  # its own may say that its seeds are a set
        try:
            push = _pusher(server, keys.seeds, kind_of(settings))
            pushed, refused = self._push(push, _lines(args[1:]), json_only=opts.json)
        except ResponseError as error:
            refuse(f"Redis takes no seeds in {keys.seeds}: {error}")
        except RedisError as error:
            refuse(f"Redis stopped answering ({error}): start it and push again, known seeds are filtered")
        finally:
            server.close()
        seeds = "1 seed" if pushed == 1 else f"{pushed} seeds"
        print(f"pushed {seeds} to {keys.seeds}" + (f", refused {refused}" if refused else ""))
        self.exitcode = BAD_INPUT if refused else 0

    def _push(self, push: Push, lines: Iterator[Line], *, json_only: bool) -> tuple[int, int]:
        pushed = refused = 0
        while batch := list(islice(lines, BATCH)):
            seeds = [raw for where, raw in batch if _is_seed(where, raw, json_only=json_only)]
            if seeds:
                push(seeds)
            pushed += len(seeds)
            refused += len(batch) - len(seeds)
            if len(batch) == BATCH:
                print(f"{pushed} seeds pushed", file=sys.stderr)
        return pushed, refused


def _pusher(server: redis.Redis, key: str, when_new: Kind) -> Push:
    """What pushes seeds to a key of the kind that it is, or is to be."""
    found = cast("bytes", server.type(key)).decode()
    pushers: dict[str, Push] = {
        Kind.LIST: lambda seeds: server.lpush(key, *seeds),
        Kind.SET: lambda seeds: server.sadd(key, *seeds),
        # One that is there already keeps its score.
        Kind.SORTED_SET: lambda seeds: server.zadd(key, {raw: parse(raw).priority for raw in seeds}, nx=True),
    }
    kind = when_new if found == "none" else found
    if kind not in pushers:
        refuse(f"{key} is a {found}, no list, set or sorted set of seeds: rename or delete it")
    return pushers[kind]


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
    if source == "-":
        yield sys.stdin.buffer
        return
    try:
        file = Path(source).open("rb")  # noqa: SIM115  closed below
    except OSError as error:
        refuse(f"{source!r} is no http:// or https:// URL, nor a file to read: {error.strerror}")
    with file:
        yield file
