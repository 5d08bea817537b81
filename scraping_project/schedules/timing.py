"""When a schedule fires: by a cron expression on the clocks of a zone, or by an interval.

Clock changes are taken as Debian's cron takes them (cron(8)): a time that is left out fires once, right after
the gap, and one that comes twice fires once, the first time. Hourly and shorter times follow the real clock.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from scraping_project.schedules.errors import ScheduleRefused

#: What stands for an expression, as in Debian's crontab(5).
NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_FIELDS = 5
_INTERVAL = re.compile(r"(?:(\d{1,4})w)?(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,7})s)?")
#: An interval is no shorter: many runs take longer to start and end.
SHORTEST = timedelta(minutes=1)
#: And no longer, so that its next time can be told.
LONGEST = timedelta(weeks=104)


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression of five fields, on the clocks of a zone."""

    expression: str
    timezone: ZoneInfo

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Its times after a moment, in order; all of them UTC and naive."""
        local = moment.replace(tzinfo=UTC).astimezone(self.timezone)
        last = moment
        for found in CronSim(self.expression, local):
            due = found.astimezone(UTC).replace(tzinfo=None)
            if due > last:  # two times that a clock change left out are one, after the gap
                yield due
                last = due


@dataclass(frozen=True, slots=True)
class Every:
    """An interval, counted from a moment by the real clock."""

    interval: timedelta
    anchor: datetime  # UTC, naive

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Its times after a moment, in order; all of them UTC and naive."""
        passed = (moment - self.anchor) // self.interval
        due = self.anchor + self.interval * (passed + 1)
        while True:
            yield due
            due += self.interval


Timing = Cron | Every


def parse(text: str, timezone: str, anchor: datetime) -> Timing:
    """What a text says: ``30 2 * * *``, ``@daily``, ``15m`` or ``2h30m``.

    Args:
        text: As it was typed.
        timezone: IANA's name of the zone whose clocks an expression means.
        anchor: UTC, naive; an interval counts from here.

    Raises:
        ScheduleRefused: It is none; the message says why.
    """
    zone = _zone(timezone)
    if (interval := _interval(text)) is not None:
        return Every(interval, anchor.replace(microsecond=0))
    if text.startswith("@") and text.lower() not in NICKNAMES:
        raise ScheduleRefused(f"{text[:50]!r} is no time: there are {', '.join(NICKNAMES)}")
    expression = NICKNAMES.get(text.lower(), text)
    if len(expression.split()) != _FIELDS:
        raise ScheduleRefused(
            f"{text[:100]!r} is no time: a cron expression has five fields, such as '30 2 * * *',"
            " and an interval is one such as 15m or 2h30m"
        )
    try:
        CronSim(expression, anchor.replace(tzinfo=UTC))
    except CronSimError as error:
        raise ScheduleRefused(f"{text[:100]!r} is no time: {error}") from error
    return Cron(" ".join(expression.split()), zone)


def next_after(timing: Timing, moment: datetime) -> datetime | None:
    """The first time after a moment, both UTC and naive; None when none comes within fifty years."""
    return next(timing.after(moment), None)


def _interval(text: str) -> timedelta | None:
    found = _INTERVAL.fullmatch(text)
    if not text or found is None:
        return None
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    interval = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    if not SHORTEST <= interval <= LONGEST:
        raise ScheduleRefused(f"an interval is 1m at least and {LONGEST.days // 7}w at most, not {text}")
    return interval


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ScheduleRefused(
            f"{name[:64]!r} is no time zone: take IANA's names, such as Europe/Berlin or UTC"
        ) from None
