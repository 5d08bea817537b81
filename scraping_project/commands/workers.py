"""``--workers N``: the same command in N processes, and one summary for all."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from scraping_project.commands.exits import FINISHED, INTERRUPTED, NOTHING_ANSWERED
from scraping_project.summary import Summary


class Report(msgspec.Struct):
    """What one worker has done, handed from its process to the one that started it."""

    word: str
    queued: int
    code: int
    summary: Summary


def write(report: Report, path: str) -> None:
    Path(path).write_bytes(msgspec.json.encode(report))


def run(count: int) -> Report | None:
    """Run this very command ``count`` times and add up the reports; None when no worker has left one.

    A signal to this process goes on to the workers, which end cleanly.
    """
    with tempfile.TemporaryDirectory(prefix="workers-") as folder:
        files = [Path(folder, str(number)) for number in range(count)]
        workers = [subprocess.Popen(_command(file)) for file in files]  # noqa: S603  this same command
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

    def leave(signum: int, _: object) -> None:
        """On a terminal, Ctrl-C reaches the workers by itself."""
        if not os.isatty(0):
            forward(signum, _)

    before = signal.signal(signal.SIGINT, leave), signal.signal(signal.SIGTERM, forward)
    try:
        return [worker.wait() for worker in workers]
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])


def _added(reports: list[Report], codes: list[int]) -> Report | None:
    if not reports:
        return None
    summary = sum((report.summary for report in reports), Summary())
    worst = max(codes, key=_rank)
    word = next((report.word for report in reports if report.code == worst), "ended early (a worker died)")
    return Report(word, max(report.queued for report in reports), abs(worst), summary)


def _rank(code: int) -> int:
    """Finished beats "no seed answered", which one of several workers may say; anything else is worse."""
    order = (NOTHING_ANSWERED, FINISHED, INTERRUPTED)
    return order.index(code) if code in order else len(order)
