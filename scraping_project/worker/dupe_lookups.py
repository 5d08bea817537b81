"""Links whose pages wait for the frontier's word on them."""

import asyncio
from collections.abc import Collection


class DupeLookups:
    """Which fingerprints are asked about, and who waits for the answer.

    Nobody learns the answer from here: by then the worker's mirror has what the frontier knows.
    """

    def __init__(self) -> None:
        self._open: list[tuple[Collection[str], asyncio.Future[None]]] = []

    async def wait_for(self, fingerprints: Collection[str]) -> None:
        """Wait until these are answered, or nobody will answer any more."""
        answered = asyncio.get_running_loop().create_future()
        self._open.append((fingerprints, answered))
        await answered

    def confirm(self, fingerprints: Collection[str]) -> None:
        """Let those go on of whose fingerprints these are the last."""
        if not fingerprints:
            return
        known = frozenset(fingerprints)
        still_open: list[tuple[Collection[str], asyncio.Future[None]]] = []
        for asked, answered in self._open:
            if left := [fingerprint for fingerprint in asked if fingerprint not in known]:
                still_open.append((left, answered))
            else:
                _let_go(answered)
        self._open = still_open

    def give_up(self) -> None:
        """Let all go on without an answer: what they ask for may be new."""
        for _, answered in self._open:
            _let_go(answered)
        self._open.clear()


def _let_go(answered: asyncio.Future[None]) -> None:
    if not answered.done():  # its callback may be no more
        answered.set_result(None)
