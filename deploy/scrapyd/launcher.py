"""Starts runs as Scrapyd does; a run that cannot be started is not lost, nor is its place."""

import sqlite3
from copy import deepcopy
from typing import Any

from scrapyd import launcher
from scrapyd.interfaces import IPoller
from twisted.internet import reactor
from twisted.logger import Logger

log = Logger()

#: Seconds until a place whose run could not be started takes another.
PAUSE = 5.0


class Launcher(launcher.Launcher):  # type: ignore[misc]  # Scrapyd has no types
    """Stock, except without memory for a process, or without room on the disk for a log or a row.

    By then Scrapyd has taken the run from its queue, and would never start another in that place.
    """

    def _process_finished(self, ended: Any, slot: int) -> None:
        try:
            super()._process_finished(ended, slot)
        except sqlite3.Error as error:  # Scrapyd's list misses it; the table runs does not
            log.error("A run has ended, and Scrapyd could not list it: {error}", error=error)  # noqa: TRY400  Twisted's
            self._get_message(slot)

    def _spawn_process(self, message: dict[str, Any], slot: int) -> None:
        before = deepcopy(message)
        try:
            super()._spawn_process(message, slot)
        except OSError as error:
            log.error(  # noqa: TRY400  Twisted's
                "Run {run} could not be started and waits again: {error}", run=before["_job"], error=error
            )
            self._queue_again(before)
            running: Any = reactor
            running.callLater(PAUSE, self._get_message, slot)

    def _queue_again(self, message: dict[str, Any]) -> None:
        queue = self.app.getComponent(IPoller).queues.get(message.pop("_project"))
        if queue is not None:  # else its project was deleted meanwhile
            queue.add(message.pop("_spider"), **message)
