"""Downloads that are made piece by piece, each on a thread."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from typing import Any

from litestar.concurrency import sync_to_thread

END = b""


async def in_pieces(
    pieces: Iterator[bytes], reading: AbstractContextManager[Any] | None = None
) -> AsyncIterator[bytes]:
    """Yields the pieces; a reader who goes away ends the reading at once.

    Args:
        pieces: None of them empty.
        reading: What is closed at the end; without it, the pieces, if they are a generator.
    """
    with reading or (closing(pieces) if hasattr(pieces, "close") else nullcontext()):
        while piece := await sync_to_thread(next, pieces, END):
            yield piece
