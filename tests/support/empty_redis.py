"""A Redis that runs and holds nothing."""

import redis

from testing.servers import RedisServer


def emptied(server: RedisServer) -> str:
    """The URL of a Redis that runs and holds nothing, whatever was done with it before."""
    server.start()
    with redis.Redis.from_url(server.url, protocol=2) as client:
        client.flushall()
    return server.url
