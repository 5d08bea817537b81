"""What a site says with Retry-After."""

import time
from calendar import timegm
from datetime import UTC, datetime, timedelta
from email.utils import formatdate

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scrapy.http import Response

from scraping_project.politeness.retry_after import LONGEST, seconds

#: By the clock that all workers share; a second later than a full one.
NOW = timegm((2026, 3, 4, 5, 6, 8))
HOUR, YEAR = 3600, 365 * 24 * 3600

FORMS = {
    "IMF-fixdate": "%a, %d %b %Y %H:%M:%S GMT",
    "RFC 850": "%A, %d-%b-%y %H:%M:%S GMT",
    "asctime": "%a %b %e %H:%M:%S %Y",
}


def after(value, status=429, *, date=None):
    headers = {"Retry-After": value, "Date": date}
    given = {name: each for name, each in headers.items() if each is not None}
    return seconds(Response("https://a.example/", status=status, headers=given), NOW)


def at(moment):
    return formatdate(moment, usegmt=True)


@pytest.fixture(params=["UTC", "Asia/Tokyo", "America/Los_Angeles"])
def zone(request, monkeypatch):
    """Has the machine stand in a time zone, for as long as a test lasts."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(("value", "wait"), [("3", 3), ("0", 0), (" 120 ", 120), ("9" * 400, LONGEST)])
@pytest.mark.parametrize("status", [429, 503])
def test_seconds_are_seconds_up_to_a_day(value, wait, status):
    assert after(value, status) == wait


@pytest.mark.parametrize("status", [200, 301, 404, 500])
def test_other_answers_ask_for_nothing(status):
    assert after("3", status) is None


def test_without_the_header_nothing_is_asked_for():
    assert after(None) is None


def test_a_date_is_waited_for_and_none_that_is_past():
    assert after(at(NOW + HOUR)) == HOUR
    assert after(at(NOW - HOUR)) == 0
    assert after("Sun, 06 Nov 1994 08:49:37 GMT") == 0
    assert after("Sunday, 06-Nov-94 08:49:37 GMT") == 0
    assert after("Fri, 31 Dec 9999 23:59:59 GMT") == LONGEST


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_each_form_of_a_date_is_gmt_wherever_the_machine_stands(form, zone):
    moment = datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=10)

    assert after(moment.strftime(form)) == 10
    assert after(moment.strftime(form), date=at(NOW)) == 10


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("off", [2 * HOUR, -2 * HOUR, 5 * YEAR, -30 * YEAR])
def test_a_date_counts_from_the_answer_s_own_clock_however_wrong_that_is(off, form):
    said = datetime.fromtimestamp(NOW + off, UTC)

    assert after(at(NOW + off + 10), date=said.strftime(form)) == 10
    assert after(at(NOW + off - 10), date=said.strftime(form)) == 0


@pytest.mark.parametrize("date", ["", "soon", at(NOW + 5 * YEAR), at(NOW - 30 * YEAR), at(NOW + 25 * HOUR)])
def test_a_date_counts_from_the_shared_clock_when_the_answer_s_own_says_nothing(date):
    assert after(at(NOW + 10), date=date) == 10


@pytest.mark.parametrize(
    "value",
    ["", "soon", "-5", "1.5", "3 s", "٣", "Fri, 99 Dec 2026 99:99:99 GMT", "\x00", b"\xff\xfe", "1e9"],
)
def test_what_can_t_be_read_asks_for_nothing(value):
    assert after(value) is None


@given(st.binary(max_size=60), st.one_of(st.none(), st.binary(max_size=60)))
@example(b"Mon, 01 Jan 0000 00:00:00 GMT", b"Mon, 01 Jan 0001 00:00:00 +2359")
@example(b"Fri, 31 Dec 9999 23:59:59 -2359", b"Mon, 01 Jan 0001 00:00:00 +9999")
def test_whatever_a_site_says_is_a_wait_of_a_day_at_most_or_nothing(value, date):
    wait = after(value, date=date)

    assert wait is None or 0 <= wait <= LONGEST
