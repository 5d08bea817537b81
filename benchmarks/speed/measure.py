"""One program for a fixed time: what it did, and what it used."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from benchmarks.speed import hits
from benchmarks.speed.hits import Hits
from benchmarks.speed.programs import Program, first_page
from benchmarks.speed.site import PAGES
from benchmarks.speed.stage import Crowd, Place, SpeedError, Stage, stored
from benchmarks.speed.usage import Reading, peak_memory, total_cpu

#: Seconds that a program gets until its first request.
START = 60.0
#: The window ends before the site does: the last pages of a crawl leave a program idle.
ALMOST_ALL = int(PAGES * 0.95)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds from the first request to the window, and of the window."""

    warm_up: float
    window: float


@dataclass(frozen=True, slots=True)
class Run:
    """One window of one program."""

    pages: float
    used: Reading
    peak_memory: int  # bytes, of the process that had most

    @property
    def speed(self) -> float:
        """Pages a second."""
        return self.pages / self.used.instant

    def a_page(self, amount: float) -> float:
        return amount / self.pages


def measure(stage: Stage, program: Program, timing: Timing) -> Run:
    """Run it once.

    Raises:
        SpeedError: It did not do its work.
    """
    with stage.place(program.round_trip_ms) as place:
        if program.seeds:
            stage.client.lpush(program.seeds, first_page(place))
        with naming(program):
            with Crowd([program.command(place)], place) as crowd:
                run = watch(stage, crowd, timing, program)
            check_rows(program, place)
        return run


@contextmanager
def naming(program: Program) -> Iterator[None]:
    """Say of what goes wrong with which program."""
    try:
        yield
    except SpeedError as error:
        raise SpeedError(f"{program.name} {error}") from error


def watch(stage: Stage, crowd: Crowd, timing: Timing, program: Program) -> Run:
    """Count what these processes do between the warm-up, which begins with their first request, and its end.

    Raises:
        SpeedError: They fetch nothing, or end.
    """
    with closing(Hits(stage.site)) as seen:
        before, after = _around(stage, crowd, timing, seen)
        most = max(map(peak_memory, crowd.pids))
    used = after - before
    site_saw = hits.pages(stage.site.requests(), before.instant, after.instant)
    pages = program.pages(site_saw, used.redis.checks)
    if not pages:
        raise SpeedError(f"followed no page in {timing.window:g} s:\n{crowd.last_words()}")
    return Run(pages, used, most)


def _around(stage: Stage, crowd: Crowd, timing: Timing, seen: Hits) -> tuple[Reading, Reading]:
    """The readings at both ends of the window."""
    if not crowd.until(lambda: seen.count() > 0, START):
        raise SpeedError(f"fetched nothing in {START:g} s:\n{crowd.last_words()}")
    crowd.until(lambda: seen.count() >= ALMOST_ALL, timing.warm_up)
    before = _reading(stage, crowd)
    crowd.until(lambda: seen.count() >= ALMOST_ALL, timing.window)
    return before, _reading(stage, crowd)


def _reading(stage: Stage, crowd: Crowd) -> Reading:
    return Reading(
        time.time(),
        total_cpu(crowd.pids),
        total_cpu([stage.site.pid]),
        total_cpu([stage.database.pid]),
        stage.redis_use(),
    )


def check_rows(program: Program, place: Place) -> None:
    """See that it stored what it is to store.

    Raises:
        SpeedError: It has not, or has and should not.
    """
    if program.stores is not None and program.stores != bool(rows := stored(place)):
        raise SpeedError(f"left {rows} rows in the database")
