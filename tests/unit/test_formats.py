"""How pages write numbers, moments and spans of time."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraping_project.dashboard import formats

NOW = datetime(2026, 11, 30, 14, 3, 10, 999_999, tzinfo=UTC)


@pytest.mark.parametrize("name", ["number", "percent", "size", "span", "ago", "moment"])
def test_what_is_not_known_is_a_dash_and_never_nought(name):
    assert getattr(formats, name)(None) == "–"  # noqa: RUF001


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567"), (2.6, "3"), (-5, "-5")],
)
def test_counts_have_separators(value, text):
    assert formats.number(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0.0 %"), (0.5, "50.0 %"), (0.9996, "99.9 %"), (0.999_999, "99.9 %"), (1, "100.0 %"),
        (0.0004, "<0.1 %"), (1e-9, "<0.1 %"), (0.0006, "0.1 %"),
    ],
)  # fmt: skip
def test_a_share_that_is_not_quite_all_or_nothing_is_not_written_so(share, text):
    assert formats.percent(share) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (14_100, "14.1 kB"), (999_949, "999.9 kB"),
        (999_999, "1.0 MB"), (311e6, "311.0 MB"), (5e9, "5.0 GB"), (5e12, "5.0 TB"), (5e15, "5000.0 TB"),
    ],
)  # fmt: skip
def test_bytes_have_the_unit_that_suits_them(count, text):
    assert formats.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"), (0.9, "0 s"), (59.9, "59 s"), (60, "1 min"), (3_599, "59 min"), (3_600, "1 h"),
        (3_660, "1 h 1 min"), (86_399, "23 h 59 min"), (86_400, "1 d"), (90_000, "1 d 1 h"),
    ],
)  # fmt: skip
def test_a_span_is_in_its_largest_unit(seconds, text):
    assert formats.span(seconds) == text


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_a_span_is_never_rounded_up(seconds, other):
    def back(text):
        units = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}
        words = text.split()
        return sum(int(count) * units[unit] for count, unit in zip(words[::2], words[1::2], strict=True))

    assert back(formats.span(seconds)) <= seconds
    if seconds <= other:
        assert back(formats.span(seconds)) <= back(formats.span(other))


@pytest.mark.parametrize(
    ("before", "text"), [(5, "5 s ago"), (0, "0 s ago"), (7_260, "2 h 1 min ago"), (-90, "in 1 min")]
)
def test_a_moment_is_told_from_now(before, text):
    assert formats.ago(NOW - timedelta(seconds=before), NOW) == text


@pytest.mark.parametrize(
    "moment", [NOW, NOW.replace(tzinfo=None), NOW.astimezone(timezone(timedelta(hours=5, minutes=45)))]
)
def test_moments_are_utc_with_a_zone_or_without_and_are_not_rounded_up(moment):
    assert formats.moment(moment) == "2026-11-30 14:03:10 UTC"
    assert formats.iso(moment) == "2026-11-30T14:03:10Z"
    assert formats.ago(moment, NOW) == "0 s ago"


def test_no_moment_is_nothing_to_a_machine():
    assert formats.iso(None) == ""
