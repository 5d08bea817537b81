"""Which Redis a process uses: the one it was given, one found nearby, or the embedded Valkey.

The embedded server belongs to a data directory, not to a process. The first process that needs it starts
it, the others find it, and its supervisor shuts it down a minute after the last client left.
"""

from scraping_project.embedded.client import RedisUnavailable
from scraping_project.embedded.resolve import Server, resolve, shown_url
from scraping_project.embedded.server import stop

__all__ = ["RedisUnavailable", "Server", "resolve", "shown_url", "stop"]
