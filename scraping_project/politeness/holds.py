"""What sites ask for with Retry-After, reported to the frontier at once."""

import asyncio
import logging
import math
from collections.abc import Callable, Mapping
from time import monotonic

from scraping_project.frontier.errors import FrontierError

logger = logging.getLogger(__name__)

#: Seconds between two tries while Redis is away.
PAUSE = 1.0


class Holds:
    """Tells the frontier at once until when slots are to be left alone, so that it outlives this worker.

    It waits for no commit, for the database may be away. What comes while a report is on its way goes
    together with the next.

    Args:
        hold: Tells it, by slots, in milliseconds from now. Blocks; it is called in a thread.
    """

    def __init__(self, hold: Callable[[Mapping[str, int]], None]) -> None:
        self._hold = hold
        self._untold: dict[str, float] = {}  # slots to the monotonic moment until which they are left alone
        self._telling: asyncio.Task[None] | None = None

    def tell(self, slot: str, until: float) -> None:
        """Report that the slot is to be left alone until this monotonic moment."""
        self._untold[slot] = max(until, self._untold.get(slot, until))
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell_all())

    def end(self) -> None:
        """Report no more: the last commit has sent what is left."""
        if self._telling:
            self._telling.cancel()

    async def _tell_all(self) -> None:
        while self._untold:
            told, self._untold = self._untold, {}
            now = monotonic()
            waits = {slot: math.ceil((until - now) * 1000) for slot, until in told.items() if until > now}
            try:
                if waits:
                    await asyncio.to_thread(self._hold, waits)
            except FrontierError as away:
                logger.info("A Retry-After can't be told now: %s", away)
                for slot, until in told.items():
                    self._untold[slot] = max(until, self._untold.get(slot, until))
                await asyncio.sleep(PAUSE)
