"""Seeds that people paste or upload: which lines are seeds, and why the others are not."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import redis

from scraping_project import logins
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.seed_push import pusher
from scraping_project.frontier.seeds import Kind, SeedError, parse
from scraping_project.frontier.translation import translated

#: Lines that are taken at once; `scrapy seed` takes any number.
MOST = 100_000
#: Refused lines that are shown, characters of each, and seeds pushed at once.
SHOWN, SHOWN_LENGTH, BATCH = 50, 200, 1_000


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A line that is no seed."""

    number: int  # from 1
    text: str  # its beginning, without logins
    why: str


@dataclass(frozen=True, slots=True)
class SortedSeeds:
    """Lines, sorted into seeds and others."""

    seeds: tuple[bytes, ...]
    refused: int
    twice: int  # lines that stand above already
    beyond: int  # lines after the last that is taken
    shown: tuple[RefusedLine, ...]


def sort(lines: Iterable[bytes]) -> SortedSeeds:
    """Sorts lines; empty ones and those that begin with # are neither."""
    seeds: dict[bytes, None] = {}
    count: Counter[str] = Counter()
    shown: list[RefusedLine] = []
    for number, line in enumerate(lines, 1):
        raw = line.strip()
        if not raw or raw.startswith(b"#"):
            continue
        if number > MOST:
            count["beyond"] += 1
        elif raw in seeds:
            count["twice"] += 1
        else:
            try:
                parse(raw)
            except SeedError as error:
                count["refused"] += 1
                if len(shown) < SHOWN:
                    shown.append(RefusedLine(number, _text(raw), str(error)))
            else:
                seeds[raw] = None
    return SortedSeeds(tuple(seeds), count["refused"], count["twice"], count["beyond"], tuple(shown))


def push(server: redis.Redis, keys: Keys, seeds: tuple[bytes, ...], when_new: Kind) -> None:
    """Pushes seeds for the frontier's workers.

    Args:
        server: Where the frontier is.
        keys: The frontier's.
        seeds: As ``sort`` returned them.
        when_new: Of which kind the key is, where there is none yet.

    Raises:
        FrontierError: The key is something else, or Redis does not answer.
    """
    with translated():
        push_some = pusher(server, keys.seeds, when_new)
        for start in range(0, len(seeds), BATCH):
            push_some(list(seeds[start : start + BATCH]))


def _text(raw: bytes) -> str:
    return logins.hide_in_refused(raw.decode(errors="replace"))[:SHOWN_LENGTH]
