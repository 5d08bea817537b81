"""What an export costs: `scrapy export logs` beside a loop over SQLAlchemy's ORM that writes the same CSV.

    python -m benchmarks.exports [--rows N]

On a private MariaDB with its defaults, which is filled by LOAD DATA. Each is a process of its own, timed from
its start to its end, one after the other; both must have written the same bytes. Memory is the most that the
process of the export had resident.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from filecmp import cmp
from pathlib import Path

from benchmarks import storage
from benchmarks.numbers import at_least
from benchmarks.speed.usage import peak_memory
from benchmarks.table import Row, show

ROOT = Path(__file__).parent.parent
TICK = 0.02


def main() -> int:
    parser = argparse.ArgumentParser(description="What an export costs")
    parser.add_argument("--rows", type=at_least(1), default=1_000_000, metavar="N")
    arguments = parser.parse_args()
    show("exports", exports(arguments.rows))
    return 0


def exports(rows: int) -> Iterator[Row]:
    with storage.database() as (_, url), tempfile.TemporaryDirectory(prefix="exports-") as folder:
        storage.load(url, 0, rows, rows, table="scrape_logs")
        ours, theirs = Path(folder) / "ours.csv", Path(folder) / "theirs.csv"
        loop, loop_cpu, loop_memory = measured(["benchmarks.peers.orm_export", url, str(theirs)], url, folder)
        export, cpu, memory = measured(["scrapy", "export", "logs", "-o", str(ours)], url, folder)
        if not cmp(ours, theirs, shallow=False):
            raise SystemExit("the export and the loop did not write the same")
        yield Row(f"log rows a second, scrapy export of {rows:,}", rows / export)
        yield Row("log rows a second, a loop over the ORM", rows / loop)
        yield Row("exported over the loop", loop / export, 5)
        yield Row("the same in CPU time of the two processes", loop_cpu / cpu)
        yield Row("MB of the export's process", memory / 1e6, 100, "<=")
        yield Row("MB of the loop's process", loop_memory / 1e6)


def measured(module: list[str], url: str, folder: str) -> tuple[float, float, int]:
    """The seconds that a program takes, those of CPU, and the most bytes that it had resident.

    The memory is looked at every now and then, so what its last instant took is not seen.
    """
    env = os.environ | {"DATABASE_URL": url, "DATA_DIR": folder}
    began, cpu, peak = time.perf_counter(), cpu_of_children(), 0
    with subprocess.Popen(  # noqa: S603 -- programs of our own
        [sys.executable, "-m", *module], cwd=ROOT, env=env, stderr=subprocess.PIPE
    ) as process:
        while process.poll() is None:
            try:
                peak = max(peak, peak_memory(process.pid))
            except ProcessLookupError:  # it has just ended
                break
            time.sleep(TICK)
        errors = process.stderr.read() if process.stderr else b""
    ended = time.perf_counter()
    if process.returncode:
        raise SystemExit(f"{module[0]} failed: {errors.decode()}")
    return ended - began, cpu_of_children() - cpu, peak


def cpu_of_children() -> float:
    times = os.times()
    return times.children_user + times.children_system


if __name__ == "__main__":
    sys.exit(main())
