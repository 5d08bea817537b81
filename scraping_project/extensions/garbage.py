"""How often Python looks for unreachable cycles of objects."""

import gc
from typing import TYPE_CHECKING, Final, Self

from scrapy import signals

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

#: So many new containers make a search; Python's own 700 are those of a single page.
NEW: Final = 10_000


class Garbage:
    """Spares the crawl most searches for cycles, of which a page leaves few.

    What was made before the crawl is for ever, and no longer searched. It does not bound memory: a callback
    that leaves cycles with large pages in them keeps some dozens of these until the next search.
    """

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
