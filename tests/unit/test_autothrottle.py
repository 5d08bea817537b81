"""A slot's delay follows what the site can bear."""

from email.utils import formatdate

import pytest
from scrapy import Request
from scrapy.http import Response

from scraping_project.frontier.messages import GRANTED, Grant
from scraping_project.politeness import autothrottle as throttle_module
from scraping_project.politeness.autothrottle import FIRST, LONGEST, AutoThrottle
from scraping_project.politeness.clocks import SlotClocks
from tests.support.policies import policy_of

URL = "https://a.example/"
NOW = 1000.0
BY_REDIS = 1_700_000_000.0  # s since 1970
AUTO = {"AUTOTHROTTLE_ENABLED": True, "AUTOTHROTTLE_START_DELAY": 5.0, "AUTOTHROTTLE_MAX_DELAY": 60.0}


def throttle(told=None, **settings):
    told = {} if told is None else told
    return AutoThrottle(policy_of(settings).throttling, lambda: BY_REDIS, told.__setitem__)


def clock(delay=0.0):
    found = SlotClocks(policy_of({"DOWNLOAD_DELAY": delay, "DOWNLOAD_DELAY_JITTER": 0})).of("a.example")
    found.delay, found.permits = delay, 1
    found.ask_now = False
    return found


def answer(throttle, clock, status=200, *, latency=None, headers=None, **meta):
    if latency is not None:
        meta["download_latency"] = latency
    throttle.answered(clock, Request(URL, meta=meta), Response(URL, status=status, headers=headers))
    return clock.adaptive


def test_without_autothrottle_nothing_changes_for_ordinary_answers_and_failures():
    slot, plain = clock(1.0), throttle()
    plain.begin(slot)
    plain.failed(slot)
    for status in (200, 404, 500, 503):
        answer(plain, slot, status, latency=9.0)

    assert (slot.adaptive, slot.delay, slot.ask_now) == (None, 1.0, False)


@pytest.mark.parametrize("status", [429, 503])
def test_a_retry_after_holds_the_slot(status, monkeypatch):
    monkeypatch.setattr(throttle_module, "monotonic", lambda: NOW)
    slot, told = clock(), {}
    answer(throttle(told), slot, status, headers={"Retry-After": "7"})

    assert (slot.next_send, slot.after, slot.adaptive) == (NOW + 7, NOW + 7, None)
    assert told == {"a.example": NOW + 7}


def test_a_retry_after_that_is_a_date_counts_by_the_clock_of_redis(monkeypatch):
    monkeypatch.setattr(throttle_module, "monotonic", lambda: NOW)
    slot = clock()
    answer(throttle(), slot, 503, headers={"Retry-After": formatdate(BY_REDIS + 7, usegmt=True)})

    assert slot.after == NOW + 7


def test_what_names_no_time_is_not_told():
    told = {}
    for status in (200, 429, 503):
        answer(throttle(told), clock(), status, headers={"Retry-After": "soon"})

    assert told == {}


def test_each_429_without_a_retry_after_doubles_the_delay_up_to_the_longest():
    slot, plain = clock(), throttle()

    assert [answer(plain, slot, 429) for _ in range(8)] == [FIRST, 2, 4, 8, 16, 32, LONGEST, LONGEST]


def test_a_back_off_does_not_go_below_a_long_delay_of_the_slot_s_own():
    slot = clock(100.0)

    assert answer(throttle(), slot, 429) == 100


def test_each_answer_after_a_429_takes_back_half_until_nothing_is_left():
    slot, plain = clock(), throttle()
    answer(plain, slot, 429)
    answer(plain, slot, 429)

    assert [answer(plain, slot) for _ in range(5)] == [1, 0.5, 0.25, 0, 0]
    assert slot.delay == 0


def test_recovery_ends_at_the_slot_s_own_delay():
    slot, plain = clock(1.0), throttle()
    for _ in range(2):
        answer(plain, slot, 429)

    assert [answer(plain, slot) for _ in range(2)] == [2, 0]
    assert slot.delay == 1


