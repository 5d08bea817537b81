"""What a schedule starts: a run, or seeds for workers that wait, typed ones or stored pages."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from scraping_project.frontier.keys import Keys
from scraping_project.frontier.seeds import SeedError, parse
from scraping_project.nodes.request_rules import RunRequestError, check_name
from scraping_project.operations.starting import Wanted
from scraping_project.schedules.errors import ScheduleRefused

#: Seeds that a schedule holds: many stand in a file for `scrapy seed`, or are found by a crawl.
MOST_SEEDS = 1_000
_HOST = re.compile(r"[a-z0-9_.:-]{1,255}")
#: What stands for the due time in an argument: in UTC, and the day in the schedule's own zone.
DUE, DUE_DATE = "{due}", "{due_date}"


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all have in common."""

    spider: str

    def check(self) -> None:
        """Passes over what may be started.

        Raises:
            ScheduleRefused: It may not; the message says why.
        """
        try:
            check_name("spider", self.spider)
        except RunRequestError as error:
            raise ScheduleRefused(str(error)) from error


class RunTarget(Target, frozen=True, forbid_unknown_fields=True, tag="run", tag_field="kind"):
    """A run of a spider."""

    arguments: dict[str, str] = {}
    settings: dict[str, str] = {}

    def check(self) -> None:
        try:
            Wanted(self.spider, self.arguments, self.settings).check()
        except RunRequestError as error:
            raise ScheduleRefused(str(error)) from error

    def wanted(self, due: datetime, timezone: str) -> Wanted:
        """The run of a due time (UTC, naive), which its arguments may name."""
        moment = due.replace(tzinfo=UTC)
        day = moment.astimezone(ZoneInfo(timezone)).date()
        words = {DUE: moment.strftime("%Y-%m-%dT%H:%M:%SZ"), DUE_DATE: day.isoformat()}
        arguments = {name: _replaced(value, words) for name, value in self.arguments.items()}
        return Wanted(self.spider, arguments, self.settings)


class SeedsTarget(Target, frozen=True, forbid_unknown_fields=True, tag="seeds", tag_field="kind"):
    """Seeds for the workers of a frontier."""

    seeds: list[str]
    frontier: str | None = None

    def check(self) -> None:
        super().check()
        _check_frontier(self.frontier)
        if not 1 <= len(self.seeds) <= MOST_SEEDS:
            raise ScheduleRefused(f"a schedule takes 1 to {MOST_SEEDS:,} seeds, not {len(self.seeds):,}")
        try:
            for seed in self.seeds:
                parse(seed.encode())
        except SeedError as error:
            raise ScheduleRefused(f"a seed is refused: {error}") from error


class RecrawlTarget(Target, frozen=True, forbid_unknown_fields=True, tag="recrawl", tag_field="kind"):
    """Stored pages that are to be asked for again, as ``scrapy recrawl`` does."""

    frontier: str | None = None
    older_than_seconds: int | None = None
    failed: bool = False  # whose last answer was a failure
    domain: str | None = None  # only of this host
    full: bool = False  # on no condition

    def check(self) -> None:
        super().check()
        _check_frontier(self.frontier)
        if self.older_than_seconds is None and not self.failed:
            raise ScheduleRefused(
                "a recrawl takes an age, such as 7d (0s for all pages), or those that failed"
            )
        if self.domain is not None and not _HOST.fullmatch(self.domain):
            raise ScheduleRefused(f"{self.domain[:100]!r} is no host: give a name such as example.com")

    def before(self, now: datetime) -> datetime:
        """The moment before which a page was last asked for."""
        return now - timedelta(seconds=self.older_than_seconds or 0)


AnyTarget = RunTarget | SeedsTarget | RecrawlTarget


def target_of(kept: Mapping[str, Any]) -> AnyTarget:
    """What was kept of a target, checked anew: the rules may have changed since.

    Raises:
        ScheduleRefused: It is none; the message says why.
    """
    try:
        target: AnyTarget = msgspec.convert(dict(kept), AnyTarget)
    except msgspec.ValidationError as error:
        raise ScheduleRefused(f"that is nothing a schedule can start: {error}") from error
    target.check()
    return target


def kept_of(target: AnyTarget) -> dict[str, Any]:
    """What is kept of a target."""
    kept: dict[str, Any] = msgspec.to_builtins(target)
    return kept


def _check_frontier(name: str | None) -> None:
    try:
        Keys(name or "any")
    except ValueError as error:
        raise ScheduleRefused(str(error)) from error


def _replaced(value: str, words: Mapping[str, str]) -> str:
    for word, meaning in words.items():
        value = value.replace(word, meaning)
    return value
