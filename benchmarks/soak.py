"""Whether a worker's memory stays flat however long it crawls.

    python -m benchmarks.soak [--pages 1000000]

One worker on a site without end: every page of a private nginx links to two that nobody has seen, so that the
queue grows by a page a page. Its resident memory is read after every tenth of the way; the growth is that of
the second half, for the local mirror of the dupe filter (200,000 fingerprints) fills in the first.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import redis

from benchmarks.numbers import at_least
from benchmarks.table import Row, show
from scraping_project.frontier.keys import Keys
from testing import servers

ROOT = Path(__file__).parent.parent
ENDLESS = """location /endless/ {
  access_log off;
  default_type text/html;
  return 200 '<!DOCTYPE html><title>page</title><a href="/endless/$request_id-a">a</a>
  <a href="/endless/$request_id-b">b</a>';
}
"""
COMMAND = (
    sys.executable, "-m", "scrapy", "crawl", "links", "-s", "DOWNLOAD_DELAY=0", "-s", "ROBOTSTXT_OBEY=0",
    "-s", "CONCURRENT_REQUESTS_PER_DOMAIN=32",
)  # fmt: skip
TENTHS = 10


class EndlessSite(servers.NginxServer):
    """An nginx on which every page links to new ones; it keeps no record of requests."""

    def __init__(self, directory: Path, root: Path) -> None:
        super().__init__(directory, root, servers.LOOPBACK)
        text = self._conf.read_text()
        head, brace, tail = text.rpartition("location")
        self._conf.write_text(f"{head}{ENDLESS}{brace}{tail}")


def main() -> str | None:
    """None, or what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pages", type=at_least(TENTHS), default=1_000_000, help="how many pages to crawl")
    pages = parser.parse_args().pages
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        root = folder / "site"
        root.mkdir()
        site = stack.enter_context(EndlessSite(folder, root))
        server = stack.enter_context(servers.redis_server(appendonly="yes"))
        url = f"{site.url}endless/0"
        environment = {**os.environ, "REDIS_URL": server.url, "DATA_DIR": str(folder / "data")}
        # More than are read, for a worker that ends is not one that crawls.
        command = [*COMMAND, "-a", f"start_urls={url}", "-a", f"max_pages={pages + pages // TENTHS}"]
        worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603  ours
        stack.callback(worker.wait)
        stack.callback(worker.kill)
        client = stack.enter_context(redis.Redis.from_url(server.url, protocol=2))
        sizes = list(readings(client, worker, pages))
    if len(sizes) < TENTHS:
        return f"the worker ended by itself after {len(sizes)} tenths of the way, with {worker.returncode}"
    half = sizes[TENTHS // 2 - 1]
    tenths = ", ".join(f"{size:.0f}" for size in sizes)
    show(
        f"memory of one worker over {pages:,} pages, MB after each tenth: {tenths}",
        [Row("growth over the second half, share of what it had", sizes[-1] / half - 1, 0.05, "<=")],
    )
    return None


def readings(client: "redis.Redis", worker: "subprocess.Popen[bytes]", pages: int) -> Iterator[float]:
    """Resident memory (MB) after each tenth of the pages, said as read; fewer if the worker ends before."""
    for tenth in range(1, TENTHS + 1):
        size = after(client, worker, pages * tenth // TENTHS)
        if size is None:
            return
        print(f"{pages * tenth // TENTHS:,} pages: {size:.0f} MB", file=sys.stderr, flush=True)
        yield size


def after(client: "redis.Redis", worker: "subprocess.Popen[bytes]", pages: int) -> float | None:
    """Resident memory (MB) once so many pages are answered; None when the worker has ended before."""
    size = None
    while (running := worker.poll() is None) and answered(client) < pages:
        size = resident(worker.pid) or size
        time.sleep(0.05)
    return size if running or answered(client) >= pages else None


def answered(client: "redis.Redis") -> int:
    return int(client.hget(Keys("links").of("crawl"), "pages") or 0)  # type: ignore[arg-type]  # not async


def resident(pid: int) -> float | None:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return None


if __name__ == "__main__":
    sys.exit(main())
