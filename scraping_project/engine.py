"""The two private things of Scrapy's engine that this project needs, in one place.

Its slot knows when a request has left Scrapy (after download, callback and pipelines), and how to make it
look at the scheduler again now rather than at its next heartbeat, five seconds later.
"""

from typing import TYPE_CHECKING

from scrapy.core.engine import _Slot

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler

if not hasattr(_Slot, "add_request"):
    raise ImportError("this Scrapy's engine keeps its requests elsewhere: use the pinned version")


def in_progress(crawler: "Crawler") -> "set[Request]":
    """The requests that are being downloaded, parsed or stored."""
    slot = crawler.engine._slot  # noqa: SLF001  see above
    return slot.inprogress if slot else set()


def wake(crawler: "Crawler") -> None:
    """Make the engine ask the scheduler now."""
    slot = crawler.engine._slot  # noqa: SLF001  see above
    if slot:
        slot.nextcall.schedule()
