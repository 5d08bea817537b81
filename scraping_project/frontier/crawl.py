"""A crawl: one filling of a frontier, from its first seed to its end, shared by any number of workers."""

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from typing import Any
from uuid import uuid4

import redis

from scraping_project.frontier.keys import Keys

#: Seconds of silence after which a worker counts as gone.
PATIENCE = 30


@dataclass(frozen=True, slots=True)
class Joined:
    """What a worker found when it joined."""

    crawl_id: str
    queued: int
    pages: int  # answered so far
    alone: bool  # nobody else works on the crawl

    @property
    def resumed(self) -> bool:
        return self.alone and self.queued > 0


class Crawl:
    """One worker's view of the crawl of a frontier.

    It tells when a crawl is finished and counts its answered pages. It does not lease: a request that a
    worker held when it was killed is lost.
    """

    def __init__(self, server: redis.Redis, keys: Keys, worker: str) -> None:
        self._keys = keys
        self._worker = worker
        self._server = server
        self._join = server.register_script(_script("join"))
        self._alive = server.register_script(_script("alive"))
        self._finished = server.register_script(_script("finished"))
        self.pages = 0
        self.busy = True

    def join(self) -> Joined:
        """Join the unfinished crawl, or begin a new one."""
        keys = self._keys
        crawl_id, queued, pages, others = self._join(
            keys=[keys.crawl, keys.requests, keys.dupefilter, keys.workers, keys.busy],
            args=[self._worker, _new_id(keys.name), PATIENCE],
        )
        self.pages = pages
        return Joined(crawl_id.decode(), queued, pages, alone=others == 0)

    def alive(self, *, busy: bool, answered: int = 0) -> int:
        """Give a sign of life and add to the answered pages; returns the crawl's number of them."""
        keys, self.busy = self._keys, busy
        self.pages = self._alive(
            keys=[keys.crawl, keys.workers, keys.busy], args=[self._worker, int(busy), answered]
        )
        return self.pages

    def finished(self) -> bool:
        return bool(self._finished(keys=[self._keys.requests, self._keys.busy], args=[PATIENCE]))

    def leave(self) -> int:
        """Leave; returns how many requests stay queued."""
        with self._server.pipeline() as pipe:
            pipe.zrem(self._keys.workers, self._worker)
            pipe.zrem(self._keys.busy, self._worker)
            pipe.zcard(self._keys.requests)
            queued: int = pipe.execute()[-1]
        return queued


def _new_id(name: str) -> str:
    return f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid4().hex[:6]}"


def _script(verb: str) -> Any:
    return resources.files("scraping_project.frontier").joinpath("lua", f"{verb}.lua").read_text()
