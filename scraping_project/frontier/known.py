"""What a worker remembers of the dupe filter."""

from collections.abc import Iterable

#: How many fingerprints a worker remembers at the most: about 25 MB.
KNOWN = 200_000


class Known:
    """A bounded local mirror of the dupe filter: what is in it is surely in the shared one.

    It is emptied whenever that may have changed (another crawl, another token, Redis away), or it would
    hide links that the frontier no longer knows. When it is full, the older half is forgotten at once: two
    plain sets take less memory than one dict in order, and are given back whole.
    """

    def __init__(self, size: int = KNOWN) -> None:
        self._half = size // 2
        self._older: set[str] = set()
        self._newer: set[str] = set()

    def __contains__(self, fingerprint: str) -> bool:
        return fingerprint in self._newer or fingerprint in self._older

    def without(self, fingerprints: Iterable[str]) -> set[str]:
        """Those of them that it does not have."""
        return set(fingerprints) - self._newer - self._older

    def add(self, fingerprints: Iterable[str]) -> None:
        for fingerprint in fingerprints:
            self._newer.add(fingerprint)
            if len(self._newer) >= self._half:
                self._older, self._newer = self._newer, set()

    def clear(self) -> None:
        self._older, self._newer = set(), set()
