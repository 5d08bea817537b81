"""Pages lost when workers are killed: this project, and stock scrapy-redis beside it.

    python -m benchmarks.kills [--kills N] [--seed S]

One worker at a time on PostgreSQL's manual (1,169 pages), 16 concurrent requests, no delay. It is SIGKILLed
when the site has served it a random number of pages and started again, N times, then left to end. Lost is
what the site has and no worker's callback got.

Pages that are fetched again are at most those that a killed worker had in flight (16) and those that it had
answers of and had not acknowledged yet, which the frontier delivers again. Without kills there are none.

Of three workers of one command two are killed, one after the other: how long until others may have what each
of them held.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import redis

from benchmarks.numbers import at_least
from benchmarks.table import Row, show
from benchmarks.takeover import WORKERS, takeovers
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.messages import read_leased
from scraping_project.http.serialization import url_of
from testing import servers

ROOT = Path(__file__).parent.parent
MANUAL = ROOT / ".cache" / "docs" / "postgresql"
CONCURRENCY = 16
LIMITS = (f"CONCURRENT_REQUESTS_PER_DOMAIN={CONCURRENCY}", f"CONCURRENT_REQUESTS={CONCURRENCY}")
#: A held record: its place in its worker's order, then the leased record (frontier/lua/parts/record.lua).
ORDER_BYTES = 4
#: Pages that the site serves to a worker before it is killed, and how long that may take, in seconds.
LIFE, PATIENCE = (20, 90), 30.0

Start = Callable[[], "subprocess.Popen[bytes]"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=at_least(0), default=10, metavar="N")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), metavar="S")  # noqa: S311
    options = parser.parse_args()
    print(f"seed {options.seed}")
    pages = len(list(MANUAL.rglob("*.html")))
    kills = options.kills
    undisturbed, mine = (ours(n, random.Random(options.seed)) for n in (0, kills))  # noqa: S311
    peer = stock(kills, random.Random(options.seed))  # noqa: S311
    most = kills * CONCURRENCY + mine.redelivered
    show(
        "kills",
        [
            Row(f"this project: pages lost of {pages} in {kills} kills", pages - mine.stored, 0, "<="),
            Row("this project: dead letters", mine.dead, 0, "<="),
            Row("this project: pages fetched more than once", mine.again, most, "<="),
            Row("this project: answers not yet acknowledged at a kill, delivered again", mine.redelivered),
            Row("this project, without kills: pages fetched more than once", undisturbed.again, 0, "<="),
            Row(
                f"this project: seconds until the work of one of {WORKERS} killed is back",
                taken_back(),
                5,
                "<=",
            ),
            Row(f"stock scrapy-redis: pages lost of {pages} in {kills} kills", pages - peer.stored),
            Row("stock scrapy-redis: pages fetched more than once", peer.again),
        ],
    )
    return 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Pages of one crawl: stored, fetched, and answers that killed workers had not acknowledged."""

    stored: int
    fetched: int
    redelivered: int = 0
    dead: int = 0

    @property
    def again(self) -> int:
        return self.fetched - self.stored


def ours(kills: int, chance: random.Random) -> Outcome:
    """The crawl by this project."""
    with servers.nginx_server(MANUAL) as site, servers.redis_server() as server, scratch() as folder:
        environment = {"REDIS_URL": server.url, "DATA_DIR": str(folder)}
        settings = ("DOWNLOAD_DELAY=0", *LIMITS)
        arguments = ["crawl", "links", "-a", f"start_urls={site.url}index.html", *_set(*settings)]
        start = _starter(["-m", "scrapy", *arguments], environment)
        unacknowledged = 0
        with redis.Redis.from_url(server.url, protocol=2) as client:
            frontier = Frontier(client, Keys("links"))
            for _ in _storm(start, site, kills, chance):
                unacknowledged += len(_leased(client) & set(_fetched(site)))
            start().wait()
            dead = frontier.counts().get("dead", 0)
        stored = subprocess.run(
            [sys.executable, "-m", "scrapy", "export", "sites"],
            cwd=ROOT,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.count("text/html")
        return Outcome(stored, len(_fetched(site)), unacknowledged, dead)


def taken_back() -> float:
    """The longest takeover from a killed worker of one command, in seconds."""
    with servers.nginx_server(MANUAL) as site, servers.redis_server() as server, scratch() as folder:
        return max(takeovers(site.url, server.url, folder))


def stock(kills: int, chance: random.Random) -> Outcome:
    """The same by scrapy-redis as it comes; a page counts when its callback wrote it down."""
    with servers.nginx_server(MANUAL) as site, servers.redis_server() as server, scratch() as folder:
        pages = folder / "pages"
        spider = ["-m", "benchmarks.stock_scrapy_redis", site.url, server.url, str(pages)]
        redis.Redis.from_url(server.url, protocol=2).lpush("stock:start_urls", f"{site.url}index.html")
        start = _starter(spider, {})
        for _ in _storm(start, site, kills, chance):
            pass
        start().wait()
        return Outcome(len(set(pages.read_text("utf-8").splitlines())), len(_fetched(site)))


def _storm(start: Start, site: servers.NginxServer, kills: int, chance: random.Random) -> Iterator[None]:
    """Yields after each kill, before the next worker is started."""
    for _ in range(kills):
        worker, served = start(), len(_fetched(site))
        enough, deadline = served + chance.randint(*LIFE), time.monotonic() + PATIENCE
        while len(_fetched(site)) < enough and worker.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        yield


def _leased(client: "redis.Redis") -> set[str]:
    """The paths of the requests that workers hold, dead ones included."""
    held = (
        record for key in client.scan_iter(Keys("links").of("leases", "*")) for record in client.hvals(key)
    )  # type: ignore[union-attr]  # not async
    requests = (read_leased(record[ORDER_BYTES:]) for record in held)
    return {urlsplit(url_of(request.payload)).path for request in requests}


def _starter(command: Sequence[str], environment: dict[str, str]) -> Start:
    def start() -> "subprocess.Popen[bytes]":
        return subprocess.Popen(  # noqa: S603  our own command
            [sys.executable, *command],
            cwd=ROOT,
            env=os.environ | environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    return start


def _set(*settings: str) -> list[str]:
    return [part for setting in settings for part in ("-s", setting)]


def _fetched(site: servers.NginxServer) -> list[str]:
    """The paths of the pages that were served, in their order."""
    return [
        request.uri
        for request in site.requests()
        if request.status == 200 and "html" in request.content_type  # noqa: PLR2004
    ]


def scratch() -> "tempfile.TemporaryDirectory[str]":
    return _Scratch()


class _Scratch(tempfile.TemporaryDirectory[str]):
    def __enter__(self) -> Path:  # type: ignore[override]
        return Path(super().__enter__())


if __name__ == "__main__":
    sys.exit(main())
