"""What failed, by reason and site, from the roll-up of hours."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, Select, case, func, select

from scraping_project.storage.tables import ALL, attempt_minutes, failure_hours
from scraping_project.storage.transactions import reading
from scraping_project.storage.values import naive_utc


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """The failures of one reason at one site."""

    reason: str
    domain: str
    failed: int
    dead: int
    filtered: int
    first_hour: datetime  # UTC, naive
    last_hour: datetime


@dataclass(frozen=True, slots=True)
class FailureTotals:
    """All failures that are meant, in all groups."""

    groups: int
    failed: int
    dead: int
    filtered: int
    ended: int  # pages that ended, well or not


@dataclass(frozen=True, slots=True)
class FailureGroups:
    """The largest groups, and what all of them are together."""

    groups: Sequence[FailureGroup]
    totals: FailureTotals


def failure_groups(
    engine: Engine,
    since: datetime,
    *,
    reason: str | None = None,
    domain: str | None = None,
    crawl_id: str | None = None,
    limit: int = 100,
) -> FailureGroups:
    """The failures since an hour, the largest groups first."""
    with reading(engine) as connection:
        rows = connection.execute(failure_groups_query(since, reason, domain, crawl_id)).all()
        ended = connection.scalar(ended_query(since, domain, crawl_id)) or 0
    groups = [_group(row) for row in rows]
    return FailureGroups(
        groups=sorted(groups, key=lambda each: (-each.failed - each.dead, -each.filtered))[:limit],
        totals=FailureTotals(
            groups=len(groups),
            failed=sum(each.failed for each in groups),
            dead=sum(each.dead for each in groups),
            filtered=sum(each.filtered for each in groups),
            ended=int(ended),
        ),
    )


def failure_groups_query(
    since: datetime, reason: str | None = None, domain: str | None = None, crawl_id: str | None = None
) -> Select[Any]:
    table = failure_hours.c
    hour = naive_utc(since).replace(minute=0, second=0, microsecond=0)

    def of(status: str) -> Any:
        return func.sum(case((table.status == status, table.attempts), else_=0)).label(status)

    columns = [
        table.group_id,
        func.min(table.reason),
        func.min(table.domain),
        *map(of, ("failed", "dead", "filtered")),
    ]
    query = select(*columns, func.min(table.hour), func.max(table.hour))
    query = query.where(table.hour >= hour, table.domain != ALL)
    for column, value in ((table.reason, reason), (table.domain, domain), (table.crawl_id, crawl_id)):
        if value is not None:
            query = query.where(column == value)
    return query.group_by(table.group_id).having(func.sum(table.attempts) > 0)


def ended_query(since: datetime, domain: str | None = None, crawl_id: str | None = None) -> Select[Any]:
    """How many pages ended."""
    table = attempt_minutes.c
    query = select(func.sum(table.attempts)).where(table.domain == (domain or ALL))
    query = query.where(table.minute >= naive_utc(since).replace(second=0, microsecond=0))
    if crawl_id is not None:
        query = query.where(table.crawl_id == crawl_id)
    return query.where(table.status.in_(["success", "failed", "dead"]))


def _group(row: Row[Any]) -> FailureGroup:
    _, reason, domain, failed, dead, filtered, first, last = tuple(row)
    return FailureGroup(reason, domain, int(failed), int(dead), int(filtered), first, last)
