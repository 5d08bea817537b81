"""What a site says with Retry-After."""

import time
from email.utils import formatdate

import pytest
from scrapy.http import Response

from scraping_project.retry_after import LONGEST, seconds


def after(value, status=429):
    headers = {} if value is None else {"Retry-After": value}
    return seconds(Response("https://a.example/", status=status, headers=headers))


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
    assert after(formatdate(time.time() + 3600, usegmt=True)) == pytest.approx(3600, abs=5)
    assert after(formatdate(time.time() - 3600, usegmt=True)) == 0
    assert after("Sun, 06 Nov 1994 08:49:37 GMT") == 0
    assert after("Sunday, 06-Nov-94 08:49:37 GMT") == 0
    assert after("Fri, 31 Dec 9999 23:59:59 GMT") == LONGEST


@pytest.mark.parametrize(
    "value",
    ["", "soon", "-5", "1.5", "3 s", "٣", "Fri, 99 Dec 2026 99:99:99 GMT", "\x00", b"\xff\xfe", "1e9"],
)
def test_what_can_t_be_read_asks_for_nothing(value):
    assert after(value) is None
