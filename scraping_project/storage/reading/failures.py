"""What failed lately: by reason and domain from the hours, and single attempts that an hour leads to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Select,
    and_,
    case,
    func,
    literal_column,
    select,
    union_all,
)

from scraping_project.storage.reading.logs import COLUMNS, Log, log_of
from scraping_project.storage.tables import ALL, failure_hours, scrape_logs
from scraping_project.storage.transactions import reading
from scraping_project.storage.values import naive_utc

HOUR = timedelta(hours=1)
Trend = Literal["new", "rising", "as ever", "falling"]
#: So many times as often as before is rising; the same turned round is falling.
RISING = 2
#: Hours that one page of samples looks into.
HOURS = 24


@dataclass(frozen=True, slots=True)
class Failed:
    """Attempts of a stretch of hours by how they ended."""

    failed: int = 0
    dead: int = 0
    filtered: int = 0

    @property
    def pages(self) -> int:
        """The failures; what was filtered is none."""
        return self.failed + self.dead


@dataclass(frozen=True, slots=True)
class Group:
    """What failed for one reason at one domain."""

    reason: str
    domain: str
    now: Failed
    before: Failed  # in as many hours before
    first_hour: datetime  # UTC, naive; of both stretches
    last_hour: datetime

    @property
    def trend(self) -> Trend:
        return trend(self.now.pages, self.before.pages)


@dataclass(frozen=True, slots=True)
class Groups:
    """The largest groups, and all of them together."""

    groups: Sequence[Group]
    groups_total: int
    now: Failed
    before: Failed
    since: datetime  # the hour from which on was counted; UTC, naive


@dataclass(frozen=True, slots=True)
class LargestGroups:
    """The largest groups alone."""

    groups: Sequence[Group]
    since: datetime  # the hour from which on was counted; UTC, naive


@dataclass(frozen=True, slots=True)
class Reason:
    """What failed for one reason, at all domains."""

    reason: str
    now: Failed
    before: Failed

    @property
    def trend(self) -> Trend:
        return trend(self.now.pages, self.before.pages)


@dataclass(frozen=True, slots=True)
class Samples:
    """Attempts of one kind, the newest first."""

    logs: Sequence[Log]
    before: tuple[datetime, int] | None  # of the last of them: where the next page begins, if there is one


def trend(now: int, before: int) -> Trend:
    """How often something fails beside how often it did in as many hours before."""
    if not before:
        return "new"
    if now >= RISING * before:
        return "rising"
    return "falling" if now * RISING <= before else "as ever"


def failure_groups(
    engine: Engine,
    since: datetime,
    *,
    crawl_id: str | None = None,
    domain: str | None = None,
    reason: str | None = None,
    limit: int = 50,
) -> Groups:
    """The groups of reason and domain with the most failures since an hour, the largest first.

    Groups of which all was filtered come last. It is three statements: which groups, what of each, and how
    much in all.

    Args:
        engine: The database.
        since: Counted from the beginning of its hour on.
        crawl_id: Only of this crawl.
        domain: Only this host.
        reason: Only this reason.
        limit: Groups at the most; ``groups_total`` says how many there are.
    """
    begin, earlier = _stretches(since)
    conditions = _conditions(crawl_id, domain, reason)
    with reading(engine) as connection:
        found = connection.execute(_largest(begin, conditions, limit, _COUNTED, domain)).all()
        groups = _details(connection, found, begin, earlier, conditions)
        everywhere = _conditions(crawl_id, domain or ALL, reason)
        now, before = _in_all(connection, begin, earlier, everywhere)
    return Groups(groups, found[0].groups if found else 0, now, before, begin)


def largest_groups(engine: Engine, since: datetime, limit: int) -> LargestGroups:
    """The same groups, in two statements: how many there are, and how much in all, is not counted."""
    begin, earlier = _stretches(since)
    conditions = _conditions(None, None, None)
    with reading(engine) as connection:
        found = connection.execute(_largest(begin, conditions, limit, _UNCOUNTED)).all()
        return LargestGroups(_details(connection, found, begin, earlier, conditions), begin)


def reasons(
    engine: Engine, since: datetime, *, crawl_id: str | None = None, domain: str | None = None
) -> list[Reason]:
    """What failed since an hour by reason, the most frequent first; it reads a row an hour and reason."""
    begin, earlier = _stretches(since)
    hours = failure_hours.c
    query = select(hours.reason, *_sums(begin)).where(*_conditions(crawl_id, domain or ALL, None))
    query = query.where(hours.hour >= earlier).group_by(hours.reason)
    with reading(engine) as connection:
        found = [Reason(row[0], *_both(row[1:7])) for row in connection.execute(query)]
    now = (each for each in found if each.now != Failed())
    return sorted(now, key=lambda each: (-each.now.pages, -each.now.filtered, each.reason))


class _Kind(NamedTuple):
    """Which attempts samples are of."""

    reason: str
    status: str
    domain: str | None


def failed_logs(
    engine: Engine,
    since: datetime,
    *,
    reason: str,
    status: str,
    domain: str | None = None,
    before: tuple[datetime, int] | None = None,
    limit: int = 50,
) -> Samples:
    """Attempts that ended so since an hour, the newest first.

    The roll-up says in which hours there are any, so that the logs of no others are read.

    Args:
        engine: The database.
        since: From the beginning of its hour on.
        reason: Why they failed; empty for those without a reason.
        status: One of ``tables.FAILURES``.
        domain: Only this host.
        before: The page behind: ``before`` of the samples of the page before it.
        limit: Rows at the most; there may be fewer, and more behind them.
    """
    kind = _Kind(reason, status, domain and domain.lower())
    last = naive_utc(before[0]) if before else None
    with reading(engine) as connection:
        hours = connection.execute(_hours(since, last, kind)).all()
        chosen = list(_chosen(hours, limit, last))
        if not chosen:
            return Samples([], None)
        parts = [_in_hour(hour, kind, before, limit) for hour in chosen]
        found = [log_of(row) for row in connection.execute(union_all(*parts)).mappings()]
    found.sort(key=lambda log: (log.finished_at, log.id), reverse=True)
    more = len(found) > limit or len(chosen) < len(hours)
    return Samples(found[:limit], _end(found[:limit], chosen) if more else None)


def _stretches(since: datetime) -> tuple[datetime, datetime]:
    """The hour from which on is counted, and the one so long before it."""
    begin = _hour(naive_utc(since))
    now = _hour(naive_utc(datetime.now(UTC)))
    return begin, begin - max(HOUR, now - begin)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _conditions(crawl_id: str | None, domain: str | None, reason: str | None) -> list[ColumnElement[bool]]:
    hours = failure_hours.c
    conditions = [hours.domain != ALL if domain is None else hours.domain == domain.lower()]
    if crawl_id is not None:
        conditions.append(hours.crawl_id == crawl_id)
    if reason is not None:
        conditions.append(hours.reason == reason)
    return conditions


#: How many groups there are: on SQLite a fifth of the time of the query, so not where nobody asks.
_COUNTED, _UNCOUNTED = literal_column("count(*) OVER ()", Integer()), literal_column("0", Integer())


def _largest(
    begin: datetime,
    conditions: Sequence[ColumnElement[bool]],
    limit: int,
    groups: ColumnElement[int],
    domain: str | None = None,
) -> Select[Any]:
    """The groups by number: their texts are looked up for those alone that are shown."""
    hours = failure_hours.c
    pages = func.sum(case((hours.status == "filtered", 0), else_=hours.attempts)).label("pages")
    query = select(hours.group_id, pages, func.max(hours.hour).label("hour"), groups.label("groups"))
    query = query.where(hours.hour >= begin, *conditions).group_by(hours.group_id)
    query = query.order_by(pages.desc(), hours.group_id).limit(limit)
    index = "PRIMARY" if domain is None else "ix_failure_hours_domain"
    query = query.with_hint(failure_hours, f"FORCE INDEX ({index})", "mysql")
    top = query.subquery("top")
    texts = failure_hours.alias("texts")
    same = and_(texts.c.hour == top.c.hour, texts.c.group_id == top.c.group_id)
    return select(top.c.groups, texts.c.reason, texts.c.domain).distinct().join_from(top, texts, same)


def _details(
    connection: Connection,
    found: Sequence[Any],
    begin: datetime,
    earlier: datetime,
    conditions: Sequence[ColumnElement[bool]],
) -> list[Group]:
    hours = failure_hours.c
    wanted = {(row.reason, row.domain) for row in found}
    query = select(hours.reason, hours.domain, *_sums(begin), func.min(hours.hour), func.max(hours.hour))
    query = query.where(hours.domain.in_(sorted({domain for _, domain in wanted})), hours.hour >= earlier)
    query = query.where(*conditions[1:]).group_by(hours.reason, hours.domain)
    query = query.with_hint(failure_hours, "FORCE INDEX (ix_failure_hours_domain)", "mysql")
    rows = connection.execute(query).all() if wanted else []
    groups = [
        Group(row[0], row[1], *_both(row[2:8]), row[8], row[9]) for row in rows if tuple(row[:2]) in wanted
    ]
    return sorted(
        groups, key=lambda group: (-group.now.pages, -group.now.filtered, group.reason, group.domain)
    )


def _in_all(
    connection: Connection, begin: datetime, earlier: datetime, conditions: Sequence[ColumnElement[bool]]
) -> tuple[Failed, Failed]:
    query = select(*_sums(begin)).where(*conditions, failure_hours.c.hour >= earlier)
    return _both(connection.execute(query).one())


def _sums(begin: datetime) -> Iterator[ColumnElement[Any]]:
    """Of this stretch, then of the one before: failed, dead and filtered."""
    hours = failure_hours.c
    for when in (hours.hour >= begin, hours.hour < begin):
        for status in ("failed", "dead", "filtered"):
            yield func.sum(case((when & (hours.status == status), hours.attempts), else_=0))


def _both(sums: Sequence[Any]) -> tuple[Failed, Failed]:
    numbers = [int(number or 0) for number in sums]
    return Failed(*numbers[:3]), Failed(*numbers[3:])


def _hours(since: datetime, last: datetime | None, kind: _Kind) -> Select[Any]:
    """The hours in which attempts ended so, the newest first, and how many."""
    hours = failure_hours.c
    attempts = func.sum(hours.attempts).label("attempts")
    query = select(hours.hour, attempts).where(*_conditions(None, kind.domain or ALL, kind.reason))
    query = query.where(hours.hour >= _hour(naive_utc(since)), hours.status == kind.status)
    if last is not None:
        query = query.where(hours.hour <= _hour(last))
    return query.group_by(hours.hour).having(attempts > 0).order_by(hours.hour.desc())


def _chosen(hours: Sequence[Any], limit: int, last: datetime | None) -> Iterator[datetime]:
    """The hours that a page needs: until there is one attempt more than it shows."""
    counted = 0
    for hour, attempts in hours[:HOURS]:
        yield hour
        if last is None or hour < _hour(last):  # of the hour in which the last page ended some are gone
            counted += int(attempts)
        if counted > limit:
            return


def _in_hour(hour: datetime, kind: _Kind, before: tuple[datetime, int] | None, limit: int) -> Select[Any]:
    log = scrape_logs.c
    index = "ix_scrape_logs_status" if kind.domain is None else "ix_scrape_logs_domain"
    query = select(*COLUMNS).where(log.finished_at >= hour, log.finished_at < hour + HOUR)
    query = query.where(log.status == kind.status)
    query = query.where(log.reason == kind.reason if kind.reason else log.reason.is_(None))
    if kind.domain is not None:
        query = query.where(log.domain == kind.domain)
    if before is not None:
        moment, number = naive_utc(before[0]), before[1]
        query = query.where(log.finished_at <= moment, (log.finished_at < moment) | (log.id < number))
    query = query.order_by(log.finished_at.desc(), log.id.desc()).limit(limit + 1)
    query = query.with_hint(scrape_logs, f"FORCE INDEX ({index})", "mysql")
    query = query.with_hint(scrape_logs, f"INDEXED BY {index}", "sqlite")
    return select(query.subquery())


def _end(logs: Sequence[Log], hours: Sequence[datetime]) -> tuple[datetime, int]:
    return (logs[-1].finished_at, logs[-1].id) if logs else (hours[-1], 0)
