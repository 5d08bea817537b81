"""Which of the times that have come fire, and which are missed."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from scraping_project.schedules.due import MOST_LATE, MOST_SORTED, come
from scraping_project.schedules.jitter import jitter
from scraping_project.schedules.timing import parse

NOON = datetime(2026, 5, 1, 12)
HOUR = 3_600
HOURLY, EACH_MINUTE = parse("@hourly", "UTC", NOON), parse("* * * * *", "UTC", NOON)


def after(**age):
    return NOON + timedelta(**age)


def test_a_time_that_has_just_come_fires():
    found = come(HOURLY, NOON, after(seconds=1), HOUR, "once")

    assert found.fires == (NOON,)
    assert found.missed == ()
    assert found.next_due == after(hours=1)


def test_one_that_is_late_within_its_grace_fires_once():
    found = come(HOURLY, NOON, after(minutes=50), HOUR, "once")

    assert found.fires == (NOON,)


def test_of_several_late_ones_the_newest_fires_and_the_others_are_a_stretch():
    found = come(HOURLY, NOON, after(hours=5, minutes=30), 6 * HOUR, "once")

    assert found.fires == (after(hours=5),)
    assert found.missed == ((NOON, after(hours=4), 5),)


def test_beyond_the_grace_all_are_missed():
    found = come(HOURLY, NOON, after(hours=5, minutes=30), HOUR // 4, "all")

    assert found.fires == ()
    assert found.missed == ((NOON, after(hours=5), 6),)


def test_with_all_the_newest_of_a_day_fire():
    found = come(EACH_MINUTE, NOON, after(minutes=50, seconds=30), HOUR, "all")

    assert found.fires == tuple(after(minutes=minute) for minute in range(51 - MOST_LATE - 1, 51))
    assert found.missed == ((NOON, after(minutes=25), 26),)


def test_with_none_only_what_is_on_time_fires():
    found = come(EACH_MINUTE, NOON, after(minutes=10, seconds=5), HOUR, "none")

    assert found.fires == (after(minutes=10),)
    assert found.missed == ((NOON, after(minutes=9), 10),)


def test_after_two_weeks_each_call_sorts_some_thousand_and_the_last_fires_one():
    now, due = after(days=14), NOON
    calls = fires = missed = 0
    while due <= now:
        found = come(EACH_MINUTE, due, now, HOUR, "once")
        assert sum(stretch.times for stretch in found.missed) + len(found.fires) <= MOST_SORTED
        assert found.next_due > due
        due = found.next_due
        fires += len(found.fires)
        missed += sum(stretch.times for stretch in found.missed)
        calls += 1

    assert calls == 5
    assert fires == 2  # that of a minute ago, which is on time, and that of now
    assert missed + fires == 14 * 24 * 60 + 1


def test_a_schedule_that_never_comes_again_ends():
    timing = parse("0 0 */28 2 SUN#2", "UTC", NOON)

    assert come(timing, NOON, after(seconds=1), HOUR, "once").next_due is None


@given(
    late=st.sampled_from(["once", "all", "none"]),
    grace=st.integers(1, 86_400),
    looks=st.lists(st.integers(1, 40_000), min_size=1, max_size=6),
    minutes=st.integers(1, 600),
)
def test_whenever_one_looks_each_time_fires_or_is_missed_and_none_twice(late, grace, looks, minutes):
    timing = parse(f"{minutes}m", "UTC", NOON)
    due = NOON + timedelta(minutes=minutes)
    seen, now = [], NOON
    for seconds in looks:
        now += timedelta(seconds=seconds)
        while due <= now:
            found = come(timing, due, now, grace, late)
            seen += [(fire, fire, 1) for fire in found.fires] + list(found.missed)
            assert found.next_due > due
            due = found.next_due
    stretches = sorted(seen)
    times = [
        first + timedelta(minutes=minutes) * step for first, _, count in stretches for step in range(count)
    ]

    assert times == [NOON + timedelta(minutes=minutes) * (step + 1) for step in range(len(times))]
    assert due > now
    assert len(times) == (now - NOON) // timedelta(minutes=minutes)


def test_jitter_is_the_same_everywhere_and_spreads():
    assert jitter(7, NOON, 600) == 12
    assert jitter(7, NOON, 0) == 0
    found = {jitter(number, NOON, 9) for number in range(200)}
    assert found == set(range(10))
