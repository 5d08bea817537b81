"""The private things of Scrapy's engine that this project needs, in one place.

Its slot knows when a request has left Scrapy (after download, callback and pipelines), and how to make it
look at the scheduler again now rather than at its next heartbeat, five seconds later. Its scraper takes what
callbacks yield, piece by piece.
"""

from typing import TYPE_CHECKING

from scrapy.core.engine import _Slot
from scrapy.core.scraper import Scraper

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from twisted.python.failure import Failure

if not hasattr(_Slot, "add_request"):
    raise ImportError("this Scrapy's engine keeps its requests elsewhere: use the pinned version")
if not hasattr(Scraper, "_process_spidermw_output_async"):
    raise ImportError("this Scrapy's scraper takes what callbacks yield elsewhere: use the pinned version")


def in_progress(crawler: "Crawler") -> "set[Request]":
    """The requests that are being downloaded, parsed or stored."""
    slot = crawler.engine._slot  # noqa: SLF001  see above
    return slot.inprogress if slot else set()


def is_closing(crawler: "Crawler") -> bool:
    """Whether Scrapy takes nothing more and waits for what is in progress."""
    slot = crawler.engine._slot  # noqa: SLF001  see above
    return slot is not None and slot.closing is not None


def start_failed(crawler: "Crawler") -> bool:
    """Whether the spider raised while it named its start requests: there may be more than it came to."""
    return bool(crawler.engine._start_error)  # noqa: SLF001  see above


def what_failed(error: BaseException) -> BaseException:
    """What kept a spider from opening, where Scrapy says that there was then nothing to close."""
    hidden = str(error) == "Engine slot not assigned" and error.__context__
    return hidden or error


def waits_for_callbacks(crawler: "Crawler") -> bool:
    """Whether Scrapy fetches nothing more until callbacks have ended: their answers are too many bytes."""
    slot = crawler.engine.scraper.slot
    return slot is not None and slot.needs_backout()


def after_each_output(
    crawler: "Crawler", is_crowded: "Callable[[], bool]", room: "Callable[[], Awaitable[None]]"
) -> None:
    """Have callbacks wait for room after what they yield, while it is crowded."""
    scraper = crawler.engine.scraper
    process = scraper._process_spidermw_output_async  # noqa: SLF001  see above

    async def process_and_wait(output: object, response: "Response | Failure") -> None:
        await process(output, response)
        if is_crowded():
            await room()

    scraper._process_spidermw_output_async = process_and_wait  # type: ignore[method-assign]  # noqa: SLF001


def stop_now(crawler: "Crawler") -> None:
    """End the process's event loop without waiting for anything."""
    crawler.crawling = False  # else Scrapy would first wait for the engine to stop
    from twisted.internet import reactor  # noqa: PLC0415  importing it installs it

    reactor.stop()  # type: ignore[misc]  # its stub lacks self


def before_forced_stop(call: "Callable[[], None]") -> None:
    """Have something done when the process is told to stop a second time, which closes nothing."""
    from twisted.internet import reactor  # noqa: PLC0415  importing it installs it

    reactor.addSystemEventTrigger("before", "shutdown", call)  # type: ignore[arg-type]  # its stub is wrong


def wake(crawler: "Crawler") -> None:
    """Make the engine ask the scheduler now."""
    slot = crawler.engine._slot  # noqa: SLF001  see above
    if slot:
        slot.nextcall.schedule()
