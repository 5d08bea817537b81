"""The first page: is anything wrong, how fast, how well, what fails, how much is left, what holds it back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import urlencode

from scraping_project.frontier.inventory import Standing
from scraping_project.monitor.failures import ShownGroup, read_largest
from scraping_project.monitor.frontiers import read_frontier, read_frontiers
from scraping_project.monitor.runs import read_newest_runs
from scraping_project.monitor.stores import Stores
from scraping_project.storage.reading.overview import LastHour, last_hour
from scraping_project.storage.runs import KnownRun

#: Minutes of the chart, and those that a rate is taken from: complete ones alone.
MINUTES, RATE_MINUTES = 60, 5
#: Runs on the page.
RUNS = 6
#: Groups of failures on the page, and frontiers whose sites are looked at.
FAILING, LOOKED_AT = 5, 3
#: What is more than an accident.
GROWING, NOT_FEW = frozenset({"new", "rising"}), 20
#: The share of sites that wait for their turn, from which politeness is what holds a crawl back.
AT_LIMIT = 0.5
DAY = timedelta(days=1)
_SITES = ("slots_waiting_at_limit", "slots_total")


@dataclass(frozen=True, slots=True)
class MinuteBar:
    """What ended in one minute."""

    minute: datetime  # UTC, naive
    well: int
    failed: int


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast pages come, beside the same time yesterday; None where nobody knows."""

    bars: tuple[MinuteBar, ...]
    pages_a_minute: float
    yesterday: float | None


@dataclass(frozen=True, slots=True)
class Well:
    """Which share of what ended has ended well; None where nothing ended."""

    hour: float | None
    day: float | None
    failed_in_day: int
    ended_in_day: int


@dataclass(frozen=True, slots=True)
class Left:
    """What all frontiers together hold."""

    queued: int
    delayed: int
    leased: int
    done: int
    dead: int
    workers: int
    paused: tuple[str, ...]  # names
    idle: tuple[str, ...]  # those with work and nobody at it


@dataclass(frozen=True, slots=True)
class Holding:
    """What holds the crawls back, in a word, and until when they last at this pace."""

    by: Literal["nothing", "politeness", "workers", "a pause", "the database"]
    detail: str
    seconds_left: float | None  # of the slowest site; None: nobody knows


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that somebody should look at."""

    text: str
    page: str  # where to


@dataclass(frozen=True, slots=True)
class Overview:
    """What the first page shows; None stands for a part that is away."""

    problems: tuple[Problem, ...]
    speed: Speed | None
    well: Well | None
    left: Left | None
    holding: Holding | None
    failing: tuple[ShownGroup, ...] | None  # of 24 h, the most first
    failures_since: datetime  # UTC
    failures_until: datetime
    frontiers: tuple[Standing, ...] | None
    runs: tuple[KnownRun, ...] | None


def read_overview(stores: Stores) -> Overview:
    hour = stores.database.read(last_hour)
    frontiers = read_frontiers(stores).frontiers
    runs = read_newest_runs(stores, limit=RUNS).runs
    left = None if frontiers is None else _left(frontiers)
    failures = read_largest(stores, FAILING)
    return Overview(
        problems=(*_problems(stores, left, runs), *_failing(failures.groups or ())),
        speed=None if hour is None else _speed(hour),
        well=None if hour is None else _well(hour),
        left=left,
        holding=_holding(stores, frontiers),
        failing=failures.groups,
        failures_since=failures.since,
        failures_until=failures.until,
        frontiers=frontiers,
        runs=runs,
    )


def _speed(found: LastHour) -> Speed:
    bars = tuple(MinuteBar(minute, ended.well, ended.failed) for minute, ended in found.minutes)
    rated = bars[-1 - RATE_MINUTES : -1]  # the last minute is not over
    yesterday = found.yesterday.well + found.yesterday.failed
    return Speed(
        bars=bars,
        pages_a_minute=sum(bar.well + bar.failed for bar in rated) / RATE_MINUTES,
        yesterday=yesterday / MINUTES if yesterday else None,
    )


def _well(found: LastHour) -> Well:
    day = found.day
    return Well(found.hour.rate, day.rate, failed_in_day=day.failed, ended_in_day=day.well + day.failed)


def _left(frontiers: Sequence[Standing]) -> Left:
    def waits(each: Standing) -> int:
        return each.queued + each.delayed + each.seeds

    return Left(
        queued=sum(each.queued for each in frontiers),
        delayed=sum(each.delayed for each in frontiers),
        leased=sum(each.leased for each in frontiers),
        done=sum(each.done for each in frontiers),
        dead=sum(each.dead for each in frontiers),
        workers=sum(each.workers for each in frontiers),
        paused=tuple(each.name for each in frontiers if each.paused),
        idle=tuple(each.name for each in frontiers if waits(each) and not each.workers and not each.paused),
    )


def _holding(stores: Stores, frontiers: Sequence[Standing] | None) -> Holding | None:
    if frontiers is None:
        return None
    at_work = sorted((each for each in frontiers if each.queued), key=lambda each: -each.queued)
    if not at_work:
        return Holding("nothing", "nothing is queued", None)
    if all(each.paused for each in at_work):
        return Holding("a pause", "what is queued belongs to paused frontiers", None)
    if not any(each.workers for each in at_work):
        return Holding("workers", "nobody is at work", None)
    if stores.database.away:
        return Holding("the database", "it does not answer", None)
    details = [read_frontier(stores, each.name) for each in at_work[:LOOKED_AT] if each.workers]
    views = [each.view for each in details if each.view]
    waiting, sites = (sum(getattr(each, name) for each in views) for name in _SITES)
    left = max((each.seconds_left for each in details if each.seconds_left), default=None)
    if sites and waiting / sites >= AT_LIMIT:
        return Holding("politeness", f"{waiting:,} of {sites:,} sites wait for their turn", left)
    return Holding("workers", f"{sites - waiting:,} of {sites:,} sites could be asked now", left)


def _problems(stores: Stores, left: Left | None, runs: Sequence[KnownRun] | None) -> list[Problem]:
    found = [Problem(f"{away.part} does not answer: {away.why}", "/health") for away in stores.away]
    if left:
        found += [Problem(f"“{name}” has work and no worker", f"/frontier/{name}") for name in left.idle]
        found += [Problem(f"“{name}” is paused", f"/frontier/{name}") for name in left.paused]
        if left.dead:
            found.append(Problem(f"{left.dead:,} dead letter{'s' * (left.dead > 1)}", "/failures"))
    bad = [run for run in runs or () if run.outcome in ("failed", "killed", "lost")]
    newest = datetime.now(UTC).replace(tzinfo=None) - DAY
    found += [
        Problem(f"run {run.id} {_how(run)}", f"/runs/{run.id}") for run in bad if run.started_at >= newest
    ]
    return found


def _failing(groups: Sequence[ShownGroup]) -> list[Problem]:
    """Failures that are new or become more, and are not few."""
    growing = [each for each in groups if each.trend in GROWING and each.pages >= NOT_FEW]
    return [
        Problem(
            f"{each.pages:,} x {each.reason} at {each.domain}, {each.trend}",
            f"/failures?{urlencode({'reason': each.reason, 'domain': each.domain})}",
        )
        for each in growing
    ]


def _how(run: KnownRun) -> str:
    words = {"failed": "failed", "killed": "was killed", "lost": "is lost"}[run.outcome]
    return f"{words} ({run.reason})" if run.reason and run.reason != run.outcome else words
