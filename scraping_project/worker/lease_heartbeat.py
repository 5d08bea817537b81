"""Keeps a worker's leases while it works, from a thread of its own."""

import logging
import threading
import time
from collections.abc import Callable

from scraping_project.frontier.errors import FrontierError

logger = logging.getLogger(__name__)


class LeaseHeartbeat(threading.Thread):
    """Extends the leases even while a callback blocks the event loop, but not for ever.

    It stops extending when the loop has not ticked for ``stuck_after`` seconds: a worker that hangs gives
    its requests to others. C code that holds the interpreter lock keeps this thread from running, too.
    """

    def __init__(self, extend: Callable[[], object], *, interval: float, stuck_after: float) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._extend = extend
        self._interval = interval
        self._stuck_after = stuck_after
        self._ended = threading.Event()
        self._ticked = time.monotonic()

    def tick(self) -> None:
        """The event loop runs."""
        self._ticked = time.monotonic()

    def run(self) -> None:
        while not self._ended.wait(self._interval):
            if time.monotonic() - self._ticked > self._stuck_after:
                continue
            try:
                self._extend()
            except FrontierError as error:
                logger.info("The leases could not be extended: %s", error)

    def end(self) -> None:
        self._ended.set()
        self.join()
