"""How long a retry waits."""

from email.utils import formatdate

import pytest
from scrapy.http import Response

from scraping_project.politeness.retry_backoff import JITTER, LONGEST, RetryBackoff

URL = "https://a.example/"
BY_REDIS = 1_700_000_000.0  # s since 1970


def delays(base, retry, answer=None):
    backoff = RetryBackoff(base, lambda: BY_REDIS)
    return [backoff.delay_ms(retry, answer) / 1000 for _ in range(100)]


@pytest.mark.parametrize(
    ("base", "retry", "seconds"),
    [(4, 1, 4), (4, 2, 16), (60, 1, 60), (60, 2, 3600), (1, 9, 1), (1.5, 2, 2.25)],
)
def test_the_delay_is_the_base_to_the_power_of_the_retry_and_some_jitter(base, retry, seconds):
    found = delays(base, retry)

    assert min(found) >= seconds
    assert max(found) <= seconds * (1 + JITTER)
    assert len(set(found)) > 50


def test_a_base_of_nothing_retries_at_once():
    assert set(delays(0, 1)) == {0.0}


@pytest.mark.parametrize("retry", [10, 10**6])
def test_nothing_waits_for_ever(retry):
    assert LONGEST <= max(delays(60, retry)) <= LONGEST * (1 + JITTER)


def test_a_longer_retry_after_is_respected_and_a_shorter_one_makes_no_difference():
    long = Response(URL, status=429, headers={"Retry-After": "500"})
    short = Response(URL, status=503, headers={"Retry-After": "1"})

    date = Response(URL, status=429, headers={"Retry-After": formatdate(BY_REDIS + 500, usegmt=True)})

    assert set(delays(4, 1, long)) == set(delays(4, 1, date)) == {500.0}
    assert min(delays(4, 1, short)) >= 4


@pytest.mark.parametrize("answer", [None, OSError("reset"), Response(URL, status=500)])
def test_what_says_nothing_of_when_waits_by_the_base(answer):
    assert max(delays(4, 1, answer)) <= 4 * (1 + JITTER)
