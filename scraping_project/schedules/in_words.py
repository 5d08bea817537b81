"""Times of a schedule in plain English."""

from datetime import UTC, datetime

from cronsim import CronSim

from scraping_project.schedules.errors import ScheduleRefused
from scraping_project.schedules.timing import Cron, parse

_UNITS = ((604_800, "week"), (86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def in_words(text: str, timezone: str) -> str:
    """``30 2 * * *`` of Berlin: "at 02:30 every day, Europe/Berlin"; a text that is no time as it stands."""
    try:
        timing = parse(text, timezone, datetime.now(UTC).replace(tzinfo=None))
    except ScheduleRefused:
        return text
    if isinstance(timing, Cron):
        words = CronSim(timing.expression, datetime.now(UTC)).explain()
        return f"{words[:1].lower()}{words[1:]}, {timezone}"
    return f"every {_age(int(timing.interval.total_seconds()))}"


def _age(seconds: int) -> str:
    parts: list[str] = []
    for size, name in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {name}{'s' * (count > 1)}")
    return " ".join(parts).removeprefix("1 ") if len(parts) == 1 else " ".join(parts)
