"""What failed, by reason and site: how much, since when, whether it is new, and what a retry would touch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import redis
from sqlalchemy import Engine

from scraping_project.frontier.frontier import Frontier
from scraping_project.monitor.stores import Stores
from scraping_project.storage.reading.failures import (
    FailureGroup,
    FailureGroups,
    FailureTotals,
    failure_groups,
)

#: Spans that people choose among, in hours.
HOURS, DEFAULT_HOURS = (1, 6, 24, 72, 168), 24
#: Groups on a page.
PAGE = 100

Trend = Literal["new", "rising", "as ever", "falling"]


@dataclass(frozen=True, slots=True)
class FailureFilter:
    """Which failures are shown."""

    hours: int = DEFAULT_HOURS
    reason: str | None = None
    domain: str | None = None
    crawl_id: str | None = None


@dataclass(frozen=True, slots=True)
class ShownGroup:
    """Failures of one reason at one site."""

    reason: str
    domain: str
    failed: int  # failed for good: answered so, after all retries
    dead: int  # became dead letters
    filtered: int  # not asked for, by a rule: no failures
    letters: int | None  # dead letters that are there now; None while Redis is away
    first: datetime  # the hour, UTC
    last: datetime
    trend: Trend

    @property
    def pages(self) -> int:
        return self.failed + self.dead

    @property
    def to_retry(self) -> int:
        """How many requests a retry touches: letters that are there, and pages that failed for good."""
        return self.failed + (self.letters if self.letters is not None else self.dead)


@dataclass(frozen=True, slots=True)
class Failures:
    """What the page of failures shows; no groups while the database is away."""

    filter: FailureFilter
    since: datetime  # UTC
    until: datetime
    totals: FailureTotals | None
    letters: int | None  # dead letters that are there now, whenever they died
    groups: tuple[ShownGroup, ...] | None


def read_failures(stores: Stores, which: FailureFilter) -> Failures:
    """Reads them; of dead letters it says what is there now."""
    now = datetime.now(UTC)
    since = now - timedelta(hours=which.hours)
    found = stores.database.read(lambda engine: _groups(engine, which, since))
    letters = stores.redis.read(lambda server: _letters(stores, server))
    return Failures(
        filter=which,
        since=since,
        until=now,
        totals=found.totals if found else None,
        letters=None if letters is None else sum(letters.values()),
        groups=None if found is None else tuple(_shown(each, letters) for each in found.groups),
    )


def _groups(engine: Engine, which: FailureFilter, since: datetime) -> FailureGroups:
    return failure_groups(
        engine, since, reason=which.reason, domain=which.domain, crawl_id=which.crawl_id, limit=PAGE
    )


def _letters(stores: Stores, server: redis.Redis) -> dict[tuple[str, str], int]:
    """How many dead letters there are of each reason and slot, in all frontiers."""
    found: dict[tuple[str, str], int] = {}
    for keys in stores.frontiers(server):
        for group, number in Frontier(server, keys).letter_groups().items():
            reason, _, slot = group.partition(" ")
            found[reason, slot] = found.get((reason, slot), 0) + number
    return found


def _shown(group: FailureGroup, letters: Mapping[tuple[str, str], int] | None) -> ShownGroup:
    return ShownGroup(
        reason=group.reason,
        domain=group.domain,
        failed=group.failed,
        dead=group.dead,
        filtered=group.filtered,
        letters=None if letters is None else letters.get((group.reason, group.domain), 0),
        first=group.first_hour,
        last=group.last_hour,
        trend="as ever",
    )


def largest(groups: Sequence[ShownGroup], most: int) -> list[ShownGroup]:
    """The groups with the most pages, without those that were only filtered."""
    return sorted((each for each in groups if each.pages), key=lambda each: -each.pages)[:most]
