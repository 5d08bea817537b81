"""`scrapy dashboard` as a process, and somebody who asks it for pages."""

import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.speed.stage import Crowd, Place, SpeedError
from benchmarks.speed.usage import cpu_seconds

_SERVES = re.compile(r"dashboard: http://127\.0\.0\.1:(\d+)/")
#: Seconds that it gets to start.
PATIENCE = 60.0
OK = 200


@dataclass(frozen=True, slots=True)
class Tower:
    """A dashboard that serves."""

    pid: int
    port: int
    started_in: float  # seconds from its start to the first 200 of /healthz
    started_cpu: float  # the same in CPU time
    started_resident: int  # bytes that it had resident then

    @property
    def cpu(self) -> float:
        return cpu_seconds(self.pid)

    @property
    def resident(self) -> int:
        """Bytes that it has resident now."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)


@contextmanager
def tower(place: Place, *, shares: bool = True) -> Iterator[Tower]:
    """Serves what is at the place; one that does not share reads anew for each page."""
    command = [sys.executable, "-m"]
    command += ["scrapy", "dashboard"] if shares else ["benchmarks.dashboard.unshared"]
    log = Path(place.folder) / "output.log"
    log.unlink(missing_ok=True)
    began = time.perf_counter()
    with Crowd([[*command, "--port", "0"]], place) as crowd:
        if not crowd.until(lambda: log.exists() and _SERVES.search(log.read_text()), PATIENCE):
            raise SpeedError(f"the dashboard does not start:\n{crowd.last_words()}")
        found = _SERVES.search(log.read_text())
        assert found
        serving = Tower(crowd.pids[0], int(found[1]), 0, 0, 0)
        with closing(serving.connect()) as connection:
            get(connection, "/healthz")
        seconds = time.perf_counter() - began
        yield replace(serving, started_in=seconds, started_cpu=serving.cpu, started_resident=serving.resident)


def get(connection: HTTPConnection, path: str) -> float:
    """Asks for a page; returns the seconds until all of it was there."""
    began = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    took = time.perf_counter() - began
    if answer.status != OK or b"does not answer" in body:
        raise SpeedError(f"{path} is answered with {answer.status}:\n{body[:3000].decode()}")
    return took


def p95(times: Sequence[float]) -> float:
    """The time within which nineteen of twenty are."""
    return sorted(times)[int(len(times) * 0.95)]
