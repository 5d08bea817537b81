"""Looks for waiting runs as Scrapyd does, and goes on after a look that failed."""

from typing import TYPE_CHECKING, Any

from scrapyd.poller import QueuePoller
from twisted.logger import Logger

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred
    from twisted.python.failure import Failure

log = Logger()


class Poller(QueuePoller):  # type: ignore[misc]  # Scrapyd has no types
    """Stock, but a failed look, as on a full disk, is not the last: it would end Scrapyd's timer."""

    def poll(self) -> "Deferred[Any]":
        looked: Deferred[Any] = super().poll()
        return looked.addErrback(_say)


def _say(failure: "Failure") -> None:
    log.error("Waiting runs could not be looked for: {error}", error=failure.getErrorMessage())
