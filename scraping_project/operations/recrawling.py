"""Asking for stored pages again: seeds of those that were last asked for long ago, or that failed."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Row

from scraping_project.frontier.seed_push import Push
from scraping_project.frontier.seeds import SeedError, parse
from scraping_project.http import conditional
from scraping_project.storage.values import url_hash

#: Seeds that are pushed at once.
BATCH = 1_000


class Recrawl:
    """Pushes pages as seeds, and counts them.

    Args:
        full: Asks on no condition: every page is stored, and its links are followed.
    """

    def __init__(self, *, full: bool) -> None:
        self.pushed = self.conditional = self.left_out = 0
        self._full = full

    def push(self, pages: Iterable[Row[Any]], push: Push, told: Callable[[int], object]) -> None:
        """Pushes all pages; ``told`` hears how many they are so far, after each that is full."""
        rows = iter(pages)
        while batch := list(islice(rows, BATCH)):
            if raw := [seed for page in batch if (seed := self._seed(page))]:
                push(raw)
            self.pushed += len(raw)
            if len(batch) == BATCH:
                told(self.pushed)

    def _seed(self, page: Row[Any]) -> bytes | None:
        """The page as a seed; None when its URL is not whole, or no crawl may start at it."""
        headers = {} if self._full else conditions_of(page)
        raw = seed_of(page, headers)
        try:
            parse(raw)
        except SeedError:
            raw = b""
        if not raw or url_hash(page.url) != page.url_hash:
            self.left_out += 1
            return None
        self.conditional += bool(headers)
        return raw


def conditions_of(page: Row[Any]) -> dict[str, str]:
    """The headers that ask for the page if it has changed; none where the stored content is another."""
    if not 200 <= page.status_code < 300:  # noqa: PLR2004  HTTP's own numbers
        return {}
    return conditional.headers_of(page.etag, page.last_modified)


def seed_of(page: Row[Any], headers: dict[str, str]) -> bytes:
    """The seed: past the dupe filter, at the page's depth, so that it leads no further than before."""
    seed: dict[str, Any] = {"url": page.url, "dont_filter": True}
    if headers:
        seed["headers"] = headers
    if page.depth:
        seed["meta"] = {"depth": page.depth}
    return msgspec.json.encode(seed)
