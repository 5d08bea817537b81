"""A set of strings that stays small, however many come."""

from collections.abc import Iterable


class RecentSet:
    """Holds what was added last.

    When it is full, the older half is forgotten at once: two plain sets take less memory than one dict in
    order, and are given back whole.
    """

    def __init__(self, size: int) -> None:
        self._half = size // 2
        self._older: set[str] = set()
        self._newer: set[str] = set()

    def __contains__(self, each: str) -> bool:
        return each in self._newer or each in self._older

    def without(self, many: Iterable[str]) -> set[str]:
        """Those of them that it does not have."""
        return set(many) - self._newer - self._older

    def add(self, many: Iterable[str]) -> None:
        for each in many:
            self._newer.add(each)
            if len(self._newer) >= self._half:
                self._older, self._newer = self._newer, set()

    def clear(self) -> None:
        self._older, self._newer = set(), set()
