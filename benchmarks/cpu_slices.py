"""What long CPU slices bring (CPU_LONG_SLICES), where workers outnumber processors.

    python -m benchmarks.cpu_slices [--workers N] [--crowds N]

On the speed benchmark's site, with its servers on the same cores. The same living workers have long slices
and usual ones in turns of a second and a half, from the 1,500th page of their crawl to its end. Every second
crowd begins with the usual ones. So everything else that the machine does meets both alike.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

from benchmarks.numbers import at_least
from benchmarks.speed import hits
from benchmarks.speed.__main__ import CACHE
from benchmarks.speed.curve import SEEDS, wait
from benchmarks.speed.figures import Figure
from benchmarks.speed.hits import Hits
from benchmarks.speed.measure import ALMOST_ALL, START
from benchmarks.speed.programs import CONCURRENCY, first_page, ours
from benchmarks.speed.site import site
from benchmarks.speed.stage import Crowd, SpeedError, Stage, stage
from benchmarks.speed.usage import total_cpu
from benchmarks.table import show
from scraping_project.tuning.cpu_slices import SLICE_MS, set_slices
from testing.servers import Request

FIRST_PAGE, TURN = 1_500, 1.5
#: Long or usual, so that a crawl that grows faster favours neither.
ORDER = (True, False, False, True)


class Turn(NamedTuple):
    """One turn of all workers."""

    is_long: bool
    began: float
    ended: float
    cpu: float  # seconds


def main() -> int:
    parser = argparse.ArgumentParser(description="What long CPU slices bring")
    parser.add_argument("--workers", type=at_least(1), default=4, metavar="N")
    parser.add_argument("--crowds", type=at_least(1), default=8, metavar="N", help="crawls of the site")
    options = parser.parse_args()
    try:
        with stage(site(CACHE)) as ready:
            gains = [gain(ready, options.workers, number) for number in range(options.crowds)]
    except SpeedError as error:
        raise SystemExit(str(error)) from error
    show(f"{options.workers} workers, long slices over usual ones", (each.row() for each in figures(gains)))
    return 0


def figures(gains: Iterable[tuple[float, float]]) -> Iterator[Figure]:
    for name, values in zip(("pages a second", "pages a CPU second"), zip(*gains, strict=True), strict=True):
        yield Figure(name, values)
        if len(values) > 1:
            yield Figure(f"{name}, standard error", [statistics.stdev(values) / len(values) ** 0.5])


def gain(stage: Stage, workers: int, number: int) -> tuple[float, float]:
    """How many times as many pages a second, and a CPU second, one crowd has with long slices."""
    concurrency = f"CONCURRENT_REQUESTS_PER_DOMAIN={CONCURRENCY * workers}"
    with (
        stage.place() as place,
        Crowd([ours(place, "-s", concurrency, waits=True)] * workers, place) as crowd,
        closing(Hits(stage.site)) as seen,
    ):
        wait(stage, crowd, workers)
        stage.client.lpush(SEEDS, first_page(place))
        if not crowd.until(lambda: seen.count() >= FIRST_PAGE, START):
            raise SpeedError(f"has not come to page {FIRST_PAGE}:\n{crowd.last_words()}")
        turns: list[Turn] = []
        while seen.count() < ALMOST_ALL:
            turns.append(go(crowd, seen, is_long=ORDER[(len(turns) + 2 * number) % len(ORDER)]))
    whole = complete(turns)
    if not whole:
        raise SpeedError(f"fetched the site in {len(turns)} turns, too few to compare: run fewer workers")
    requests = list(stage.site.requests())
    long, usual = (
        rates([turn for turn in whole if turn.is_long is kind], requests) for kind in (True, False)
    )
    speed, thrift = long[0] / usual[0], long[1] / usual[1]
    print(f"  {workers} workers: {speed:.3f} pages/s, {thrift:.3f} a CPU second", file=sys.stderr, flush=True)
    return speed, thrift


def go(crowd: Crowd, seen: Hits, *, is_long: bool) -> Turn:
    """Let the workers run for a turn, with slices of one kind."""
    for pid in crowd.pids:
        set_slices(pid, SLICE_MS if is_long else 0)
    began, cpu = time.time(), total_cpu(crowd.pids)
    crowd.until(lambda: seen.count() >= ALMOST_ALL, TURN)
    return Turn(is_long, began, time.time(), total_cpu(crowd.pids) - cpu)


def complete(turns: Sequence[Turn]) -> Sequence[Turn]:
    """The turns without the last, which is cut short, and without those that have no counterpart."""
    return turns[: (len(turns) - 1) // len(ORDER) * len(ORDER)]


def rates(turns: Sequence[Turn], requests: Sequence[Request]) -> tuple[float, float]:
    """Pages a second and a CPU second."""
    pages = sum(hits.pages(requests, turn.began, turn.ended) for turn in turns)
    return pages / sum(turn.ended - turn.began for turn in turns), pages / sum(turn.cpu for turn in turns)


if __name__ == "__main__":
    sys.exit(main())
