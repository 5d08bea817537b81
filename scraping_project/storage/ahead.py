"""Reads one page ahead: the database prepares the next one while the reader works on this one."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Page = TypeVar("Page")


def ahead(pages: Iterator[Page]) -> Generator[Page, None, None]:
    """Yields the pages, which are made on another thread, two at a time; close it when it is not read out."""
    with ThreadPoolExecutor(1, "ahead") as thread:
        coming = thread.submit(next, pages, None)
        while (page := coming.result()) is not None:
            coming = thread.submit(next, pages, None)
            yield page
