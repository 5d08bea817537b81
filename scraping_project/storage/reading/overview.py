"""What has happened, from the roll-ups: as fast for a hundred million rows as for ten."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, and_, case, func, or_, select

from scraping_project.storage.reading import queries
from scraping_project.storage.tables import ALL, attempt_minutes, attempt_totals, site_totals
from scraping_project.storage.transactions import reading
from scraping_project.storage.values import naive_utc
from scraping_project.storage.writing.rollups import MEASURES

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The attempts that ended in one way."""

    status: str
    reason: str  # empty for none
    attempts: int
    timed: int  # those that have a latency
    latency_ms: int  # the sum of theirs
    bytes: int
    records: int


@dataclass(frozen=True, slots=True)
class Minute:
    """The attempts of one status that ended within a minute."""

    minute: datetime  # UTC, naive
    status: str
    attempts: int
    bytes: int


def outcomes(
    engine: Engine, *, crawl_id: str = ALL, domain: str = ALL, since: datetime | None = None
) -> list[Outcome]:
    """How attempts ended: of all, of one crawl, of one domain, since a minute or ever.

    Of one domain in one crawl only the minutes are kept, which are added up.
    """
    query = _outcomes(crawl_id, domain, since)
    with reading(engine) as connection:
        return [Outcome(*row[:2], *map(int, row[2:])) for row in connection.execute(query)]


def throughput(engine: Engine, *, since: datetime, crawl_id: str = ALL, domain: str = ALL) -> list[Minute]:
    """Attempts by minute and status; minutes without any are left out."""
    table = attempt_minutes
    sums = [func.sum(table.c[name]) for name in ("attempts", "bytes")]
    query = select(table.c.minute, table.c.status, *sums).where(*_within(crawl_id, domain, since))
    query = query.group_by(table.c.minute, table.c.status).order_by(table.c.minute, table.c.status)
    with reading(engine) as connection:
        return [Minute(row[0], row[1], int(row[2]), int(row[3])) for row in connection.execute(query)]


def sites_count(engine: Engine, domain: str = ALL) -> int:
    """How many sites are stored, of all domains or of one."""
    query = select(site_totals.c.sites).where(site_totals.c.domain == domain)
    with reading(engine) as connection:
        return connection.scalar(query) or 0


def largest_domains(engine: Engine, limit: int = 20) -> list[tuple[str, int]]:
    """The domains with the most sites, and how many those are."""
    with reading(engine) as connection:
        found = connection.execute(queries.largest_domains(limit + 1))  # ALL is among them
        return [(row.domain, row.sites) for row in found if row.domain != ALL][:limit]


@dataclass(frozen=True, slots=True)
class Ended:
    """Requests that were answered or given up."""

    well: int = 0
    failed: int = 0

    @property
    def rate(self) -> float | None:
        """The share that ended well; None when none ended."""
        return self.well / (self.well + self.failed) if self.well + self.failed else None


@dataclass(frozen=True, slots=True)
class LastHour:
    """How the last sixty minutes were, beside the same hour a day ago, and the last day."""

    minutes: Sequence[tuple[datetime, Ended]]  # UTC, naive; all of them, the oldest first, the last not over
    hour: Ended
    yesterday: Ended
    day: Ended


def last_hour(engine: Engine, now: datetime | None = None) -> LastHour:
    """Reads a day of minutes of all domains, in two statements; ``now`` is this process's unless given."""
    end = naive_utc(now or datetime.now(UTC)).replace(second=0, microsecond=0) + MINUTE
    begin, day_ago = end - HOUR, end - DAY
    minute = attempt_minutes.c
    sums = select(minute.minute, *_ended()).where(minute.domain == ALL).group_by(minute.minute)
    of_day = select(*_ended()).where(minute.domain == ALL, minute.minute >= day_ago, minute.minute < end)
    hours = or_(
        and_(minute.minute >= begin, minute.minute < end),
        and_(minute.minute >= begin - DAY, minute.minute < end - DAY),
    )
    with reading(engine) as connection:
        found = {row[0]: Ended(int(row[1]), int(row[2])) for row in connection.execute(sums.where(hours))}
        day = Ended(*(int(number or 0) for number in connection.execute(of_day).one()))
    minutes = [(begin + MINUTE * number, found.get(begin + MINUTE * number, Ended())) for number in range(60)]
    yesterday = [ended for moment, ended in found.items() if moment < begin]
    return LastHour(minutes, _together([ended for _, ended in minutes]), _together(yesterday), day)


def _ended() -> list[ColumnElement[Any]]:
    minute = attempt_minutes.c
    well, failed = minute.status == "success", minute.status.in_(("failed", "dead"))
    return [func.sum(case((which, minute.attempts), else_=0)) for which in (well, failed)]


def _together(some: Sequence[Ended]) -> Ended:
    return Ended(sum(ended.well for ended in some), sum(ended.failed for ended in some))


def success_rate(found: Sequence[Outcome]) -> float | None:
    """The share of the requests that were answered or given up which ended well; None when none was."""
    ended = sum(outcome.attempts for outcome in found if outcome.status in {"success", "failed", "dead"})
    well = sum(outcome.attempts for outcome in found if outcome.status == "success")
    return well / ended if ended else None


def _outcomes(crawl_id: str, domain: str, since: datetime | None) -> Select[Any]:
    both = ALL not in {crawl_id, domain}
    if since is None and not both:
        table = attempt_totals
        kept = [table.c.status, table.c.reason, *(table.c[name] for name in MEASURES)]
        query = select(*kept).where(table.c.domain == domain, table.c.crawl_id == crawl_id)
        return query.where(table.c.attempts > 0).order_by(table.c.status, table.c.reason)
    table = attempt_minutes
    sums = [func.sum(table.c[name]) for name in MEASURES]
    query = select(table.c.status, table.c.reason, *sums).where(*_within(crawl_id, domain, since))
    query = query.group_by(table.c.status, table.c.reason).order_by(table.c.status, table.c.reason)
    return query.having(sums[0] > 0)


def _within(crawl_id: str, domain: str, since: datetime | None) -> list[Any]:
    table = attempt_minutes
    conditions = [table.c.domain == domain]
    if since is not None:
        conditions.append(table.c.minute >= naive_utc(since).replace(second=0, microsecond=0))
    if crawl_id != ALL:
        conditions.append(table.c.crawl_id == crawl_id)
    return conditions
