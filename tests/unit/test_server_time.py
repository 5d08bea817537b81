"""Whether a server's clock was set forward, however slow the way to it is."""

from scraping_project.frontier.server_time import LEAP_MS, ServerTime


def test_time_that_may_have_passed_is_no_leap():
    time = ServerTime()
    assert not time.has_leapt(10.0, 5_000, 10.1)

    assert not time.has_leapt(11.0, 6_000, 11.1)  # both hands agree
    assert not time.has_leapt(12.0, 16_000, 21.0)  # the server was read at 21.0 at the latest


def test_time_that_cannot_have_passed_is_a_leap_and_is_one_once():
    time = ServerTime()
    time.has_leapt(10.0, 5_000, 10.1)

    assert time.has_leapt(11.0, 9_000, 11.1)
    assert not time.has_leapt(12.0, 10_000, 12.1)


def test_a_clock_that_runs_a_little_fast_or_is_set_back_does_not_leap():
    time = ServerTime()
    time.has_leapt(10.0, 5_000, 10.0)

    assert not time.has_leapt(11.0, 6_000 + LEAP_MS, 11.0)
    assert not time.has_leapt(12.0, 0, 12.0)
