"""What a Redis that is far away costs, and how often a page needs it.

    python -m benchmarks.distance [--runs N]

One worker at full speed on PostgreSQL's manual, 32 concurrent requests, through a proxy that holds back what
passes: round trips of 0 and 10 ms in turn, N times; the ratio is the median of those of all turns. Pages a
second are those between the first and the last that ended. Such a crawl takes a second or two; a longer one
(benchmarks.speed) waits less often for its first steps.
"""

import argparse
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from datetime import datetime
from operator import truediv
from pathlib import Path

import redis

from benchmarks.numbers import at_least
from benchmarks.table import Row, show
from testing import servers
from testing.tcp_proxy import tcp_proxy

ROOT = Path(__file__).parent.parent
MANUAL = ROOT / ".cache" / "docs" / "postgresql"
SETTINGS = (
    "DOWNLOAD_DELAY=0",
    "CONCURRENT_REQUESTS_PER_DOMAIN=32",
    "ROBOTSTXT_OBEY=False",
    "COOKIES_ENABLED=False",
)


def main() -> int:
    parser = argparse.ArgumentParser(description="What a Redis that is far away costs")
    parser.add_argument("--runs", type=at_least(1), default=5, metavar="N")
    runs = parser.parse_args().runs
    near, far, trips = [], [], []
    for _ in range(runs):
        for delay_ms, speeds in ((0, near), (10, far)):
            speed, trips_a_page = crawl(delay_ms)
            speeds.append(speed)
            trips.append(trips_a_page)
    speeds = statistics.median(near), statistics.median(far)
    show(
        "distance",
        [
            Row("pages a second, Redis at 0 ms", speeds[0]),
            Row("pages a second, Redis at 10 ms", speeds[1]),
            Row("10 ms over 0 ms", statistics.median(map(truediv, far, near)), 0.95),
            Row("round trips to Redis a page", statistics.median(trips), 0.02, "<="),
        ],
    )
    return 0


def crawl(delay_ms: float) -> tuple[float, float]:
    """Pages a second and checkpoints a page."""
    with (
        servers.nginx_server(MANUAL) as site,
        servers.redis_server() as server,
        tcp_proxy(server.host, server.port) as proxy,
        tempfile.TemporaryDirectory() as folder,
    ):
        proxy.delay = delay_ms / 2000  # held back on the way there and on the way back
        environment = {"REDIS_URL": f"redis://127.0.0.1:{proxy.port}/0", "DATA_DIR": folder}
        command = [sys.executable, "-m", "scrapy", "crawl", "links", "-a", f"start_urls={site.url}index.html"]
        for setting in SETTINGS:
            command += ["-s", setting]
        subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=True, capture_output=True)  # noqa: S603
        with redis.Redis.from_url(server.url, protocol=2) as client:
            calls = client.info("commandstats")["cmdstat_evalsha"]["calls"]
        return _speed(Path(folder) / "scraping.db", calls)


def _speed(database: Path, calls: int) -> tuple[float, float]:
    connection = sqlite3.connect(database)
    pages, first, last = connection.execute(
        "SELECT count(*), min(finished_at), max(finished_at) FROM scrape_logs"
    ).fetchone()
    connection.close()
    seconds = (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()
    return pages / seconds, calls / pages


if __name__ == "__main__":
    sys.exit(main())
