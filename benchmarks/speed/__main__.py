"""How fast one worker is beside its peers, and what it uses.

    python -m benchmarks.speed [--quick] [--rounds N] [--into FOLDER]

All programs in turn, several rounds, each for a fixed time on the same site: 20,000 pages of 30 links and
4.5 kB, nginx on loopback, 32 concurrent requests, no delay, robots.txt and cookies off. Then, in turns of
half a second, one that stores beside one that does not, and one far from Redis beside one near; 1 to 8
workers, 1 and 8 with the servers on other cores, and seeds pushed to an idle worker. speed.json, speed.svg
and benchmarks.md go into docs/, those of a quick run into .cache/.
"""

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.numbers import at_least
from benchmarks.peers import venv
from benchmarks.speed import cores
from benchmarks.speed.curve import Point, point
from benchmarks.speed.measure import Run, Timing, measure
from benchmarks.speed.programs import FAR, PROGRAMS, STORED, Pair, Program
from benchmarks.speed.report import Report
from benchmarks.speed.seeds import latencies
from benchmarks.speed.site import site
from benchmarks.speed.stage import ROOT, SpeedError, Stage, stage
from benchmarks.speed.turns import Pace, share
from benchmarks.table import show

Each = TypeVar("Each")

CACHE = ROOT / ".cache"
#: Load for each core above which others have a part in what is measured.
BUSY = 0.5


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    programs: Sequence[Program]
    rounds: int
    timing: Timing
    pairs: Sequence[Pair]
    pair_rounds: int
    pace: Pace
    workers: Sequence[int]
    worker_rounds: int
    workers_apart: Sequence[int]
    seeds: int


#: Some twenty minutes.
FULL = Plan(
    PROGRAMS,
    3,
    Timing(3, 15),
    (STORED, FAR),
    8,
    Pace(4_000, 10),
    (1, 2, 4, 8),
    3,
    workers_apart=(1, 8),
    seeds=40,
)
#: About a minute, for daily use and not for quoting.
QUICK = Plan(
    [program for program in PROGRAMS if program.round_trip_ms != 2],  # noqa: PLR2004  the shorter distance
    1,
    Timing(1, 3),
    (STORED,),
    1,
    Pace(2_000, 4),
    (1, 2, 8),
    1,
    workers_apart=(),
    seeds=10,
)


def main() -> int:
    parser = argparse.ArgumentParser(description="How fast one worker is beside its peers")
    parser.add_argument("--quick", action="store_true", help="about a minute, for daily use")
    parser.add_argument("--rounds", type=at_least(1), metavar="N", help="rounds of all programs in turn")
    parser.add_argument("--into", type=Path, metavar="FOLDER", help="where the JSON and the picture go")
    options = parser.parse_args()
    plan = QUICK if options.quick else FULL
    venv.python()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # so that all servers end, too
    try:
        with stage(site(CACHE)) as ready:
            report = run(ready, plan, options.rounds or plan.rounds)
    except SpeedError as error:
        raise SystemExit(str(error)) from error
    _print(report)
    report.write(options.into or (CACHE / "benchmarks" if options.quick else ROOT / "docs"))
    return 0


def run(ready: Stage, plan: Plan, rounds: int) -> Report:
    """Measure everything."""
    load = os.getloadavg()[0]
    if load > len(os.sched_getaffinity(0)) * BUSY:
        print(f"  others use this machine (load {load:.1f}): the figures are worth little", file=sys.stderr)
    measured = [dict(_round(ready, plan, number)) for number in range(rounds)]
    shares = _shares(ready, plan)
    points = _points(ready, plan, plan.workers)
    apart = _apart(ready, plan)
    first_bytes = latencies(ready, plan.seeds)
    command = "make bench QUICK=1" if plan is QUICK else "make bench"
    return Report(plan.programs, measured, shares, points, apart, first_bytes, command, load)


def _round(ready: Stage, plan: Plan, number: int) -> Iterator[tuple[str, Run]]:
    """Every program once."""
    for program in _there_and_back(plan.programs, number):
        one = measure(ready, program, plan.timing)
        print(f"  {program.name:<50} {one.speed:8.1f} pages/s", file=sys.stderr, flush=True)
        yield program.key, one


def _there_and_back(all_of_them: Sequence[Each], number: int) -> Sequence[Each]:
    """Each second round backwards, so that a machine that drifts favours none."""
    return all_of_them if number % 2 == 0 else all_of_them[::-1]


def _shares(ready: Stage, plan: Plan) -> dict[Pair, list[float]]:
    """Every pair in turn, several times."""
    found: dict[Pair, list[float]] = {pair: [] for pair in plan.pairs}
    for _ in range(plan.pair_rounds):
        for pair, shares in found.items():
            shares.append(share(ready, pair, plan.pace))
            print(f"  {pair.name:<50} {shares[-1]:8.3f}", file=sys.stderr, flush=True)
    return found


def _points(ready: Stage, plan: Plan, workers: Sequence[int], *, apart: bool = False) -> list[list[Point]]:
    return [
        [_said(point(ready, count, plan.timing, apart=apart)) for count in _there_and_back(workers, number)]
        for number in range(plan.worker_rounds)
    ]


def _apart(ready: Stage, plan: Plan) -> list[list[Point]]:
    """Workers with the servers on other cores, where there are any."""
    return _points(ready, plan, plan.workers_apart, apart=True) if cores.are_several() else []


def _said(one: Point) -> Point:
    print(f"  {one.workers} workers {one.run.speed:40.1f} pages/s", file=sys.stderr, flush=True)
    return one


def _print(report: Report) -> None:
    head, *rows = report.lines()
    for line in (head, *rows):
        name, *cells = line
        print(f"{name:<42}", *(f"{cell:>15}" for cell in cells))
    show("speed", (figure.row() for figure in report.goals()))
    print(f"  {report.full()}")


if __name__ == "__main__":
    sys.exit(main())
