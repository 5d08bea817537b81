"""A Redis with no memory left."""

from contextlib import contextmanager


@contextmanager
def full(server):
    """The server with no memory left."""
    server.config_set("maxmemory-policy", "noeviction")
    server.config_set("maxmemory", "1")
    try:
        yield
    finally:
        server.config_set("maxmemory", "0")
