"""All frontiers that one Redis holds."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis

from scraping_project.frontier.foreign import read_of
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.replies import counters
from scraping_project.frontier.translation import translated

#: Keys that Redis looks at before it serves somebody else, and frontiers that are read at once.
SLICE = 1000
_SEEDS = ":start_urls"
_CRAWL = re.compile(r"\{(.+):start_urls\}:crawl")
_FIELDS = ("queued", "delayed", "leased", "done", "dead", "paused")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a frontier stands: its requests, workers and waiting seeds by number."""

    name: str
    queued: int
    delayed: int
    leased: int
    done: int
    dead: int
    workers: int
    seeds: int
    paused: bool


def exists(server: redis.Redis, keys: Keys) -> bool:
    """Whether this Redis knows the frontier: a crawl, its workers, an operator's order or waiting seeds."""
    with read_of(server, keys):
        return bool(server.exists(*map(keys.of, ("crawl", "workers", "orders")), keys.seeds))


def standings(server: redis.Redis, spiders: Collection[Keys]) -> list[Standing]:
    """The frontiers that hold a crawl, workers or seeds, or are paused, by name.

    No key lists them, for a seed that somebody pushes makes a frontier: all of Redis is looked through.

    Args:
        server: Where they are.
        spiders: The own frontiers of all spiders, some of which have seeds under another name.

    Raises:
        FrontierError: Redis refuses to look through its keys, or does not answer.
    """
    return standings_of(server, frontiers(server, spiders))


def frontiers(server: redis.Redis, spiders: Collection[Keys]) -> list[Keys]:
    """The keys of all frontiers that may be there, by name; looks through all of Redis.

    Raises:
        FrontierError: Redis refuses to look through its keys, or does not answer.
    """
    with translated():
        found = sorted({keys.name: keys for keys in _found(server, spiders)}.items())
    return [keys for _, keys in found]


def standings_of(server: redis.Redis, every: Sequence[Keys]) -> list[Standing]:
    """How these frontiers stand, without those that hold nothing; two round trips for a thousand.

    Raises:
        FrontierError: Redis does not answer.
    """
    slices = [every[first : first + SLICE] for first in range(0, len(every), SLICE)]
    with translated():
        return [standing for part in slices for standing in _read(server, part)]


def _found(server: redis.Redis, spiders: Collection[Keys]) -> Iterator[Keys]:
    by_name, by_seeds = {keys.name: keys for keys in spiders}, {keys.seeds: keys for keys in spiders}
    for key in _scan(server, f"{{*{_SEEDS}}}:crawl", kind="hash"):
        if match := _CRAWL.fullmatch(key):
            yield from _named(match[1], by_name)
    for key in _scan(server, f"*{_SEEDS}"):
        yield from [by_seeds[key]] if key in by_seeds else _named(key.removesuffix(_SEEDS), by_name)


def _scan(server: redis.Redis, pattern: str, kind: str | None = None) -> Iterator[str]:
    for key in server.scan_iter(pattern, count=SLICE, _type=kind):
        yield key.decode(errors="replace")


def _named(name: str, known: Mapping[str, Keys]) -> list[Keys]:
    """The frontier's keys; none where somebody else's key only looks like a frontier's."""
    try:
        return [known.get(name) or Keys(name)]
    except ValueError:
        return []


def _read(server: redis.Redis, frontiers: Sequence[Keys]) -> Iterator[Standing]:
    with server.pipeline(transaction=False) as pipeline:
        for keys in frontiers:
            pipeline.hmget(keys.of("crawl"), ["id", *_FIELDS])
            pipeline.zcard(keys.of("workers"))
            pipeline.type(keys.seeds)
        answers = pipeline.execute()
        counts = {b"list": pipeline.llen, b"set": pipeline.scard, b"zset": pipeline.zcard}
        with_seeds = []
        for keys, kind in zip(frontiers, answers[2::3], strict=True):
            if count := counts.get(kind):  # anything else is none of seeds
                count(keys.seeds)
                with_seeds.append(keys.name)
        seeds = dict(zip(with_seeds, pipeline.execute(), strict=True))
    for keys, crawl, workers in zip(frontiers, answers[::3], answers[1::3], strict=True):
        waiting = seeds.get(keys.name, 0)
        if crawl[0] or crawl[-1] or workers or waiting:
            yield _standing(keys.name, crawl[1:], workers, waiting)


def _standing(name: str, fields: Sequence[Any], workers: int, seeds: int) -> Standing:
    known = counters({field.encode(): value for field, value in zip(_FIELDS, fields, strict=True) if value})
    numbers = {field: known.get(field, 0) for field in _FIELDS[:-1]}
    return Standing(name=name, **numbers, workers=workers, seeds=seeds, paused=bool(known.get("paused")))
