"""When Python looks for unreachable cycles of objects."""

import gc
from typing import TYPE_CHECKING, Final, Self

from scrapy import signals

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

#: Bytes of settled pages between two searches. A page that its callback left in a cycle, as every
#: ``response.css`` does, is kept for so long, with a tree of some ten times its size.
BYTES: Final = 4 * 2**20
#: So many new containers make Python search by itself, whatever is alive.
NEW: Final = 100_000


class GarbageCollection:
    """Has cycles looked for just after pages were settled, when little of them is alive.

    Python itself searches when there are 700 more containers than at its last search: those of some pages
    that are being worked on, of which it finds all alive and hardly anything to free. What was made before
    the crawl is for ever, and no longer searched.
    """

    def __init__(self) -> None:
        self._searched_at = 0  # bytes

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        garbage = cls()
        crawler.signals.connect(garbage.engine_started, signal=signals.engine_started)
        return garbage

    def engine_started(self) -> None:
        gc.collect()
        gc.freeze()
        _, *older = gc.get_threshold()
        gc.set_threshold(NEW, *older)

    def settled(self, received: int) -> None:
        """Search if it is time to, what was made lately or also what is older, by Python's own rule.

        Args:
            received: Bytes of all pages that were settled so far.
        """
        if received - self._searched_at < BYTES or not gc.isenabled():
            return
        self._searched_at = received
        (_, young, old), (_, many_young, many_old) = gc.get_count(), gc.get_threshold()
        gc.collect(2 if old > many_old else 1 if young > many_young else 0)
