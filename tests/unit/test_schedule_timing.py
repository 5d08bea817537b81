"""When schedules fire, on the clocks of five zones."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scraping_project.schedules.errors import ScheduleRefused
from scraping_project.schedules.timing import next_after, parse
from tests.support.thoroughness import examples

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia")
ANCHOR = datetime(2026, 1, 1)
MINUTE = timedelta(minutes=1)


def at(text):
    return datetime.fromisoformat(text)


def first(text, zone, begin, count):
    return [
        due.isoformat(" ", "minutes") for due in islice(parse(text, zone, ANCHOR).after(at(begin)), count)
    ]


@pytest.mark.parametrize(
    ("text", "zone", "begin", "dues"),
    [
        # Each night, in UTC.
        ("30 2 * * *", "UTC", "2026-03-28 12:00", ["2026-03-29 02:30", "2026-03-30 02:30"]),
        # 02:30 is left out on 29 March in Berlin: it fires at 03:00 summer time.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28 12:00", ["2026-03-29 01:00", "2026-03-30 00:30"]),
        # Two times that are left out are one.
        ("0,30 2 * * *", "Europe/Berlin", "2026-03-29 00:00", ["2026-03-29 01:00", "2026-03-30 00:00"]),
        # It comes twice on 25 October: the first fires, whether or not one asks in between.
        ("30 2 * * *", "Europe/Berlin", "2026-10-24 12:00", ["2026-10-25 00:30", "2026-10-26 01:30"]),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25 01:15", ["2026-10-26 01:30"]),
        # Quarters of an hour follow the real clock through both.
        ("*/30 * * * *", "Europe/Berlin", "2026-10-25 00:00", [
            "2026-10-25 00:30", "2026-10-25 01:00", "2026-10-25 01:30", "2026-10-25 02:00"]),
        # Half an hour is left out on Lord Howe.
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03 00:00", ["2026-10-03 15:30", "2026-10-04 15:15"]),
        # Apia went without 30 December 2011: its noon is the first moment of the 31st.
        ("0 12 * * *", "Pacific/Apia", "2011-12-29 00:00", [
            "2011-12-29 22:00", "2011-12-30 10:00", "2011-12-30 22:00"]),
        ("@weekly", "Asia/Kolkata", "2026-01-01 00:00", ["2026-01-03 18:30"]),
        ("0 0 29 2 *", "UTC", "2026-01-01 00:00", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        # Intervals count from their anchor, whatever the clocks do.
        ("2h30m", "Europe/Berlin", "2026-01-01 00:00", ["2026-01-01 02:30", "2026-01-01 05:00"]),
        ("90s", "UTC", "2026-01-01 00:01", ["2026-01-01 00:01", "2026-01-01 00:03"]),
        ("1d", "UTC", "2025-12-31 23:59", ["2026-01-01 00:00", "2026-01-02 00:00"]),
    ],
)  # fmt: skip
def test_a_schedule_fires_at_these_times(text, zone, begin, dues):
    assert first(text, zone, begin, len(dues)) == dues


@pytest.mark.parametrize(
    ("text", "zone", "why"),
    [
        ("61 * * * *", "UTC", "Bad minute"),
        ("0 0 31 2 *", "UTC", "Bad day-of-month"),
        ("* * * *", "UTC", "five fields"),
        ("* * * * * *", "UTC", "five fields"),
        ("", "UTC", "five fields"),
        ("@reboot", "UTC", "there are @yearly"),
        ("30s", "UTC", "1m at least"),
        ("105w", "UTC", "104w at most"),
        ("15 m", "UTC", "five fields"),
        ("@daily", "Mars/Olympus", "no time zone"),
        ("@daily", "../etc/passwd", "no time zone"),
        ("@daily", "", "no time zone"),
    ],
)
def test_what_is_no_time_is_refused_with_the_reason(text, zone, why):
    with pytest.raises(ScheduleRefused, match=why):
        parse(text, zone, ANCHOR)


def test_a_schedule_that_comes_in_years_is_told_and_one_that_never_comes_as_well():
    assert next_after(parse("0 0 * 2 MON#5", "UTC", ANCHOR), ANCHOR) == datetime(2044, 2, 29)
    assert next_after(parse("0 0 */28 2 SUN#2", "UTC", ANCHOR), ANCHOR) is None


NUMBERS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 28), "month": (1, 12), "weekday": (0, 6)}


def field(name):
    low, high = NUMBERS[name]
    number = st.integers(low, high)
    return st.one_of(
        st.just("*"),
        number.map(str),
        st.sampled_from([2, 5, 15]).map("*/{}".format),
        st.lists(number, min_size=2, max_size=3, unique=True).map(lambda found: ",".join(map(str, found))),
        st.tuples(number, number).map(sorted).map(lambda ends: f"{ends[0]}-{ends[1]}"),
    )


def matches(part, number, low):
    if part.startswith("*/"):
        return (number - low) % int(part[2:]) == 0
    if "-" in part:
        begin, end = map(int, part.split("-"))
        return begin <= number <= end
    return part == "*" or number in map(int, part.split(","))


def on_the_wall(expression, moment):
    """Whether a clock on the wall that shows this moment rings."""
    minute, hour, day, month, weekday = expression.split()
    days = [matches(day, moment.day, 1), matches(weekday, moment.isoweekday() % 7, 0)]
    both = day.startswith("*") or weekday.startswith("*")
    return (
        matches(minute, moment.minute, 0)
        and matches(hour, moment.hour, 0)
        and matches(month, moment.month, 1)
        and (all(days) if both else any(days))
    )


def reference(expression, zone, begin, end):
    """The times in UTC by going through every minute: those of fixed hours as Debian's cron takes them."""
    fixed = not expression.startswith("*") and not expression.split()[1].startswith("*")
    found, shown = set(), None
    moment = begin
    while moment <= end:
        local = moment.replace(tzinfo=UTC).astimezone(zone)
        wall = local.replace(tzinfo=None, fold=0)
        if fixed and shown is not None and wall - shown > MINUTE:  # the clock was set forward
            left_out = (shown + MINUTE * step for step in range(1, (wall - shown) // MINUTE))
            if any(on_the_wall(expression, each) for each in left_out):
                found.add(moment)
        if on_the_wall(expression, wall) and not (fixed and local.fold):
            found.add(moment)
        shown = wall
        moment += MINUTE
    return sorted(found)


@settings(max_examples=examples(60))
@given(
    expression=st.tuples(*map(field, NUMBERS)).map(" ".join),
    zone=st.sampled_from(ZONES),
    change=st.sampled_from([datetime(2026, 3, 29), datetime(2026, 10, 25), datetime(2026, 3, 8),
                            datetime(2026, 11, 1), datetime(2026, 4, 5), datetime(2026, 10, 4),
                            datetime(2026, 7, 1)]),
)  # fmt: skip
def test_any_expression_fires_as_a_clock_on_the_wall_rings(expression, zone, change):
    begin, end = change - timedelta(days=1), change + timedelta(days=1)
    timing = parse(expression, zone, ANCHOR)
    found = []
    for due in timing.after(begin - MINUTE):
        if due > end:
            break
        found.append(due)

    assert found == reference(expression, ZoneInfo(zone), begin, end)
