"""What a spider starts with by itself."""

from collections.abc import AsyncIterator
from typing import Any


class Starts:
    """Counts what ``start()`` yields, of which other middlewares may drop some."""

    def __init__(self) -> None:
        self.count = 0

    async def process_start(self, start: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for each in start:
            self.count += 1
            yield each
