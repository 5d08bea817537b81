"""How politely workers behave together, from the sites' own records, and what that costs.

    python -m benchmarks.politeness [--quick]

Eight workers and five hosts with a delay of 0.5 s: calm, then with a worker killed and another stopped every
few seconds, then by stock scrapy-redis with the same settings; the same with a Crawl-delay of 2 s, and with
answers of 429 that ask for 3 s. Four workers and 1,000 hosts with a delay of 2 s. Two workers and 50 hosts,
alone and with one more that takes 10 s an answer. One worker without a delay. A request began at nginx's
$msec - $request_time.
"""

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import redis

from benchmarks.table import Row, show
from testing import servers
from testing.polite_sites import (
    HOSTS,
    SLACK,
    Answer,
    Site,
    Visit,
    excess,
    gaps,
    links,
    site,
    write_pages,
)
from testing.polite_sites import stop_and_kill as storm

ROOT = Path(__file__).parent.parent
DELAY, CRAWL_DELAY, RETRY_AFTER = 0.5, 2.0, 3.0
#: Stock scrapy-redis with our settings; else as benchmarks/peers/stock_scrapy.py sets it up.
STOCK = (
    "from benchmarks.peers import stock_scrapy as stock;"
    f"stock.SETTINGS.update(DOWNLOAD_DELAY={DELAY}, DOWNLOAD_DELAY_JITTER=0);"
    "stock.SETTINGS.update(CONCURRENT_REQUESTS_PER_DOMAIN=1);"
    "stock.main()"
)

Worker = subprocess.Popen[str]
Times = dict[str, list[float]]


class ManyHosts(servers.NginxServer):
    """One nginx that serves the same pages on many addresses."""

    def __init__(self, directory: Path, root: Path, hosts: Sequence[str]) -> None:
        super().__init__(directory, root, hosts[0])
        self.hosts = hosts
        here = f"listen {self.host}:{self.port} backlog=4096;"
        everywhere = "\n".join(here.replace(self.host, host) for host in hosts)
        text = self._conf.read_text().replace("worker_connections 4096", "worker_connections 16384")
        self._conf.write_text(text.replace(here, everywhere))

    @property
    def urls(self) -> list[str]:
        return [f"http://{host}:{self.port}/index.html" for host in self.hosts]

    def times(self) -> Times:
        """When the requests of each host began."""
        found: Times = defaultdict(list)
        for request in self.requests():
            found[request.host].append(request.began)
        return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="shorter, and without what takes long")
    quick = parser.parse_args().quick
    show("politeness", of_gaps(6) if quick else everything())
    return 0


def everything() -> Iterator[Row]:
    yield from of_gaps(45)
    yield from of_crawl_delay(16)
    yield from of_retry_after(20)
    yield from of_many_hosts(20)
    yield from of_a_slow_host(12)
    yield from of_no_delay()


def of_gaps(seconds: float) -> Iterator[Row]:
    with (
        many_hosts(HOSTS) as sites,
        crowd(ours(sites.urls, f"DOWNLOAD_DELAY={DELAY}"), 8) as (workers, start),
    ):
        wait_for(sites, workers)
        time.sleep(seconds / 3)
        calm = sites.times()
        yield from judged("8 workers", calm, DELAY)
        kills, stops = storm(workers, start, time.monotonic() + seconds)
        yield from judged(f"8 workers, {kills} killed, {stops} stopped", sites.times(), DELAY, stops)
    with many_hosts(HOSTS) as sites, crowd(stock, 8, sites.urls) as (workers, _):
        wait_for(sites, workers)
        time.sleep(seconds / 3)
        yield from judged("stock scrapy-redis, 8 workers", sites.times(), DELAY, None)


def of_crawl_delay(seconds: float) -> Iterator[Row]:
    robots = f"User-agent: *\nCrawl-delay: {CRAWL_DELAY:g}\n"
    with (
        many_hosts(HOSTS, robots) as sites,
        crowd(ours(sites.urls, f"DOWNLOAD_DELAY={DELAY}"), 8) as (workers, _),
    ):
        wait_for(sites, workers)
        time.sleep(seconds)
        yield from judged("8 workers, Crawl-delay 2", sites.times(), CRAWL_DELAY)


def of_retry_after(seconds: float) -> Iterator[Row]:
    """Every tenth page is refused when it is asked for the first time."""
    paths = [f"/{number}" for number in range(400)]

    def answer(visit: Visit) -> Answer:
        path, host = visit.path, visit.host
        if path.endswith("5") and len(asked.of(host, path)) == 1:
            return Answer(status=429, headers=(f"Retry-After: {RETRY_AFTER:g}",))
        return links(*paths) if path == "/" else Answer(status=404 if path == "/robots.txt" else 200)

    with site(answer, HOSTS) as asked:
        urls = [asked.url(host=host) for host in HOSTS]
        with crowd(ours(urls, "DOWNLOAD_DELAY=0.2"), 8):
            time.sleep(seconds)
    waits = list(waits_after_refusals(asked))
    yield Row("8 workers, 429 with Retry-After 3: how often it was said", len(waits))
    yield Row("seconds until the next request to that host, at the least", min(waits), RETRY_AFTER - SLACK)


def waits_after_refusals(asked: Site) -> Iterator[float]:
    for host in HOSTS:
        visits, refused = asked.of(host), set[str]()
        for visit, following in pairwise(visits):
            if visit.path.endswith("5") and visit.path not in refused:
                refused.add(visit.path)
                yield following.began - visit.ended


