"""A store that may be away: found when it is first asked, and found again when it was lost."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Generic, TypeVar

#: Seconds after a failure in which a store is not asked again: pages must not queue up for its timeouts.
REST = 1.0

Opened = TypeVar("Opened")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Away:
    """A part that does not answer."""

    part: str
    since: datetime
    why: str  # one line; it says what to do


class Store(Generic[Opened]):
    """One store, as those see it who can go on without it."""

    def __init__(
        self,
        part: str,
        find: Callable[[], Opened],
        failures: tuple[type[Exception], ...],
        close: Callable[[Opened], None],
    ) -> None:
        """Makes a store of which nothing is asked yet.

        Args:
            part: Its name, for people.
            find: Connects to it; may raise what is in ``failures``.
            failures: What it raises when it is away.
            close: Gives its connections back.
        """
        self._part, self._find, self._failures, self._close = part, find, failures, close
        self._opened: Opened | None = None
        self._away: Away | None = None
        self._tried = -REST
        self._finding = Lock()

    @property
    def away(self) -> Away | None:
        """Why it gave no answer when it was asked last; None when it gave one."""
        return self._away

    def read(self, ask: Callable[[Opened], Answer]) -> Answer | None:
        """Returns what the store answers; None while it is away."""
        try:
            return self.demand(ask)
        except self._failures:
            return None

    def demand(self, ask: Callable[[Opened], Answer]) -> Answer:
        """Returns what the store answers.

        Raises:
            Exception: One of the store's failures; it is away.
        """
        if self._away and time.monotonic() - self._tried < REST:
            raise self._failures[0](self._away.why)
        try:
            answer = ask(self._found())
        except self._failures as error:
            self._lost(error)
            raise
        self._away = None
        return answer

    def close(self) -> None:
        """Gives all connections back."""
        with self._finding:
            if self._opened is not None:
                self._close(self._opened)
            self._opened = None

    def _found(self) -> Opened:
        with self._finding:
            if self._opened is None:
                self._opened = self._find()
            return self._opened

    def _lost(self, error: Exception) -> None:
        since = self._away.since if self._away else datetime.now(UTC)
        self._away = Away(self._part, since, " ".join(str(error).split()))
        self._tried = time.monotonic()
        self.close()
