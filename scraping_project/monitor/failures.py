"""What failed, by reason and site: how much, since when, whether it is new, and what a retry would touch."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import redis
from sqlalchemy import Engine

from scraping_project.frontier.frontier import Frontier
from scraping_project.monitor.stores import Stores
from scraping_project.storage.reading.failures import (
    Failed,
    Group,
    Groups,
    Samples,
    Trend,
    failed_logs,
    failure_groups,
    largest_groups,
)
from scraping_project.storage.reading.overview import outcomes
from scraping_project.storage.tables import ALL

#: Spans that people choose among, in hours.
HOURS, DEFAULT_HOURS = (1, 6, 24, 72, 168), 24
#: Groups on a page.
PAGE = 100
#: Statuses of attempts by which a page has ended.
ENDED = frozenset({"success", "failed", "dead"})


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
    totals: Failed | None
    before: Failed | None  # in as many hours before
    ended: int | None  # all pages that ended, well or not
    letters: int | None  # dead letters that are there now, whenever they died
    groups: tuple[ShownGroup, ...] | None
    groups_total: int | None


@dataclass(frozen=True, slots=True)
class Largest:
    """The largest groups of the last 24 h; None while the database is away."""

    groups: tuple[ShownGroup, ...] | None
    since: datetime  # UTC
    until: datetime


def read_failures(stores: Stores, which: FailureFilter) -> Failures:
    """Reads them; of dead letters it says what is there now."""
    now = datetime.now(UTC)
    since = now - timedelta(hours=which.hours)
    found = stores.database.read(lambda engine: _groups(engine, which, since))
    letters = stores.redis.read(lambda server: _letters(stores, server))
    groups, ended = found or (None, None)
    return Failures(
        filter=which,
        since=since if groups is None else groups.since.replace(tzinfo=UTC),
        until=now,
        totals=groups.now if groups else None,
        before=groups.before if groups else None,
        ended=ended,
        letters=None if letters is None else sum(letters.values()),
        groups=tuple(_shown(each, letters) for each in groups.groups) if groups else None,
        groups_total=groups.groups_total if groups else None,
    )


def read_samples(
    stores: Stores, which: FailureFilter, status: str, before: tuple[datetime, int] | None = None
) -> Samples | None:
    """Reads single attempts that failed for the filter's reason, the newest first.

    Args:
        stores: Where they are.
        which: A filter with a reason.
        status: ``failed``, ``dead`` or ``filtered``.
        before: ``before`` of the page before.

    Returns:
        A page of them; None while the database is away.
    """
    since = datetime.now(UTC) - timedelta(hours=which.hours)
    return stores.database.read(
        lambda engine: failed_logs(
            engine, since, reason=which.reason or "", status=status, domain=which.domain, before=before
        )
    )


def read_largest(stores: Stores, most: int) -> Largest:
    """Reads the groups with the most pages, without those that were only filtered."""
    now = datetime.now(UTC)
    since = now - timedelta(hours=DEFAULT_HOURS)
    found = stores.database.read(lambda engine: largest_groups(engine, since, most))
    if found is None:
        return Largest(None, since, now)
    letters = stores.redis.read(lambda server: _letters(stores, server))
    groups = tuple(_shown(each, letters) for each in found.groups if each.now.pages)
    return Largest(groups, found.since.replace(tzinfo=UTC), now)


def _groups(engine: Engine, which: FailureFilter, since: datetime) -> tuple[Groups, int]:
    groups = failure_groups(
        engine, since, reason=which.reason, domain=which.domain, crawl_id=which.crawl_id, limit=PAGE
    )
    every = outcomes(engine, crawl_id=which.crawl_id or ALL, domain=which.domain or ALL, since=groups.since)
    return groups, sum(each.attempts for each in every if each.status in ENDED)


def _letters(stores: Stores, server: redis.Redis) -> dict[tuple[str, str], int]:
    """How many dead letters there are of each reason and slot, in all frontiers."""
    found: dict[tuple[str, str], int] = {}
    for keys in stores.frontiers(server):
        for group, number in Frontier(server, keys).letter_groups().items():
            reason, _, slot = group.partition(" ")
            found[reason, slot] = found.get((reason, slot), 0) + number
    return found


def _shown(group: Group, letters: Mapping[tuple[str, str], int] | None) -> ShownGroup:
    return ShownGroup(
        reason=group.reason,
        domain=group.domain,
        failed=group.now.failed,
        dead=group.now.dead,
        filtered=group.now.filtered,
        letters=None if letters is None else letters.get((group.reason, group.domain), 0),
        first=group.first_hour,
        last=group.last_hour,
        trend=group.trend,
    )
