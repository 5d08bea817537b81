"""The links spider whose callback blocks the event loop at one page.

At ``b`` it sleeps for BLOCK_SECONDS. With HOLD_UNTIL, the name of a file, the first worker to come to
``hold.html`` keeps the interpreter lock until that file exists, so that none of its threads runs, and leaves
its process id in ``<file>.held``. What it begins while its leases may be with others, or holds back, is
written down in ``<file>.begun``.
"""

import ctypes
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from scrapy import Request
from scrapy.http import Response

from scraping_project.core.scheduler import Scheduler
from scraping_project.items import Site
from spiders.links import LinksSpider

HOLD_UNTIL = os.environ.get("HOLD_UNTIL", "")
PATIENCE = 60.0  # seconds
TEN_MS = 10_000

_keeps_the_lock = ctypes.PyDLL(None)  # C functions called without letting go of the interpreter lock


class BlockingSpider(LinksSpider):
    name = "links"

    def parse(self, response: Response) -> AsyncIterator[Site | Request]:
        if response.url.endswith("/b"):
            time.sleep(float(os.environ["BLOCK_SECONDS"]))
        if HOLD_UNTIL and response.url.endswith("/hold.html"):
            with suppress(FileExistsError), Path(f"{HOLD_UNTIL}.held").open("x") as held:
                held.write(str(os.getpid()))
                held.flush()
                hold_the_lock()
        return super().parse(response)


def hold_the_lock() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(PATIENCE)  # no other thread may ask for the lock meanwhile
    deadline = time.monotonic() + PATIENCE
    while _keeps_the_lock.access(HOLD_UNTIL.encode(), os.F_OK) != 0 and time.monotonic() < deadline:
        _keeps_the_lock.usleep(TEN_MS)
    sys.setswitchinterval(interval)


_next_request = Scheduler.next_request


def watched(self: Scheduler) -> Request | None:
    """Writes down each request that is begun, or held back, while the leases may be with others."""
    lapsed, armed = (
        self._session.worker.lapsed,
        sum(len(queue.armed) for queue in self._queues._queues.values()),
    )
    request = _next_request(self)
    if HOLD_UNTIL and lapsed and armed:
        with Path(f"{HOLD_UNTIL}.begun").open("a") as begun:
            begun.write(f"{'held back' if request is None else request.url}\n")
    return request


Scheduler.next_request = watched  # type: ignore[method-assign]
