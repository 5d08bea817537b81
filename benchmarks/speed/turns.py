"""Two programs that differ little, both alive and in turns of half a second.

What else a machine does makes it faster or slower from minute to minute, by more than such programs differ:
two runs one after the other tell nothing of them.
"""

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TypeVar

from benchmarks.speed import hits
from benchmarks.speed.hits import Hits
from benchmarks.speed.measure import ALMOST_ALL, check_rows, naming
from benchmarks.speed.programs import Pair, Program
from benchmarks.speed.stage import LOOK, Crowd, Place, SpeedError, Stage
from testing.servers import NginxServer

Done = TypeVar("Done")

TURN = 0.5  # seconds
#: What is on its way when a program is stopped is answered within so many seconds.
ON_ITS_WAY = 0.02
#: Seconds until the first turn.
PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Which page of its crawl each comes to before the first turn, and how many turns each gets.

    The first pages are the dearest, since most of their links are new: whoever begins later, as one far from
    Redis does, would have more of them in its turns.
    """

    first_page: int
    turns: int


@dataclass(slots=True)
class Runner:
    """A program with a site, a queue and a database of its own."""

    program: Program
    place: Place
    site: NginxServer
    crowd: Crowd
    seen: Hits
    ran: float = 0.0  # seconds, in its turns

    def reaches(self, pages: int) -> bool:
        """Whether it has come so far, where it is stopped."""
        if reached := self.crowd.until(lambda: self.seen.count() >= pages, LOOK):
            self.stop()
        return reached

    def stop(self) -> None:
        os.kill(self.crowd.pids[0], signal.SIGSTOP)

    def go(self, seconds: float) -> None:
        """Let it run for so long; it is stopped before and after."""
        began = time.monotonic()
        os.kill(self.crowd.pids[0], signal.SIGCONT)
        self.crowd.until(lambda: self.seen.count() >= ALMOST_ALL, seconds)
        self.stop()
        self.ran += time.monotonic() - began
        time.sleep(ON_ITS_WAY)

    def speed_since(self, began: float) -> float:
        """Pages a second of its turns."""
        pages = hits.pages(self.site.requests(), began, time.time())
        if not pages:
            raise SpeedError(f"followed no page in {self.ran:g} s:\n{self.crowd.last_words()}")
        check_rows(self.program, self.place)
        return pages / self.ran


def share(stage: Stage, pair: Pair, pace: Pace) -> float:
    """How many times as many pages a second one of a pair fetches as the other.

    Raises:
        SpeedError: One of them did not do its work.
    """
    with _both(stage, pair) as runners:
        bring_to(pace.first_page, runners)
        time.sleep(ON_ITS_WAY)
        began = time.time()
        for turn in range(pace.turns):
            _each(lambda runner: runner.go(TURN), runners if turn % 2 == 0 else runners[::-1])
        mine, others = _each(lambda runner: runner.speed_since(began), runners)
        return mine / others


def bring_to(page: int, runners: Iterable[Runner]) -> None:
    """Let each run until it has come to a page of its crawl."""
    deadline = time.monotonic() + PATIENCE
    behind = list(runners)
    while behind:
        for runner in list(behind):
            with naming(runner.program):
                if runner.reaches(page):
                    behind.remove(runner)
                elif time.monotonic() > deadline:
                    words = runner.crowd.last_words()
                    raise SpeedError(f"has not come to page {page} in {PATIENCE:g} s:\n{words}")


def _each(do: Callable[[Runner], Done], runners: Iterable[Runner]) -> list[Done]:
    done = []
    for runner in runners:
        with naming(runner.program):
            done.append(do(runner))
    return done


@contextmanager
def _both(stage: Stage, pair: Pair) -> Iterator[list[Runner]]:
    with ExitStack() as stack:
        first = stack.enter_context(stage.place(pair.one.round_trip_ms))
        second = stack.enter_context(stage.beside(pair.other.round_trip_ms))
        site = stack.enter_context(stage.another_site())
        places = [(first, stage.site), (second.at(site.url), site)]
        yield [
            Runner(
                program,
                place,
                site,
                stack.enter_context(Crowd([program.command(place)], place)),
                stack.enter_context(closing(Hits(site))),
            )
            for program, (place, site) in zip((pair.one, pair.other), places, strict=True)
        ]
