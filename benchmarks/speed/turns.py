"""Two programs that differ little, both alive and in turns of half a second.

What else a machine does makes it a tenth faster or slower within a minute, and one run of a program as much
faster or slower than the next: two runs one after the other tell nothing of a difference of a tenth.
"""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace

from benchmarks.speed import hits
from benchmarks.speed.hits import Hits
from benchmarks.speed.measure import ALMOST_ALL, START, check_rows
from benchmarks.speed.programs import Program
from benchmarks.speed.stage import Crowd, Place, SpeedError, Stage
from tests.servers import NginxServer

TURN = 0.5  # seconds
#: What is on its way when a program is stopped is answered within so many seconds.
ON_ITS_WAY = 0.02


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds that both run before the first turn, and how many turns each gets."""

    warm_up: float
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

    def go(self, seconds: float) -> None:
        """Let it run for so long; it is stopped before and after."""
        (pid,) = self.crowd.pids
        began = time.monotonic()
        os.kill(pid, signal.SIGCONT)
        self.crowd.until(lambda: self.seen.count() >= ALMOST_ALL, seconds)
        os.kill(pid, signal.SIGSTOP)
        self.ran += time.monotonic() - began
        time.sleep(ON_ITS_WAY)


def ratio(stage: Stage, one: Program, other: Program, pace: Pace) -> float:
    """How many times as many pages a second one fetches as the other.

    Raises:
        SpeedError: One of them did not do its work.
    """
    with _both(stage, (one, other)) as runners:
        for runner in runners:
            if not runner.crowd.until(lambda seen=runner.seen: seen.count() > 0, START):  # type: ignore[misc]  # bound early
                raise SpeedError(f"{runner.program.name} fetched nothing:\n{runner.crowd.last_words()}")
        time.sleep(pace.warm_up)
        for runner in runners:
            os.kill(runner.crowd.pids[0], signal.SIGSTOP)
        time.sleep(ON_ITS_WAY)
        began = time.time()
        for turn in range(pace.turns):
            for runner in runners if turn % 2 == 0 else runners[::-1]:
                runner.go(TURN)
        mine, others = (_speed(runner, began) for runner in runners)
        for runner in runners:
            check_rows(runner.program, runner.place)
        return mine / others


def _speed(runner: Runner, began: float) -> float:
    pages = hits.pages(runner.site.requests(), began, time.time())
    if not pages:
        raise SpeedError(f"{runner.program.name} followed no page:\n{runner.crowd.last_words()}")
    return pages / runner.ran


@contextmanager
def _both(stage: Stage, programs: Sequence[Program]) -> Iterator[list[Runner]]:
    with ExitStack() as stack:
        first = stack.enter_context(stage.place(0))
        second = stack.enter_context(stage.beside())
        site = stack.enter_context(stage.another_site())
        places = [(first, stage.site), (replace(second, site_url=site.url), site)]
        yield [
            Runner(
                program,
                place,
                site,
                stack.enter_context(Crowd([program.command(place)], place)),
                stack.enter_context(closing(Hits(site))),
            )
            for program, (place, site) in zip(programs, places, strict=True)
        ]
