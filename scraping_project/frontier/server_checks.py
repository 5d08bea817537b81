"""Whether a Redis keeps what it acknowledged."""

from collections.abc import Iterator

import redis


def findings(server: redis.Redis) -> Iterator[tuple[bool, str]]:
    """Whether each thing is well, and a line that says what to do when it is not.

    A full memory that evicts, or a server without an append-only file, loses requests without a word. What a
    server does not say of itself, as some compatible ones don't, is not well.
    """
    if server.info("persistence").get("aof_enabled") == 1:
        yield True, "Redis writes an append-only file"
    else:
        yield False, "Redis keeps no append-only file: set appendonly yes"
    policy = server.info("memory").get("maxmemory_policy", "unknown")
    if policy == "noeviction":
        yield True, "Redis maxmemory-policy noeviction"
    else:
        yield False, f"Redis maxmemory-policy {policy}: set it to noeviction, it may drop requests"
