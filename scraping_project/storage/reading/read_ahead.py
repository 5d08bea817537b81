"""Reads pages ahead: the database prepares the next ones while the reader works on this one."""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Page = TypeVar("Page")

#: So many pages are asked for: while the reader works on one, one waits and the database makes the next.
DEPTH = 2


def ahead(pages: Iterator[Page]) -> Generator[Page, None, None]:
    """Yields the pages, which are made on another thread; close it when it is not read out."""
    with ThreadPoolExecutor(1, "ahead") as thread:
        coming = deque(thread.submit(next, pages, None) for _ in range(DEPTH))
        try:
            while (page := coming.popleft().result()) is not None:
                coming.append(thread.submit(next, pages, None))
                yield page
        finally:
            thread.shutdown(wait=False, cancel_futures=True)
