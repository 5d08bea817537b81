"""Progress of a long command: one line on a terminal, elsewhere another line every ten seconds."""

import sys
import time
from types import TracebackType
from typing import Self

#: Seconds between two lines: on a terminal, and elsewhere.
PACE, SLOW_PACE = 0.2, 10.0


class Progress:
    """Tells it on standard error; leaves no line on a terminal."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._told = time.monotonic()
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def say(self, line: str) -> None:
        now = time.monotonic()
        if now - self._told < (PACE if self._terminal else SLOW_PACE):
            return
        self._told = now
        self._shown = self._terminal
        begin, end = ("\r\x1b[K", "") if self._terminal else ("", "\n")
        print(f"{begin}{line}", end=end, file=sys.stderr, flush=True)

    def of_parts(self, what: str, number: int, total: int) -> None:
        self.say(f"{number:,} of {total:,} {what} counted")

    def of_rows(self, what: str, number: int) -> None:
        self.say(f"{number} {what} read")
