"""Pushing seeds to a frontier's key, of whichever kind the key is."""

from collections.abc import Callable
from typing import cast

import redis

from scraping_project.frontier.errors import FrontierRefused
from scraping_project.frontier.seeds import Kind, parse

#: Pushes a batch.
Push = Callable[[list[bytes]], object]


def pusher(server: redis.Redis, key: str, when_new: Kind) -> Push:
    """Returns what pushes seeds to a key of the kind that it is, or is to be.

    Raises:
        FrontierRefused: The key is something else than seeds.
    """
    found = cast("bytes", server.type(key)).decode()
    pushers: dict[str, Push] = {
        Kind.LIST: lambda seeds: server.lpush(key, *seeds),
        Kind.SET: lambda seeds: server.sadd(key, *seeds),
        # One that is there already keeps its score.
        Kind.SORTED_SET: lambda seeds: server.zadd(key, {raw: parse(raw).priority for raw in seeds}, nx=True),
    }
    kind = when_new if found == "none" else found
    if kind not in pushers:
        raise FrontierRefused(f"{key} is a {found}, no list, set or sorted set of seeds: rename or delete it")
    return pushers[kind]
