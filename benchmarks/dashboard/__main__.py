"""What the control tower costs: its pages, its start, its viewers, its downloads and its retries.

    python -m benchmarks.dashboard [--quick] [--logs N] [--domains N] [--database sqlite|mariadb]

`scrapy dashboard` is a process of its own, asked by HTTP, with a private Redis and database. The roll-ups are
those of ten million logs of 20,000 domains; the newest million of the logs are rows, too. Beside it is one
with 10,000 logs, and both are asked in turn. Pages are read anew each time, as the first viewer of a second
sees them. At last a crawl is measured with ten viewers and without.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.dashboard.beside_a_crawl import beside_a_crawl
from benchmarks.dashboard.crowded import NAME, crowd
from benchmarks.dashboard.downloads import downloads
from benchmarks.dashboard.filling import Size, fill
from benchmarks.dashboard.retrying import retrying
from benchmarks.dashboard.tower import Tower, get, p95, tower
from benchmarks.dashboard.trips import trips
from benchmarks.dashboard.viewers import viewers
from benchmarks.numbers import at_least
from benchmarks.speed.stage import Place
from benchmarks.table import Row, show
from scraping_project.frontier.connection import connect
from testing import servers

PAGES = ("/", "/failures", f"/frontier/{NAME}", f"/frontier/{NAME}/dead", "/runs", "/sites", "/logs")
FEW = 10_000  # logs of the other database
MOST_ROWS = 1_000_000
BEFORE = 3  # requests that are not counted: connections and templates are new


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything."""

    logs: int
    domains: int
    asked: int  # requests of each page
    watched: float  # seconds
    letters: int

    def size(self, logs: int) -> Size:
        return Size(logs, rows=min(logs, MOST_ROWS), sites=self.domains, runs=5_000)


def main() -> int:
    parser = argparse.ArgumentParser(description="What the control tower costs")
    parser.add_argument("--quick", action="store_true", help="little of everything, no crawl, MariaDB")
    parser.add_argument("--logs", type=at_least(FEW), metavar="N")
    parser.add_argument("--domains", type=at_least(1_000), metavar="N")
    parser.add_argument("--database", choices=("sqlite", "mariadb"), action="append", help="default: both")
    options = parser.parse_args()
    usual = (200_000, 2_000, 40, 5, 10_000) if options.quick else (10_000_000, 20_000, 200, 20, 100_000)
    plan = Plan(options.logs or usual[0], options.domains or usual[1], *usual[2:])
    for kind in options.database or ("mariadb", "sqlite")[: 1 if options.quick else 2]:
        with places(kind, plan) as (many, few):
            show(f"dashboard on {kind}: pages", pages(plan, many, few))
            with tower(many) as serving:
                show(f"dashboard on {kind}: start", start(serving))
                show(f"dashboard on {kind}: ten viewers", viewers(serving, plan.watched, PAGES))
                show(f"dashboard on {kind}: a download", downloads(serving, many))
                show(f"dashboard on {kind}: a retry of all", retrying(serving, plan.letters))
    if not options.quick:
        show("dashboard beside a crawl", beside_a_crawl())
    return 0


@contextmanager
def places(kind: str, plan: Plan) -> Iterator[tuple[Place, Place]]:
    """One with many logs and one with few; the frontier is the same."""
    with ExitStack() as stack:
        queue = stack.enter_context(servers.redis_server(appendonly="no"))
        server = stack.enter_context(servers.mariadb_server()) if kind == "mariadb" else None
        with closing(connect(queue.url)) as client:
            crowd(client, slots=plan.domains // 2, letters=plan.letters)
        made = []
        for logs in (plan.logs, FEW):
            folder = stack.enter_context(TemporaryDirectory(prefix="dashboard-"))
            url = server.database() if server else f"sqlite:///{Path(folder) / 'scraping.db'}"
            fill(url, plan.size(logs))
            made.append(Place("", queue.url, url, folder))
        yield made[0], made[1]


def pages(plan: Plan, many: Place, few: Place) -> Iterator[Row]:
    with tower(many, shares=False) as large, tower(few, shares=False) as small:
        for path in PAGES:
            cpu = large.cpu
            at_many, at_few = map(p95, in_turn([large, small], path, plan.asked))
            cpu = (large.cpu - cpu) / (plan.asked + BEFORE)
            yield Row(f"{path}: p95, ms", 1000 * at_many, 50, "<=")
            yield Row(f"{path}: p95, {plan.logs:,} logs over {FEW:,}", at_many / at_few, 1.5, "<=")
            yield Row(f"{path}: CPU of the dashboard, ms", 1000 * cpu)
        yield from trips(large, many, PAGES)


def in_turn(towers: Sequence[Tower], path: str, asked: int) -> list[list[float]]:
    """The seconds of each request to each of them."""
    with ExitStack() as stack:
        connections = [stack.enter_context(closing(each.connect())) for each in towers]
        rounds = [[get(each, path) for each in connections] for _ in range(BEFORE + asked)]
    return [list(column) for column in zip(*rounds[BEFORE:], strict=True)]


def start(serving: Tower) -> Iterator[Row]:
    yield Row("seconds to the first answer of /healthz", serving.started_in, 2, "<=")
    yield Row("the same in CPU time", serving.started_cpu)
    yield Row("MB resident then", serving.started_resident / 1e6, 90, "<=")


if __name__ == "__main__":
    sys.exit(main())
