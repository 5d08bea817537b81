"""Values that somebody else has put in the place of the frontier's own, named so that they can be removed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import redis

from scraping_project.frontier.errors import FrontierError
from scraping_project.frontier.keys import CATALOGUE, Keys
from scraping_project.frontier.translation import translated

#: What Redis calls the types that the catalogue names.
_TYPES = {"hash": "hash", "list": "list", "set": "set", "sorted set": "zset"}


@contextmanager
def read_of(server: redis.Redis, keys: Keys) -> Iterator[None]:
    """Raise FrontierError instead of what redis-py raises; it names the key that is of another type."""
    try:
        with translated():
            yield
    except FrontierError as error:
        if "WRONGTYPE" not in str(error):
            raise
        with translated():
            culprits = list(_of_another_type(server, keys))
        raise FrontierError("; ".join(culprits) or str(error)) from error


def _of_another_type(server: redis.Redis, keys: Keys) -> Iterator[str]:
    """The keys that there is one of, and that are not what the catalogue says."""
    crawl = keys.of("crawl")
    epoch = server.hget(crawl, "epoch") if _type_of(server, crawl) == "hash" else None
    for name, description in CATALOGUE.items():
        kind = description.partition(":")[0]
        own = name.replace("<epoch>", cast("bytes", epoch or b"0").decode(errors="replace"))
        if "<" in own or kind not in _TYPES:
            continue
        found = _type_of(server, keys.of(own))
        if found not in ("none", _TYPES[kind]):
            yield f"{keys.of(own)} is a {found} that somebody else has put in the place of a {kind}"


def _type_of(server: redis.Redis, key: str) -> str:
    return cast("bytes", server.type(key)).decode()