def test_autothrottle_starts_a_slot_that_nobody_has_measured_slowly():
    slot, auto = clock(), throttle(**AUTO)
    auto.begin(slot)
    assert slot.adaptive == slot.delay == 5

    slot.adapt(1.0)
    auto.begin(slot)
    assert slot.adaptive == 1


def test_autothrottle_leaves_a_slot_that_is_slower_as_it_is():
    slot = clock(8.0)
    throttle(**AUTO).begin(slot)

    assert slot.adaptive is None


def test_autothrottle_waits_for_the_frontier_to_say_whether_somebody_has_measured_a_slot():
    slot, auto = clock(), throttle(**AUTO)
    slot.permits = 0
    auto.begin(slot)
    assert slot.adaptive is None

    slot.take(Grant(slot.name, 1, 5000, 0, 600, GRANTED, 600), NOW, NOW)
    auto.begin(slot)

    assert slot.adaptive == slot.delay == 0.6
    slot.give_back(NOW)
    auto.begin(slot)
    assert (slot.adaptive, slot.delay) == (None, 0.6)


def test_a_back_off_that_another_worker_began_is_taken_back_by_half_too():
    slot = clock(1.0)
    slot.take(Grant(slot.name, 1, 5000, 0, 8000, GRANTED, 8000), NOW, NOW)

    assert [answer(throttle(), slot) for _ in range(4)] == [4, 2, 0, 0]
    assert slot.delay == 1


@pytest.mark.parametrize("enabled", [True, False])
def test_autothrottle_goes_towards_the_latency_only_when_it_is_on(enabled):
    slot, auto = clock(), throttle(**AUTO | {"AUTOTHROTTLE_ENABLED": enabled})
    auto.begin(slot)
    found = [answer(auto, slot, latency=1.0) for _ in range(3)]

    assert found == ([3.0, 2.0, 1.5] if enabled else [None] * 3)


def test_autothrottle_follows_a_longer_latency_at_once_and_divides_it_by_the_concurrency():
    slot, auto = clock(), throttle(**AUTO, AUTOTHROTTLE_TARGET_CONCURRENCY=2.0)
    slot.adapt(1.0)

    assert answer(auto, slot, latency=12.0) == 6


@pytest.mark.parametrize(("status", "delay"), [(500, 4.0), (404, 4.0), (200, 2.5)])
def test_errors_never_shorten_the_delay(status, delay):
    slot = clock()
    slot.adapt(4.0)

    assert answer(throttle(**AUTO), slot, status, latency=1.0) == delay


def test_a_slow_error_lengthens_the_delay():
    slot = clock()
    slot.adapt(1.0)

    assert answer(throttle(**AUTO), slot, 500, latency=3.0) == 3


def test_a_site_that_does_not_answer_is_asked_half_as_often():
    slot, auto = clock(), throttle(**AUTO)
    slot.adapt(4.0)
    auto.failed(slot)

    assert slot.delay == 8


def test_autothrottle_stays_between_the_own_delay_and_the_longest():
    slot, auto = clock(2.0), throttle(**AUTO | {"AUTOTHROTTLE_MAX_DELAY": 10.0})
    assert answer(auto, slot, latency=500.0) == 10
    for _ in range(20):
        answer(auto, slot, latency=0.01)

    assert slot.adaptive == 2


@pytest.mark.parametrize("meta", [{"autothrottle_dont_adjust_delay": True, "download_latency": 9.0}, {}])
def test_requests_that_say_so_and_answers_without_a_latency_change_nothing(meta):
    slot = clock()
    slot.adapt(4.0)

    assert answer(throttle(**AUTO), slot, **meta) == 4


@pytest.mark.parametrize("concurrency", [0, -1])
def test_a_target_of_no_concurrency_is_refused(concurrency):
    with pytest.raises(ValueError, match="AUTOTHROTTLE_TARGET_CONCURRENCY"):
        throttle(AUTOTHROTTLE_ENABLED=True, AUTOTHROTTLE_TARGET_CONCURRENCY=concurrency)


def test_the_target_does_not_matter_while_autothrottle_is_off():
    assert answer(throttle(AUTOTHROTTLE_TARGET_CONCURRENCY=0), clock(), 429) == FIRST