def of_many_hosts(seconds: float) -> Iterator[Row]:
    delay, ramp = 2.0, 15.0
    hosts = [f"127.0.{1 + number // 250}.{1 + number % 250}" for number in range(1000)]
    with ExitStack() as stack:
        sites = stack.enter_context(many_hosts(hosts, pages=40))
        workers, _ = stack.enter_context(crowd(ours(sites.urls, f"DOWNLOAD_DELAY={delay:g}"), 4))
        wait_for(sites, workers)
        time.sleep(ramp + seconds)
        times = sites.times()
    first = min(map(min, times.values())) + ramp
    served = sum(first <= at < first + seconds for each in times.values() for at in each)
    yield Row("1,000 hosts at 2 s, 4 workers: pages a second of the 500 allowed", served / seconds, 475)
    all_gaps = [gap for each in times.values() for gap in gaps(each)]
    yield Row("gaps >= 1.8 s, %", 100 * sum(gap >= 0.9 * delay for gap in all_gaps) / len(all_gaps), 99)


def of_a_slow_host(seconds: float) -> Iterator[Row]:
    hosts = [f"127.0.9.{number}" for number in range(1, 51)]
    alone = fast_pages(hosts, seconds, [])
    slowly = replace(links(*(f"/{number}" for number in range(50))), after=10.0)
    with site(lambda _: slowly, ["127.0.9.100"]) as slow:
        beside = fast_pages(hosts, seconds, [slow.url()])
    yield Row("50 hosts at 0.5 s, 2 workers: pages/s of the 100 allowed", alone)
    yield Row("a 51st that answers in 10 s: what it costs them, %", 100 * (1 - beside / alone), 5, "<=")


def fast_pages(hosts: Sequence[str], seconds: float, others: list[str]) -> float:
    """Pages a second of the hosts, from five seconds after the first."""
    settings = (f"DOWNLOAD_DELAY={DELAY}",)
    with many_hosts(hosts) as sites, crowd(ours([*others, *sites.urls], *settings), 2) as (workers, _):
        wait_for(sites, workers)
        time.sleep(5 + seconds)
        times = sorted(at for each in sites.times().values() for at in each)
    return sum(times[0] + 5 <= at < times[0] + 5 + seconds for at in times) / seconds


def of_no_delay() -> Iterator[Row]:
    with many_hosts(["127.0.0.1"], pages=2500) as sites:
        settings = ("DOWNLOAD_DELAY=0", "CONCURRENT_REQUESTS_PER_DOMAIN=32")
        with crowd(ours(sites.urls, *settings), 1) as (workers, _):
            workers[0].wait()
        (times,) = sites.times().values()
    yield Row("no delay, 1 worker: pages/s", len(times) / (max(times) - min(times)))


def judged(name: str, times: Times, delay: float, stops: int | None = 0) -> Iterator[Row]:
    """The figures of one run; ``stops`` None: of a peer, which has no goals."""
    early = sum(gap < delay - SLACK for each in times.values() for gap in gaps(each))
    count = sum(len(each) - 1 for each in times.values())
    over = max(math.ceil(excess(each, delay)) for each in times.values())
    ended = max(map(max, times.values()))
    rate = sum(len(each) / (ended - min(each) + delay) for each in times.values())
    has_goals = stops is not None
    yield Row(
        f"{name}: gaps >= {delay - SLACK:g} s, %", 100 * (1 - early / count), 99.9 if has_goals else None
    )
    if stops:
        yield Row("gaps shorter than that, beyond one for each SIGSTOP", max(early - stops, 0), 0, "<=")
    yield Row("requests too many in the worst window", over, 0 if has_goals else None, "<=")
    yield Row(f"requests a second of the {len(times) / delay:g} allowed", rate)


@contextmanager
def many_hosts(hosts: Sequence[str], robots: str = "", pages: int = 200) -> Iterator[ManyHosts]:
    with tempfile.TemporaryDirectory() as root, tempfile.TemporaryDirectory() as directory:
        write_pages(Path(root), pages, robots)
        with ManyHosts(Path(directory), Path(root), hosts) as server:
            yield server


Command = Callable[[str], list[str]]


def ours(urls: Sequence[str], *settings: str) -> Command:
    arguments = ["crawl", "links", "-a", f"start_urls={','.join(urls)}"]
    arguments += [part for setting in settings for part in ("-s", setting)]
    return lambda _: [sys.executable, "-m", "scrapy", *arguments]


def stock(redis_url: str) -> list[str]:
    return [sys.executable, "-c", STOCK, "unused", "--redis", redis_url]


@contextmanager
def crowd(
    command: Command, count: int, seeds: Sequence[str] = ()
) -> Iterator[tuple[list[Worker], Callable[[], Worker]]]:
    """So many workers, and what starts one more; they are killed when the block ends."""
    with ExitStack() as stack:
        server = stack.enter_context(servers.redis_server())
        environment = os.environ | {
            "REDIS_URL": server.url, "DATA_DIR": stack.enter_context(tempfile.TemporaryDirectory()),
        }  # fmt: skip
        if seeds:
            with redis.Redis.from_url(server.url, protocol=2) as client:
                client.lpush("stock:start_urls", *seeds)

        def start() -> Worker:
            return subprocess.Popen(  # noqa: S603  our own command
                servers.dies_with_us(command(server.url)),
                cwd=ROOT,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                text=True,
            )

        workers = [start() for _ in range(count)]
        try:
            yield workers, start
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()


def wait_for(sites: ManyHosts, workers: Sequence[Worker], patience: float = 60.0) -> None:
    """Wait until every host was asked."""
    deadline = time.monotonic() + patience
    while len(sites.times()) < len(sites.hosts):
        if time.monotonic() > deadline or any(worker.poll() is not None for worker in workers):
            raise SystemExit("the workers do not ask every host")
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
