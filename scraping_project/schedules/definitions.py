"""Schedules as people write them, checked: a name, times, what is started, and how lateness is taken."""

import re
from datetime import UTC, datetime
from typing import get_args
from zoneinfo import ZoneInfo

from scraping_project.schedules.errors import ScheduleRefused
from scraping_project.schedules.targets import target_of
from scraping_project.schedules.timing import Timing, next_after, parse
from scraping_project.storage.scheduling.schedules import AskedSchedule, Late, Overlap

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
#: Seconds: a time may fire a day late at the most, and be spread over a day.
MOST_GRACE = MOST_JITTER = 86_400
MOST_FAILURES = 1_000


def timing_of(asked: AskedSchedule) -> Timing:
    """When it fires.

    Raises:
        ScheduleRefused: Nobody can tell; the message says why.
    """
    return parse(asked.timing, asked.timezone, asked.anchor)


def check(asked: AskedSchedule) -> Timing:
    """Passes over a schedule that may be kept; returns when it fires.

    Raises:
        ScheduleRefused: It may not; the message says why and what to do.
    """
    if not _NAME.fullmatch(asked.name):
        raise ScheduleRefused(
            f"{asked.name[:100]!r} is no name of a schedule: 1 to 64 letters, digits, '_', '.' or '-'"
        )
    _check_number("grace", asked.grace_seconds, 1, MOST_GRACE, "seconds")
    _check_number("jitter", asked.jitter_seconds, 0, MOST_JITTER, "seconds")
    if asked.pause_after is not None:
        _check_number("pause-after", asked.pause_after, 1, MOST_FAILURES, "failures in a row")
    _check_word("late", asked.late, get_args(Late))
    _check_word("overlap", asked.overlap, get_args(Overlap))
    target_of(asked.target)
    return timing_of(asked)


def first_due(timing: Timing, now: datetime) -> datetime:
    """Its first time after a moment (UTC, naive).

    Raises:
        ScheduleRefused: There is none.
    """
    due = next_after(timing, now)
    if due is None:
        raise ScheduleRefused("it would never fire: no such time comes within the next years")
    return due


def in_zone(moment: datetime, timezone: str) -> datetime:
    """A moment (UTC, naive) on the clocks of a zone."""
    return moment.replace(tzinfo=UTC).astimezone(ZoneInfo(timezone))


def _check_number(what: str, value: int, least: int, most: int, unit: str) -> None:
    if not least <= value <= most:
        raise ScheduleRefused(f"{what} is {least} to {most:,} {unit}, not {value:,}")


def _check_word(what: str, value: str, words: tuple[str, ...]) -> None:
    if value not in words:
        raise ScheduleRefused(f"{what} is one of {', '.join(words)}, not {value[:30]!r}")
