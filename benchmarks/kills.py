"""Pages lost when workers are killed: this project, and stock scrapy-redis beside it.

    python -m benchmarks.kills [--kills N] [--seed S]

One worker at a time on PostgreSQL's manual (1,169 pages), 16 concurrent requests, no delay. It is SIGKILLed
when the site has served it a random number of pages and started again, N times, then left to end. Lost is
what the site has and no worker's callback got.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import redis

from benchmarks.table import Row, show
from tests import servers

ROOT = Path(__file__).parent.parent
MANUAL = ROOT / ".cache" / "docs" / "postgresql"
#: Pages that the site serves to a worker before it is killed, and how long that may take, in seconds.
LIFE, PATIENCE = (20, 90), 30.0

Start = Callable[[], "subprocess.Popen[bytes]"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=10, metavar="N")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), metavar="S")  # noqa: S311
    options = parser.parse_args()
    print(f"seed {options.seed}")
    pages = len(list(MANUAL.rglob("*.html")))
    rows = []
    for name, run, goal in (("this project", ours, 0.0), ("stock scrapy-redis", stock, None)):
        stored, fetched = run(options.kills, random.Random(options.seed))  # noqa: S311
        rows.append(
            Row(f"{name}: pages lost of {pages} in {options.kills} kills", pages - stored, goal, "<=")
        )
        rows.append(Row(f"{name}: pages fetched more than once", fetched - stored))
    show("kills", rows)
    return 0


def ours(kills: int, chance: random.Random) -> tuple[int, int]:
    """Pages stored and pages fetched by this project."""
    with servers.nginx_server(MANUAL) as site, servers.redis_server() as server, scratch() as folder:
        environment = {"REDIS_URL": server.url, "DATA_DIR": str(folder)}
        settings = ("DOWNLOAD_DELAY=0", "CONCURRENT_REQUESTS_PER_DOMAIN=16", "CONCURRENT_REQUESTS=16")
        arguments = ["crawl", "links", "-a", f"start_urls={site.url}index.html", *_set(*settings)]
        start = _starter(["-m", "scrapy", *arguments], environment)
        _storm(start, site, kills, chance)
        start().wait()
        stored = subprocess.run(
            [sys.executable, "-m", "scrapy", "export", "sites"],
            cwd=ROOT,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.count("text/html")
        return stored, _fetched(site)


def stock(kills: int, chance: random.Random) -> tuple[int, int]:
    """The same by scrapy-redis as it comes; a page counts when its callback wrote it down."""
    with servers.nginx_server(MANUAL) as site, servers.redis_server() as server, scratch() as folder:
        pages = folder / "pages"
        spider = ["-m", "benchmarks.stock_scrapy_redis", site.url, server.url, str(pages)]
        redis.Redis.from_url(server.url, protocol=2).lpush("stock:start_urls", f"{site.url}index.html")
        start = _starter(spider, {})
        _storm(start, site, kills, chance)
        start().wait()
        return len(set(pages.read_text("utf-8").splitlines())), _fetched(site)


def _storm(start: Start, site: servers.NginxServer, kills: int, chance: random.Random) -> None:
    for _ in range(kills):
        worker, served = start(), _fetched(site)
        enough, deadline = served + chance.randint(*LIFE), time.monotonic() + PATIENCE
        while _fetched(site) < enough and worker.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        worker.send_signal(signal.SIGKILL)
        worker.wait()


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


def _fetched(site: servers.NginxServer) -> int:
    return sum(request.status == 200 and "html" in request.content_type for request in site.requests())  # noqa: PLR2004


def scratch() -> "tempfile.TemporaryDirectory[str]":
    return _Scratch()


class _Scratch(tempfile.TemporaryDirectory[str]):
    def __enter__(self) -> Path:  # type: ignore[override]
        return Path(super().__enter__())


if __name__ == "__main__":
    sys.exit(main())
