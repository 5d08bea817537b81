"""Requests that can't be written down: they stay in this process, and what asked for them stays leased."""

from collections import deque
from dataclasses import dataclass

from scrapy import Request

from scraping_project.attempts.registry import Attempt, Attempts


@dataclass(slots=True)
class _LocalRequest:
    request: Request
    request_id: str
    number: int
    origin: Attempt | None


class LocalRequests:
    """The lease of the page that asked for such a request ends only after the request has.

    Should this worker go before, the worker that takes the page over finds the request again. A request that
    no callback asked for is lost with the worker.
    """

    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts
        self._waiting: deque[_LocalRequest] = deque()
        self.fingerprints: set[str] = set()  # of all that were ever kept

    def __bool__(self) -> bool:
        return bool(self._waiting)

    @property
    def orphans(self) -> int:
        """How many of those that wait would be lost with this worker."""
        return sum(kept.origin is None or not kept.origin.root.leased for kept in self._waiting)

    def add(self, request: Request, fingerprint: str, parent: Attempt | None, origin: Attempt | None) -> None:
        """Keep a request.

        Args:
            request: The one.
            fingerprint: Its number for the dupe filter; empty when it is to pass.
            parent: Whose place it takes, as a redirect or a retry.
            origin: Whose lease is to wait for it.
        """
        if fingerprint:
            self.fingerprints.add(fingerprint)
        if origin is not None:
            origin.kept += 1
        self._waiting.append(_LocalRequest(request, *self._attempts.identify(request, parent), origin))

    def begin(self) -> Request:
        """The next of them, now an attempt."""
        kept = self._waiting.popleft()
        self._attempts.begin(kept.request, kept.request_id, kept.number, origin=kept.origin)
        return kept.request
