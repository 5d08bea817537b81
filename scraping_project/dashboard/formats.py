"""How pages write numbers, moments and spans of time; what is not known is a dash, never 0."""

from datetime import UTC, datetime, timedelta

UNKNOWN = "\N{EN DASH}"
_UNITS = ("B", "kB", "MB", "GB", "TB")
_STEP = 1000


def number(value: float | None) -> str:
    """A count, with separators for thousands."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def percent(share: float | None) -> str:
    """A share of 1 in per cent; one that is not quite all, or nothing, is never written as that."""
    if share is None:
        return UNKNOWN
    text = f"{share * 100:.1f}"
    if text == "100.0" and share < 1:
        text = "99.9"
    if text == "0.0" and share > 0:
        text = "<0.1"
    return f"{text} %"


def size(count: float | None) -> str:
    """Bytes, in the unit that suits them."""
    if count is None:
        return UNKNOWN
    for unit in _UNITS:
        if round(abs(count), 1) < _STEP or unit == _UNITS[-1]:
            break
        count /= _STEP
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"


def span(seconds: float | None) -> str:
    """A span of time in its largest unit, and the next for days and hours."""
    if seconds is None:
        return UNKNOWN
    whole = int(seconds)
    if whole < 0:
        return "0 s"
    for unit, length, next_unit, next_length in (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60)):
        if whole >= length:
            rest = whole % length // next_length
            return f"{whole // length} {unit}" + (f" {rest} {next_unit}" if rest else "")
    return f"{whole // 60} min" if whole >= 60 else f"{whole} s"  # noqa: PLR2004  a minute


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """How long ago a moment was. Moments are UTC, with a zone or without."""
    if moment is None:
        return UNKNOWN
    seconds = (aware(now or datetime.now(UTC)) - aware(moment)) / timedelta(seconds=1)
    return f"in {span(-seconds)}" if seconds < 0 else f"{span(seconds)} ago"


def moment(value: datetime | None) -> str:
    """A moment in UTC to the second, and says so."""
    return UNKNOWN if value is None else f"{aware(value):%Y-%m-%d %H:%M:%S} UTC"


def iso(value: datetime | None) -> str:
    """A moment for machines."""
    return "" if value is None else f"{aware(value):%Y-%m-%dT%H:%M:%SZ}"


def aware(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
