"""A retry: dead letters are put back, and pages that failed are asked for again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import redis
from sqlalchemy import Engine

from scraping_project.frontier.dead_letters import DeadLetter, every_letter
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.keys import Keys
from scraping_project.http import serialization
from scraping_project.operations.pages_again import Page, request_for
from scraping_project.politeness.registered_domain import registered_domain
from scraping_project.storage.reading.failed_pages import (
    SLICE,
    FailedPage,
    WhichPages,
    failed_pages,
    frontiers_of,
)
from scraping_project.storage.values import host_of


@dataclass(frozen=True, slots=True)
class Place:
    """How far a retry has come: no place is the beginning, dead letters come first."""

    moment: datetime | None = None
    log_id: int = 0


@dataclass(slots=True)
class Touched:
    """What a retry has done."""

    letters: int = 0  # dead letters put back
    pages: int = 0  # failed pages asked for again
    without_crawl: int = 0  # pages whose frontier holds no crawl any more
    frontiers: dict[str, int] = field(default_factory=dict)  # by name: requests that each was given
    epochs: dict[str, int] = field(default_factory=dict)  # by name: of the crawl that each held at first

    @property
    def total(self) -> int:
        return self.letters + self.pages + self.without_crawl

    def give(self, frontier: str, number: int) -> None:
        self.frontiers[frontier] = self.frontiers.get(frontier, 0) + number


class Retry:
    """Works in slices; whoever goes on after a kill neither loses nor doubles anything.

    A dead letter that was put back is none any more, and the frontier knows how far the pages have come.
    """

    def __init__(
        self,
        action_id: str,
        which: WhichPages,
        *,
        server: redis.Redis,
        engine: Engine,
        frontiers: Mapping[str, Keys],
        slot_by: str,
    ) -> None:
        """Prepares a retry.

        Args:
            action_id: Names it, in the frontier too.
            which: The failures that are meant.
            server: Where the frontiers are.
            engine: The database.
            frontiers: The keys of all frontiers, by their names.
            slot_by: The setting FRONTIER_SLOT_BY.
        """
        self._id, self._which = action_id, which
        self._engine, self._server = engine, server
        self._keys, self._slot_by = frontiers, slot_by
        self.touched = Touched()

    def work(self, place: Place, touched: Touched) -> Iterator[Place]:
        """Goes on from a place, and yields the next after each slice."""
        self.touched = touched
        if place.moment is None:
            yield from self._letters()
        yield from self._pages(place)

    def _letters(self) -> Iterator[Place]:
        if self._which.log_ids is not None:
            return
        domain = self._which.domain
        is_wider = domain is not None and self._slot_by == "domain"  # the slot holds other hosts, too
        slot = registered_domain(domain) if domain and is_wider else domain
        chosen = self._is_of_domain if is_wider else every_letter
        for name, keys in self._keys.items():
            frontier = Frontier(self._server, keys)
            epoch = self.touched.epochs.setdefault(name, frontier.epoch())
            matching = frontier.requeue_matching(self._which.reason, slot, chosen=chosen, epoch=epoch)
            for moved in matching:
                self.touched.letters += moved
                self.touched.give(name, moved)
                yield Place()

    def _is_of_domain(self, letter: DeadLetter) -> bool:
        return host_of(serialization.url_of(letter.request.payload)) == self._which.domain

    def _pages(self, place: Place) -> Iterator[Place]:
        after = None if place.moment is None else (place.moment, place.log_id)
        while pages := failed_pages(self._engine, self._which, after):
            for name, some in frontiers_of(pages).items():
                self._push(name, some)
            after = (pages[-1].finished_at, pages[-1].log_id)
            yield Place(*after)
            if len(pages) < SLICE:
                return

    def _push(self, name: str, pages: list[FailedPage]) -> None:
        keys = self._keys.get(name)
        frontier = Frontier(self._server, keys) if keys else None
        requests = {
            page.position: request_for(Page(page.url, page.depth), slot_by=self._slot_by) for page in pages
        }
        pushed = frontier.push_again(self._id, requests) if frontier else None
        if pushed is None:
            self.touched.without_crawl += len(pages)
        else:
            self.touched.pages += len(pages)
            self.touched.give(name, len(pages))
