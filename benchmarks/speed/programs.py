"""Every program that is measured, with the same work for each."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.peers import venv
from benchmarks.speed.site import LINKS, address
from benchmarks.speed.stage import ROOT, Place

PEERS = Path(venv.__file__).parent
#: Stock scrapy-redis's own list of seeds (benchmarks/peers/stock_scrapy.py).
STOCK_SEEDS = "stock:start_urls"
CONCURRENCY = 32
#: What the same work means here; everything else is as it comes.
OURS = (
    "DOWNLOAD_DELAY=0",
    f"CONCURRENT_REQUESTS={CONCURRENCY}",
    f"CONCURRENT_REQUESTS_PER_DOMAIN={CONCURRENCY}",
    "ROBOTSTXT_OBEY=False",
    "COOKIES_ENABLED=False",
)


@dataclass(frozen=True, slots=True)
class Program:
    """How to start a program and what to expect of it."""

    key: str
    name: str
    command: Callable[[Place], list[str]]
    round_trip_ms: float | None = None  # of Redis behind a proxy; None: there is none
    seeds: str = ""  # the list in Redis that its first page is pushed to
    stores: bool | None = None  # whether rows are in the database afterwards; None for those that have none
    uses_redis: bool = False
    checks_links: bool = False  # its dupe filter is asked once for every link, by one command

    def pages(self, site_saw: int, checked: float) -> float:
        """Pages whose links were followed.

        Waiting for Redis, scrapy-redis does nothing else: it fetches in bursts that are longer than a window,
        so its pages are counted in the dupe filter.
        """
        return checked / LINKS if self.checks_links else site_saw

    def at(self, round_trip_ms: int) -> "Program":
        """The same with a Redis so many milliseconds away; 0 ms are the proxy alone."""
        key, name = f"{self.key}-{round_trip_ms}ms", f"{self.name}, Redis at {round_trip_ms} ms"
        return replace(self, key=key, name=name, round_trip_ms=round_trip_ms)


def first_page(place: Place) -> str:
    return place.site_url.rstrip("/") + address(0)


def ours(place: Place, *arguments: str, waits: bool = False) -> list[str]:
    """The command of one worker, which crawls from the first page or waits for seeds."""
    start = [] if waits else ["-a", f"start_urls={first_page(place)}"]
    settings = [part for setting in OURS for part in ("-s", setting)]
    return [sys.executable, "-m", "scrapy", "crawl", "links", *start, *settings, *arguments]


def _without_storage(place: Place) -> list[str]:
    return ours(place, "-s", "ITEM_PIPELINES={}")


def _scrapy(place: Place) -> list[str]:
    return [sys.executable, "-m", "benchmarks.peers.stock_scrapy", first_page(place)]


def _scrapy_redis(place: Place) -> list[str]:
    return [*_scrapy(place), "--redis", place.redis_url]


def _in_own_venv(script: str) -> Callable[[Place], list[str]]:
    """A script that must not find the project's modules."""
    path = (PEERS / script).relative_to(ROOT)
    return lambda place: [venv.python(), "-P", str(path), first_page(place)]


SCRAPY = Program("scrapy", "stock Scrapy, queue in memory", _scrapy)
SCRAPY_REDIS = Program(
    "scrapy-redis", "stock scrapy-redis", _scrapy_redis, seeds=STOCK_SEEDS, uses_redis=True, checks_links=True
)
CRAWLEE = Program("crawlee", "Crawlee for Python, queue in memory", _in_own_venv("crawlee_program.py"))
BARE = Program("bare", "bare loop of aiohttp, uvloop and lexbor", _in_own_venv("bare_loop.py"))
WORKER = Program("ours", "this project", ours, stores=True, uses_redis=True)
UNSTORED = Program(
    "ours-unstored", "this project, nothing stored", _without_storage, stores=False, uses_redis=True
)

#: In the order in which they run: neighbours are compared most.
PROGRAMS = (
    SCRAPY,
    SCRAPY_REDIS,
    CRAWLEE,
    BARE,
    WORKER,
    UNSTORED,
    WORKER.at(2),
    WORKER.at(10),
    SCRAPY_REDIS.at(2),
    SCRAPY_REDIS.at(10),
)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two programs that differ little, and how much of the other's speed the first is to have."""

    name: str
    one: Program
    other: Program
    goal: float


STORED = Pair("stored in MariaDB over nothing stored", WORKER, UNSTORED, 0.90)
FAR = Pair("Redis at 10 ms over 0 ms", WORKER.at(10), WORKER.at(0), 0.95)
