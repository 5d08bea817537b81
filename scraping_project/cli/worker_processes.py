"""``--workers N``: the same command in N processes, and one summary for all."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import msgspec

from scraping_project.cli.exits import BAD_INPUT, FINISHED, INTERRUPTED, NOTHING_ANSWERED
from scraping_project.worker.summary import Summary


class Report(msgspec.Struct):
    """The results of one worker, for the process that started it."""

    word: str
    queued: int
    code: int
    summary: Summary
    left_at: float = 0.0  # when it had left; monotonic, one clock for all processes of a machine
    spent: bool = False  # ended by max_pages


def write(report: Report, path: str) -> None:
    Path(path).write_bytes(msgspec.json.encode(report))


def run(count: int) -> Report | int:
    """Run this command ``count`` times and add up the reports; without any, the worst exit code.

    A signal to this process is handed on to the workers, which end cleanly.
    """
    with tempfile.TemporaryDirectory(prefix="workers-") as folder:
        files = [Path(folder, str(number)) for number in range(count)]
        codes = _run(files)
        reports = [msgspec.json.decode(file.read_bytes(), type=Report) for file in files if file.exists()]
    return _added(reports, codes)


def _run(files: Sequence[Path]) -> list[int]:
    """Start a worker for each file and wait for all; returns their exit codes."""
    workers: list[subprocess.Popen[bytes]] = []
    together = uuid4().hex
    with _lifeline() as stdin, _signals_go_to(workers) as told:
        for file in files:
            # In a process group of its own: Ctrl-C on a terminal reaches it once, through this process.
            worker = subprocess.Popen(_command(file, together), stdin=stdin, process_group=0)  # noqa: S603  this same command
            workers.append(worker)
            if told:  # before the list had it
                worker.terminate()
        codes = _codes(workers)
    # A worker that was told to end at its start had nothing to give back.
    return [INTERRUPTED if told and code == -signal.SIGTERM else code for code in codes]


def _codes(workers: Sequence["subprocess.Popen[bytes]"]) -> list[int]:
    """Wait for all, each as soon as it ends; returns their exit codes."""
    with ThreadPoolExecutor(len(workers)) as waiting:
        return list(waiting.map(subprocess.Popen.wait, workers))


def end_with_the_command() -> None:
    """In a worker: end cleanly when the process that started it is gone, even if killed."""
    threading.Thread(target=_watch, name="lifeline", daemon=True).start()


def _watch() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass  # nothing comes: only the end of the pipe counts
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _lifeline() -> Iterator[int]:
    """The standard input of the workers: a pipe that ends with this process."""
    reading, writing = os.pipe()
    try:
        yield reading
    finally:
        os.close(reading)
        os.close(writing)


def _command(file: Path, together: str) -> list[str]:
    own = [sys.executable, "-m", "scrapy", "crawl", *sys.argv[1:]]  # Scrapy has removed its name
    ours = {"PROGRESS_ENABLED": 0, "REPORT_FILE": file, "STARTED_TOGETHER": together}
    return [
        *own,
        "--workers",
        "1",
        *(part for pair in ours.items() for part in ("-s", "{}={}".format(*pair))),
    ]


@contextmanager
def _signals_go_to(workers: Sequence["subprocess.Popen[bytes]"]) -> Iterator[list[int]]:
    """Hand signals that would end this process on to the workers, as SIGTERM; yields those that came."""
    told: list[int] = []

    def forward(signum: int, _: object) -> None:
        told.append(signum)
        for worker in workers:
            if worker.poll() is None:
                worker.terminate()

    before = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _added(reports: list[Report], codes: list[int]) -> Report | int:
    """One report of all; the last to leave has counted what is queued."""
    worst = max(codes, key=_rank)
    code = worst if worst >= 0 else BAD_INPUT
    if not reports:
        return Report("interrupted", 0, INTERRUPTED, Summary()) if INTERRUPTED in codes else code
    last = max(reports, key=lambda report: report.left_at)
    summary = sum((report.summary for report in reports), Summary())
    unsaid = "interrupted" if worst == INTERRUPTED else "ended early (a worker died)"
    word = next((report.word for report in reports if report.code == worst), unsaid)
    return Report(word, last.queued, code, summary, left_at=last.left_at, spent=last.spent)


def _rank(code: int) -> int:
    """Finished beats "no seed answered", which one of several workers may report; all else is worse."""
    order = (NOTHING_ANSWERED, FINISHED, INTERRUPTED)
    return order.index(code) if code in order else len(order)
