"""What a whole benchmark has found: as a table to print, as JSON, as a picture and in the docs."""

import json
import os
import platform
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.peers import venv
from benchmarks.speed import figures
from benchmarks.speed.curve import Point
from benchmarks.speed.figures import Figure, Round, short
from benchmarks.speed.measure import Run
from benchmarks.speed.picture import Bar, Chart, picture
from benchmarks.speed.programs import Pair, Program

BEGIN, END = "<!-- measured -->", "<!-- /measured -->"


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was measured in one go."""

    programs: Sequence[Program]
    rounds: Sequence[Round]
    shares: Mapping[Pair, Sequence[float]]  # of a program's speed that another keeps, each pair several times
    points: Sequence[Sequence[Point]]
    apart: Sequence[Sequence[Point]]  # with the servers on other cores, if that was measured
    first_bytes: Sequence[float]
    command: str
    load: float  # of the machine, by others, in the minute before

    def goals(self) -> list[Figure]:
        """The rows of the goal table."""
        return [
            *figures.ratios(self.rounds),
            *figures.pairs(self.shares),
            figures.trips(self.rounds),
            *figures.scaling(self.points),
            *figures.apart(self.apart),
            *figures.first_bytes(self.first_bytes),
            *self.capacities(),
        ]

    def capacities(self) -> list[Figure]:
        """By the runs of most workers, where the parts disturb each other most."""
        return figures.capacities([max(one, key=lambda point: point.workers).run for one in self.points])

    def lines(self) -> Iterator[list[str]]:
        """One line a program, and their head."""
        yield ["program", "pages/s", "spread", "CPU a page", "peak memory", "trips to Redis", "bytes a page"]
        for program in self.programs:
            runs = [each[program.key] for each in self.rounds]
            speeds = [run.speed for run in runs]
            yield [
                program.name,
                short(statistics.median(speeds)),
                f"{short(min(speeds))} to {short(max(speeds))}",
                f"{_median(runs, _cpu_ms):.2f} ms",
                f"{_median(runs, _mebibytes):.0f} MiB",
                f"{_median(runs, _trips(program)):.3g}" if program.uses_redis else "-",
                f"{_median(runs, _traffic):,.0f}" if program.uses_redis else "-",
            ]

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "measured": datetime.now(UTC).strftime("%Y-%m-%d"),
            "command": self.command,
            "machine": machine(),
            "load_before": self.load,
            "versions": versions(),
            "rounds": len(self.rounds),
            "programs": {
                program.key: [_plain(program, each[program.key]) for each in self.rounds]
                for program in self.programs
            },
            "workers": _plain_points(self.points),
            "workers_apart": _plain_points(self.apart),
            "goals": [figure.plain() for figure in self.goals()],
        }

    def charts(self) -> list[Chart]:
        speeds = Chart("Pages a second, one process", [self._bar(program) for program in self.programs])
        counts = [point.workers for point in self.points[0]]
        return [speeds, Chart("Pages a CPU second of the workers", [self._scale(count) for count in counts])]

    def write(self, folder: Path) -> None:
        """Write speed.json and speed.svg, and the tables into benchmarks.md where that is."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "speed.json").write_text(json.dumps(self.plain(), indent=1) + "\n", encoding="utf-8")
        (folder / "speed.svg").write_text(
            picture(self.charts(), self._note().replace("`", "")), encoding="utf-8"
        )
        page = folder / "benchmarks.md"
        if page.exists():
            page.write_text(insert(page.read_text("utf-8"), self.markdown()), encoding="utf-8")

    def markdown(self) -> str:
        """Both tables."""
        head, *rows = self.lines()
        goals = [_goal(figure) for figure in self.goals()]
        return "\n\n".join(
            (self._note(), table(head, rows), table(["", "median", "spread", "goal", ""], goals), self.full())
        )

    def full(self) -> str:
        return figures.first_full(self.capacities()) + "."

    def _note(self) -> str:
        return f"{datetime.now(UTC):%d %B %Y}, {machine()}, `{self.command}`, {len(self.rounds)} rounds."

    def _bar(self, program: Program) -> Bar:
        speeds = [each[program.key].speed for each in self.rounds]
        ours = program.key.startswith("ours")
        return Bar(program.name, statistics.median(speeds), min(speeds), max(speeds), ours)

    def _scale(self, count: int) -> Bar:
        values = [point.pages_a_cpu_second for one in self.points for point in one if point.workers == count]
        label = f"{count} workers" if count > 1 else "1 worker"
        return Bar(label, statistics.median(values), min(values), max(values), is_ours=True)


def machine() -> str:
    """Cores, processor and interpreter."""
    names = (line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name"))
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores of {next(names, platform.machine())}, Python {platform.python_version()}"


def versions() -> dict[str, str]:
    """What the peers are."""
    lines = (line.partition("==") for line in venv.PINS.read_text("utf-8").splitlines())
    pinned = {name: version for name, pin, version in lines if pin}
    return {name: metadata.version(name) for name in ("Scrapy", "scrapy-redis")} | pinned


def _cpuinfo() -> list[str]:
    return Path("/proc/cpuinfo").read_text().splitlines()


def insert(text: str, tables: str) -> str:
    """The text with what was measured last between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"the page has no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{tables}\n{END}{after}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def _goal(figure: Figure) -> list[str]:
    if figure.goal is None:
        return [figure.name, short(figure.median), figure.spread, "", ""]
    verdict = "met" if figure.row().met else "**short**"
    return [figure.name, short(figure.median), figure.spread, f"{figure.sense} {figure.goal:g}", verdict]


def _plain(program: Program, run: Run) -> dict[str, Any]:
    known = _use(run)
    if program.uses_redis:
        known |= {"trips_a_page": _trips(program)(run), "redis_bytes_a_page": _traffic(run)}
    return known


def _plain_points(points: Sequence[Sequence[Point]]) -> list[dict[str, Any]]:
    return [
        {"workers": point.workers, "pages_a_cpu_second": point.pages_a_cpu_second, **_use(point.run)}
        for one in points
        for point in one
    ]


def _use(run: Run) -> dict[str, Any]:
    return {
        "pages": run.pages,
        "seconds": run.used.instant,
        "pages_a_second": run.speed,
        "cpu_ms_a_page": _cpu_ms(run),
        "peak_memory_mib": _mebibytes(run),
        "site_cpu_ms_a_page": 1000 * run.a_page(run.used.site),
        "redis_cpu_ms_a_page": 1000 * run.a_page(run.used.redis.cpu),
        "mariadb_cpu_ms_a_page": 1000 * run.a_page(run.used.database),
    }


def _median(runs: Sequence[Run], of: Callable[[Run], float]) -> float:
    return statistics.median(of(run) for run in runs)


def _cpu_ms(run: Run) -> float:
    return 1000 * run.a_page(run.used.workers)


def _mebibytes(run: Run) -> float:
    return run.peak_memory / 2**20


def _traffic(run: Run) -> float:
    return run.a_page(run.used.redis.traffic)


def _trips(program: Program) -> Callable[[Run], float]:
    """Ours are script calls, which may take several reads; its peer's commands and pipelines are one each."""
    if program.key.startswith("ours"):
        return lambda run: run.a_page(run.used.redis.scripts)
    return lambda run: run.a_page(run.used.redis.reads)
