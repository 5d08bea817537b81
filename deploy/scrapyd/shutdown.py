"""Scrapyd ends its runs before itself, so that they give back what they have leased."""

from contextlib import suppress
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.error import ProcessExitedAlready


def end_runs_first(launcher: Any) -> None:
    """Makes a Scrapyd that is told to stop wait until its runs have ended; their runners end them."""
    running: Any = reactor
    running.addSystemEventTrigger("before", "shutdown", end_runs, launcher)


def end_runs(launcher: Any) -> "Deferred[Any]":
    """Asks all runs to end, begins no other, and fires when all have ended."""
    launcher._get_message = lambda _slot: None  # noqa: SLF001  a free place is not filled again
    return DeferredList([_end(process) for process in list(launcher.processes.values())])


def _end(process: Any) -> "Deferred[None]":
    ended: Deferred[None] = Deferred()
    process.deferred.addBoth(lambda _: ended.callback(None))
    with suppress(ProcessExitedAlready):
        process.transport.signalProcess("INT")
    return ended
