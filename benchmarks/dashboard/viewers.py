"""Ten people who look at the tower, each at a page of their own that asks again every five seconds."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import count
from threading import Event, Thread

from benchmarks.dashboard.tower import Tower, get
from benchmarks.table import Row

VIEWERS, REFRESH = 10, 5.0


def viewers(serving: Tower, seconds: float, pages: Sequence[str]) -> Iterator[Row]:
    """The CPU time of the dashboard while they look, and while nobody does."""
    yield Row("CPU of the dashboard without viewers, % of a core", 100 * busy(serving, seconds))
    with watched(serving, pages):
        busy(serving, REFRESH)
        yield Row("CPU of the dashboard with ten viewers, % of a core", 100 * busy(serving, seconds), 2, "<=")


def busy(serving: Tower, seconds: float) -> float:
    """The share of a core that it takes in the next seconds."""
    began, cpu = time.perf_counter(), serving.cpu
    time.sleep(seconds)
    return (serving.cpu - cpu) / (time.perf_counter() - began)


@contextmanager
def watched(serving: Tower, pages: Sequence[str]) -> Iterator[None]:
    """Has them look; their pages come evenly, one each half second."""
    ended = Event()
    thread = Thread(target=_look, args=(serving, pages, ended))
    thread.start()
    yield
    ended.set()
    thread.join()


def _look(serving: Tower, pages: Sequence[str], ended: Event) -> None:
    with ExitStack() as stack:
        connections = [stack.enter_context(closing(serving.connect())) for _ in range(VIEWERS)]
        for turn in count():
            viewer = turn % VIEWERS
            get(connections[viewer], pages[viewer % len(pages)])
            if ended.wait(REFRESH / VIEWERS):
                return
