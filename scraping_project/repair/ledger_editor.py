"""The frontier's books: what it knows, and what is entered into them; or, for a dry run, only counted."""

from collections.abc import Sequence
from typing import Protocol

from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.messages import Done, Push, Withdrawal
from scraping_project.frontier.replies import Repaired

#: How long a repair may be silent, in ms: as long as the database takes for some pages with all their links.
SILENCE_MS = 300_000
#: Bits of a dry run's memory.
_BITS = 1 << 27


class LedgerEditor(Protocol):
    """Where a repair looks and what it changes."""

    highest: int  # request id that the database knows

    def unknown(self, numbers: Sequence[str]) -> set[str]: ...
    def enter(
        self, *, push: Sequence[Push] = (), done: Sequence[Done] = (), ends: Sequence[Withdrawal] = ()
    ) -> Repaired: ...


class FrontierLedgerEditor:
    """Those of a frontier, for a worker that has joined its crawl to repair it."""

    def __init__(self, frontier: Frontier, token: str, epoch: int) -> None:
        self._frontier = frontier
        self._token = token
        self._epoch = epoch
        self.highest = 0

    def unknown(self, numbers: Sequence[str]) -> set[str]:
        return _unknown(self._frontier, numbers)

    def enter(
        self, *, push: Sequence[Push] = (), done: Sequence[Done] = (), ends: Sequence[Withdrawal] = ()
    ) -> Repaired:
        return self._frontier.repair(
            self._token, self._epoch, SILENCE_MS, highest=self.highest, push=push, done=done, ends=ends
        )


class DryLedgerEditor:
    """Remembers what would have been entered, in 16 MB however much that is.

    Of a million URLs about four thousand are taken for others, so it counts a few too little.
    """

    def __init__(self, frontier: Frontier) -> None:
        self._frontier = frontier
        self._entered = bytearray(_BITS // 8)
        self.highest = 0

    def unknown(self, numbers: Sequence[str]) -> set[str]:
        return {number for number in _unknown(self._frontier, numbers) if not self._has(number)}

    def enter(
        self, *, push: Sequence[Push] = (), done: Sequence[Done] = (), ends: Sequence[Withdrawal] = ()
    ) -> Repaired:
        pushed = self._add([each.fingerprint for each in push])
        return Repaired(pushed=pushed, marked=self._add([each.fingerprint for each in done]), ended=len(ends))

    def _add(self, numbers: Sequence[str]) -> int:
        new = self.unknown(numbers) if numbers else set()
        for number in new:
            byte, bit = divmod(int(number) % _BITS, 8)
            self._entered[byte] |= 1 << bit
        return len(new)

    def _has(self, number: str) -> bool:
        byte, bit = divmod(int(number) % _BITS, 8)
        return bool(self._entered[byte] >> bit & 1)


def _unknown(frontier: Frontier, numbers: Sequence[str]) -> set[str]:
    flags = frontier.known(numbers)
    return {number for number, flag in zip(numbers, flags, strict=True) if flag == "0"}
