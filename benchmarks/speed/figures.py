"""Medians, spreads and ratios of several runs, with their goals."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.speed.curve import Point
from benchmarks.speed.measure import Run
from benchmarks.speed.programs import Pair
from benchmarks.table import Row


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured several times; without a goal it is for information."""

    name: str
    values: Sequence[float]
    goal: float | None = None
    sense: str = ">="

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def row(self) -> Row:
        """For the table that every benchmark prints."""
        name = f"{self.name} ({self.spread})" if self.spread else self.name
        return Row(name, self.median, self.goal, self.sense)

    @property
    def spread(self) -> str:
        """From the lowest to the highest, where there are several."""
        if len(self.values) == 1:
            return ""
        return f"{short(min(self.values))} to {short(max(self.values))}"

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        known = {"name": self.name, "median": self.median, "low": min(self.values), "high": max(self.values)}
        return (
            known
            if self.goal is None
            else known | {"goal": f"{self.sense} {self.goal:g}", "met": self.row().met}
        )


def short(value: float) -> str:
    """With as many digits as tell something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004  three digits do


#: Name, the two programs, and how many times faster the first is to be.
RATIOS = (
    ("over stock Scrapy, queue in memory", "ours", "scrapy", 5.0),
    ("over stock scrapy-redis, Redis on loopback", "ours", "scrapy-redis", 9.0),
    ("over stock scrapy-redis, Redis at 2 ms for both", "ours-2ms", "scrapy-redis-2ms", 90.0),
    ("over stock scrapy-redis, Redis at 10 ms for both", "ours-10ms", "scrapy-redis-10ms", 300.0),
    ("over Crawlee for Python, queue in memory", "ours", "crawlee", 2.2),
    ("over the bare loop (stretch 0.35)", "ours", "bare", 0.30),
)

Round = Mapping[str, Run]


def ratios(rounds: Sequence[Round]) -> list[Figure]:
    """Each round's own ratio: what a machine does to one round it does to both programs."""
    return [
        Figure(name, [each[fast].speed / each[slow].speed for each in rounds], goal)
        for name, fast, slow, goal in RATIOS
        if all(fast in each and slow in each for each in rounds)
    ]


def pairs(shares: Mapping[Pair, Sequence[float]]) -> list[Figure]:
    """What is kept of the other's speed, in turns of half a second."""
    return [Figure(pair.name, kept, pair.goal) for pair, kept in shares.items()]


def trips(rounds: Sequence[Round]) -> Figure:
    """Script calls a page: everything that a worker at work says to Redis is one."""
    runs = [each["ours"] for each in rounds]
    return Figure(
        "round trips to Redis a page", [run.a_page(run.used.redis.scripts) for run in runs], 0.02, "<="
    )


def first_bytes(milliseconds: Sequence[float]) -> list[Figure]:
    """Of seeds pushed to an idle worker."""
    return [
        Figure("push of a seed to its first byte at the site, median, ms", [statistics.median(milliseconds)]),
        Figure("the same, p95, ms", [percentile(milliseconds, 95)], 50, "<="),
    ]


def percentile(values: Sequence[float], which: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[which - 1]


#: Goals of so many workers over one.
SCALING = {2: 0.95, 8: 0.90}


def scaling(points: Sequence[Sequence[Point]]) -> list[Figure]:
    """Pages a CPU second of several workers over that of one, each round by itself."""
    return [
        Figure(
            f"pages a CPU second of the workers, {count} over 1", _over_one(points, count), SCALING.get(count)
        )
        for count in _counts(points)
    ]


def apart(points: Sequence[Sequence[Point]]) -> list[Figure]:
    """The same where no server interrupts a worker."""
    return [
        Figure(f"the same with the servers on other cores, {count} over 1", _over_one(points, count))
        for count in _counts(points)
    ]


def _counts(points: Sequence[Sequence[Point]]) -> list[int]:
    return sorted({point.workers for one in points for point in one} - {1})


def _over_one(points: Sequence[Sequence[Point]], count: int) -> list[float]:
    each = [{point.workers: point.pages_a_cpu_second for point in one} for one in points]
    return [one[count] / one[1] for one in each]


def capacities(runs: Sequence[Run]) -> list[Figure]:
    """How many pages a second one core of each part carries, by the CPU time of a page."""
    return [
        Figure(
            "pages a second that a core of workers carries", [run.pages / run.used.workers for run in runs]
        ),
        Figure(
            "pages a second that one Redis carries: one thread",
            [run.pages / run.used.redis.cpu for run in runs],
        ),
        Figure(
            "pages a second that a core of MariaDB carries", [run.pages / run.used.database for run in runs]
        ),
    ]


def first_full(carried: Sequence[Figure]) -> str:
    """Which part is full first, in words; the workers and MariaDB can have more cores, Redis cannot."""
    workers, queue, database = (figure.median for figure in carried)
    return (
        f"By CPU time Redis, which is one thread, is full first: at about {queue:,.0f} pages/s, when"
        f" {queue / workers:.0f} cores of workers and {queue / database:.1f} of MariaDB are busy"
    )
