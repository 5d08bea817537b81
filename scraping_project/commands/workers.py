"""``--workers N``: the same command in N processes, and one summary for all."""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from scraping_project.commands.exits import BAD_INPUT, FINISHED, INTERRUPTED, NOTHING_ANSWERED
from scraping_project.summary import Summary


class Report(msgspec.Struct):
    """What one worker has done, handed from its process to the one that started it."""

    word: str
    queued: int
    code: int
    summary: Summary
    left_at: float = 0.0  # monotonic, one clock for all processes of a machine: when it had left
    spent: bool = False  # ended by max_pages


def write(report: Report, path: str) -> None:
    Path(path).write_bytes(msgspec.json.encode(report))


def run(count: int) -> Report | None:
    """Run this very command ``count`` times and add up the reports; None when no worker has left one.

    A signal to this process goes on to the workers, which end cleanly.
    """
    with tempfile.TemporaryDirectory(prefix="workers-") as folder:
        files = [Path(folder, str(number)) for number in range(count)]
        # In a process group of their own: Ctrl-C on a terminal reaches them once, through this process.
        workers = [subprocess.Popen(_command(file), process_group=0) for file in files]  # noqa: S603  this same command
        codes = _wait(workers)
        reports = [msgspec.json.decode(file.read_bytes(), type=Report) for file in files if file.exists()]
    return _added(reports, codes)


def _command(file: Path) -> list[str]:
    own = [sys.executable, "-m", "scrapy", "crawl", *sys.argv[1:]]  # Scrapy has taken its name out
    return [*own, "--workers", "1", "-s", "PROGRESS_ENABLED=0", "-s", f"REPORT_FILE={file}"]


def _wait(workers: Sequence["subprocess.Popen[bytes]"]) -> list[int]:
    def forward(signum: int, _: object) -> None:
        for worker in workers:
            if worker.poll() is None:
                worker.send_signal(signum)

    before = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return [worker.wait() for worker in workers]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _added(reports: list[Report], codes: list[int]) -> Report | None:
    """One report of them all; what is queued is what the last to leave has counted."""
    if not reports:
        return None
    last = max(reports, key=lambda report: report.left_at)
    summary = sum((report.summary for report in reports), Summary())
    worst = max(codes, key=_rank)
    word = next((report.word for report in reports if report.code == worst), "ended early (a worker died)")
    code = worst if worst >= 0 else BAD_INPUT
    return Report(word, last.queued, code, summary, left_at=last.left_at, spent=last.spent)


def _rank(code: int) -> int:
    """Finished beats "no seed answered", which one of several workers may say; anything else is worse."""
    order = (NOTHING_ANSWERED, FINISHED, INTERRUPTED)
    return order.index(code) if code in order else len(order)
