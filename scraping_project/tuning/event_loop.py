import asyncio
import warnings
from contextlib import suppress

import uvloop


class Loop(uvloop.Loop):
    """The event loop of a crawl, made by Scrapy in place of Python's own.

    Scrapy 2.19 makes one of Python's first, only to look at its class, and leaves it open. This closes it,
    so it is for Scrapy's setting ASYNCIO_EVENT_LOOP and nothing else.
    """

    def __init__(self) -> None:
        super().__init__()
        with warnings.catch_warnings(), suppress(RuntimeError):  # without one 3.12 warns, 3.14 raises
            warnings.simplefilter("ignore", DeprecationWarning)
            replaced = asyncio.get_event_loop()
            if not replaced.is_running():
                replaced.close()
