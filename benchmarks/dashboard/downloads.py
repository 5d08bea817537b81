"""What a large download costs: memory, the other pages meanwhile, and what is left when it is broken off."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread

from sqlalchemy import create_engine, text

from benchmarks.dashboard.tower import Tower, get, p95
from benchmarks.speed.stage import Place, SpeedError
from benchmarks.table import Row

EXPORT, PAGE = "/export/logs.csv", "/runs"
CHUNK = 65_536
ASKED = 40
#: Bytes of the WAL's index that are locked by who writes, checkpoints, recovers or reads.
AT_WORK = range(120, 128)
#: Seconds after which nothing is to be held of a download that was broken off.
LET_GO = 1.0


def downloads(serving: Tower, place: Place) -> Iterator[Row]:
    rows = _asked(place, "SELECT count(*) FROM scrape_logs")
    with closing(serving.connect()) as connection:
        alone = p95([get(connection, PAGE) for _ in range(ASKED)])
        idle = serving.resident
        taken = _Download(serving)
        times, most = [], idle
        while taken.goes_on():
            times.append(get(connection, PAGE))
            most = max(most, serving.resident)
        if taken.lines != rows + 1:
            raise SpeedError(f"the download has {taken.lines} lines for {rows} rows")
        yield Row(f"seconds for a CSV of {rows:,} logs", taken.seconds)
        yield Row("MB resident over idle, at the most", (most - idle) / 1e6, 30, "<=")
        yield Row(f"{PAGE} meanwhile: p95, ms", 1000 * p95(times))
        yield Row(f"{PAGE} meanwhile over alone, p95", p95(times) / alone, 2, "<=")
    held = held_after_a_break(serving, place, rows)
    yield Row("database connections a second after one that is broken off", held, 0, "<=")


class _Download:
    """A reader on a thread of its own."""

    def __init__(self, serving: Tower) -> None:
        self._serving = serving
        self.lines, self.seconds = 0, 0.0
        self._thread = Thread(target=self._run)
        self._thread.start()

    def goes_on(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        began = time.perf_counter()
        with closing(self._serving.connect()) as connection:
            connection.request("GET", EXPORT)
            answer = connection.getresponse()
            while chunk := answer.read(CHUNK):
                self.lines += chunk.count(b"\n")
        self.seconds = time.perf_counter() - began


def held_after_a_break(serving: Tower, place: Place, rows: int) -> int:
    """How many connections are in use a second after a reader has gone away half-way."""
    with closing(serving.connect()) as connection:
        connection.request("GET", EXPORT)
        answer, lines = connection.getresponse(), 0
        while lines < rows // 2:
            lines += answer.read(CHUNK).count(b"\n")
    time.sleep(LET_GO)
    return _in_use(serving, place)


def _in_use(serving: Tower, place: Place) -> int:
    if place.database_url.startswith("sqlite"):
        return _locks(serving.pid)
    return _asked(
        place,
        "SELECT count(*) FROM information_schema.processlist"
        " WHERE id <> connection_id() AND command <> 'Sleep'",
    )


def _asked(place: Place, question: str) -> int:
    engine = create_engine(place.database_url)
    with engine.connect() as connection:
        found = connection.execute(text(question)).scalar_one()
    engine.dispose()
    return int(found)


def _locks(pid: int) -> int:
    """Locks that SQLite has on its WAL's index for who reads or writes, not those for being open."""
    lines = map(str.split, Path("/proc/locks").read_text().splitlines())
    return sum(line[4] == str(pid) and int(line[6]) in AT_WORK for line in lines if line[1] != "->")
