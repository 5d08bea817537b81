"""What more workers bring on one machine: pages a second of their own CPU time."""

from contextlib import nullcontext
from dataclasses import dataclass

from benchmarks.speed import cores
from benchmarks.speed.measure import START, Run, Timing, watch
from benchmarks.speed.programs import CONCURRENCY, WORKER, first_page, ours
from benchmarks.speed.stage import Crowd, SpeedError, Stage

#: The links spider's own list of seeds.
SEEDS = "links:start_urls"


@dataclass(frozen=True, slots=True)
class Point:
    """One number of workers."""

    workers: int
    run: Run

    @property
    def pages_a_cpu_second(self) -> float:
        return self.run.pages / self.run.used.workers


def point(stage: Stage, workers: int, timing: Timing, *, apart: bool = False) -> Point:
    """Start so many workers, and only when all of them wait give them the first page.

    So their start, which takes more CPU than a short window, lies before it. Each may have as many requests
    under way as one alone has, though the site's slot counts those of all.

    Args:
        stage: Where.
        workers: How many.
        timing: For how long.
        apart: The servers are on other cores than the workers, which share half of all.
    """
    concurrency = f"CONCURRENT_REQUESTS_PER_DOMAIN={CONCURRENCY * workers}"
    with (
        stage.place() as place,
        Crowd([ours(place, "-s", concurrency, waits=True)] * workers, place) as crowd,
    ):
        wait(stage, crowd, workers)
        with cores.apart(crowd.pids, stage.server_pids) if apart else nullcontext():
            stage.client.lpush(SEEDS, first_page(place))
            return Point(workers, watch(stage, crowd, timing, WORKER))


def wait(stage: Stage, crowd: Crowd, workers: int) -> None:
    """Return when so many workers block on the list of seeds."""
    if not crowd.until(lambda: stage.info("clients")["blocked_clients"] >= workers, START):
        raise SpeedError(f"of {workers} workers not all wait for seeds:\n{crowd.last_words()}")
