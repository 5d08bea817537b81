"""The robots.txt files that the cluster knows, each fetched by one worker for all."""

import zlib
from dataclasses import dataclass
from typing import cast

import redis
from redis.exceptions import ResponseError

from scraping_project.frontier.keys import Keys
from scraping_project.frontier.translation import translated

#: Seconds: RFC 9309 wants no copy older than a day; an older one serves until it is replaced, for another.
FRESH, KEPT = 24 * 3600, 48 * 3600
#: Seconds within which a worker that fetches one must be done, or another may.
CLAIM = 60
#: RFC 9309: at least 500 KiB are to be read.
MOST = 500 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotsTxt:
    """A robots.txt as it was served; empty when there is none."""

    body: bytes
    age: float  # seconds

    @property
    def is_fresh(self) -> bool:
        return self.age < FRESH


class RobotsCache:
    """One key an origin (``https://example.com``), which expires. It promises no more than a cache does."""

    def __init__(self, server: redis.Redis, keys: Keys) -> None:
        self._server = server
        self._keys = keys

    def read(self, origin: str) -> RobotsTxt | None:
        """The file of an origin, or None: it is not known, or somebody else has written what lies there."""
        key = self._keys.of("robots", origin)
        with translated(), self._server.pipeline(transaction=True) as pipeline:
            pipeline.get(key)
            pipeline.ttl(key)  # Redis's clock, for those of the workers may differ
            packed, left = cast("tuple[object, int]", pipeline.execute(raise_on_error=False))
            if isinstance(packed, ResponseError) and "WRONGTYPE" not in str(packed):
                raise packed
        body = _unpacked(packed) if isinstance(packed, bytes) else None
        return None if body is None else RobotsTxt(body=body, age=KEPT - left)

    def write(self, origin: str, body: bytes) -> None:
        with translated():
            self._server.set(self._keys.of("robots", origin), zlib.compress(body[:MOST]), ex=KEPT)

    def claim(self, origin: str, token: str) -> bool:
        """Whether this worker is to fetch it, others are not or have died of it; they use what they have."""
        key = self._keys.of("fetching", origin)
        with translated():
            if self._server.set(key, token, nx=True, ex=CLAIM):
                return True
            if self._server.type(key) in (b"string", b"none"):
                holder = self._server.get(key)
                if holder is None or self._server.zscore(self._keys.of("workers"), holder) is not None:
                    return False
            return bool(self._server.set(key, token, ex=CLAIM))

    def unclaim(self, origin: str) -> None:
        """Let another try; without Redis the claim ends by itself."""
        with translated():
            self._server.delete(self._keys.of("fetching", origin))


def _unpacked(packed: bytes) -> bytes | None:
    unpacking = zlib.decompressobj()
    try:
        body = unpacking.decompress(packed, MOST + 1)  # a foreign one may be anything of any length
    except zlib.error:
        return None
    return body if unpacking.eof else None
