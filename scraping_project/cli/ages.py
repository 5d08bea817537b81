"""Ages as people type them: 90m, 12h, 7d."""

import re
from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGE = re.compile(r"([0-9]{1,9})([smhdw])")


def seconds_of(age: str) -> int | None:
    """How many seconds an age has; None when the text is none."""
    found = _AGE.fullmatch(age)
    return int(timedelta(**{_UNITS[found[2]]: int(found[1])}).total_seconds()) if found else None


def moment_before(age: str) -> datetime:
    """The moment in UTC so long ago: ``moment_before("12h")``. For argparse's ``type``.

    Raises:
        ArgumentTypeError: The text is no age, or one older than the calendar.
    """
    if found := _AGE.fullmatch(age):
        try:
            return datetime.now(UTC) - timedelta(**{_UNITS[found[2]]: int(found[1])})
        except OverflowError:
            pass
    raise ArgumentTypeError(
        f"an age is a whole number and one of s, m, h, d, w, such as 12h or 7d, not {age!r}"
    )
