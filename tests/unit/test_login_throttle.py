"""Wrong passwords make whoever says them wait, and nobody else for long."""

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from twisted.web.test.requesthelper import DummyRequest

from deploy.scrapyd.login_throttle import (
    MOST_SECONDS,
    MOST_SECONDS_BY_NAME,
    MOST_WAITING,
    MOST_WAITING_IN_ALL,
    LoginThrottle,
    LoginTry,
    TooManyTriesError,
    origin,
)
from deploy.scrapyd.throttled_root import ThrottledRoot, login_try_of
from scraping_project.http import failed_logins
from scraping_project.http.failed_logins import CALM_SECONDS, FIRST_SECONDS, FREE, FailedLogins

LOGIN = ("crawler", "word")


@pytest.fixture(name="clock")
def a_clock():
    return Clock()


@pytest.fixture(name="door")
def a_door(clock):
    return LoginThrottle(LOGIN, clock)


def said(password="wrong", address="192.0.2.1", name="crawler"):
    return LoginTry(address, name.encode(), password.encode())


def answers(deferred):
    """What it has fired with so far."""
    fired = []
    deferred.addBoth(fired.append)
    return fired


def wrong(door, clock, times, **how):
    """Say wrong passwords until so many have been looked at."""
    for _ in range(times):
        fired = answers(door.judge(said(**how)))
        clock.pump([MOST_SECONDS] * (not fired))
        assert fired == [False]


def test_the_right_login_is_looked_at_at_once(door):
    assert answers(door.judge(said("word"))) == [True]
    assert answers(door.judge(said("word", name="crawler2"))) == [False]
    assert answers(door.judge(said("words"))) == [False]


def test_a_few_wrong_passwords_cost_nothing(door):
    assert [answers(door.judge(said())) for _ in range(FREE + 1)] == [[False]] * (FREE + 1)


def test_each_further_one_costs_twice_as_much_up_to_a_limit(door, clock):
    wrong(door, clock, FREE + 1)
    costs = []
    for _ in range(9):
        fired, began = answers(door.judge(said())), clock.seconds()
        while not fired:
            clock.advance(FIRST_SECONDS)
        costs.append(clock.seconds() - began)

    assert costs == [min(FIRST_SECONDS * 2**power, MOST_SECONDS) for power in range(9)]
    assert costs[-1] == MOST_SECONDS


def test_many_tries_at_once_are_looked_at_one_after_the_other(door, clock):
    wrong(door, clock, FREE + 1)
    fired = [answers(door.judge(said())) for _ in range(4)]

    looked_at = []
    for _ in range(4):
        clock.advance(FIRST_SECONDS * 2 ** len(looked_at))
        looked_at.append(sum(map(bool, fired)))

    assert looked_at == [1, 2, 3, 4]
    assert fired == [[False]] * 4


def test_the_right_password_waits_too_where_it_may_be_a_guess(door, clock):
    wrong(door, clock, FREE + 3)
    fired = answers(door.judge(said("word")))
    assert fired == []

    clock.advance(MOST_SECONDS)

    assert fired == [True]


def test_from_another_address_the_right_password_is_looked_at_soon(door, clock):
    wrong(door, clock, 50)
    fired = answers(door.judge(said("word", address="198.51.100.1")))

    clock.advance(MOST_SECONDS_BY_NAME)

    assert fired == [True]


def test_from_an_address_that_has_logged_in_it_is_looked_at_at_once_whoever_tries_its_name(door, clock):
    assert answers(door.judge(said("word", address="198.51.100.1"))) == [True]
    wrong(door, clock, 50)

    assert answers(door.judge(said("word", address="198.51.100.1"))) == [True]


def test_who_tries_a_name_from_ever_new_addresses_is_slowed_down_and_never_refused(door, clock):
    for number in range(50):
        fired = answers(door.judge(said(address=f"192.0.2.{number}")))
        clock.advance(MOST_SECONDS_BY_NAME)
        assert fired == [False]

    fired = answers(door.judge(said(address="198.51.100.1")))
    assert answers(door.judge(said(address="198.51.100.1", name="another"))) == []
    clock.advance(MOST_SECONDS_BY_NAME - 0.01)
    assert fired == []
    clock.pump([0.01, 0])
    assert fired == [False]
    assert answers(door.judge(said(address="198.51.100.2", name="another"))) == [False]


def test_of_one_address_no_more_than_a_few_tries_wait(door, clock):
    wrong(door, clock, FREE + 1)
    fired = [answers(door.judge(said())) for _ in range(MOST_WAITING + 3)]

    refused = [answer[0].value for answer in fired if answer]
    assert [type(error) for error in refused] == [TooManyTriesError] * 3
    assert str(refused[0]) == "too many wrong passwords from your address: wait 1 s"
    clock.pump([MOST_SECONDS] * (MOST_WAITING + 1))
    assert fired[:MOST_WAITING] == [[False]] * MOST_WAITING


def test_a_refused_try_is_not_looked_at(door, clock):
    wrong(door, clock, FREE + 1)
    waiting = [answers(door.judge(said())) for _ in range(MOST_WAITING)]

    (refused,) = answers(door.judge(said("word")))
    assert refused.check(TooManyTriesError)
    with pytest.raises(TooManyTriesError):
        door.judge_now(said("word"))
    assert not any(waiting)


def test_of_all_addresses_no_more_than_some_tries_wait(door, clock):
    wrong(door, clock, FREE + 1)
    addresses = [f"10.0.{number // 250}.{number % 250}" for number in range(MOST_WAITING_IN_ALL)]
    waiting = [answers(door.judge(said(address=address))) for address in addresses]

    (refused,) = answers(door.judge(said(address="198.51.100.1")))

    assert refused.check(TooManyTriesError)
    assert "198.51.100.1" not in door._lines
    clock.pump([MOST_SECONDS_BY_NAME, 0])
    assert waiting == [[False]] * MOST_WAITING_IN_ALL


def test_who_leaves_gives_up_the_place_and_is_not_looked_at(door, clock):
    wrong(door, clock, FREE + 1)
    left = [door.judge(said()) for _ in range(MOST_WAITING)]
    gone = [answers(deferred) for deferred in left]
    for deferred in left:
        deferred.cancel()

    assert [failure.check(CancelledError) for (failure,) in gone] == [CancelledError] * MOST_WAITING
    fired = answers(door.judge(said("word")))
    clock.advance(FIRST_SECONDS)
    assert fired == [True]
    assert door._lines == {}
    assert door._waiting == 0
    assert clock.getDelayedCalls() == []


def test_a_client_that_leaves_before_its_turn_is_neither_looked_at_nor_answered(door, clock):
    wrong(door, clock, FREE + 1)
    request = DummyRequest([b"daemonstatus.json"])
    request.client = IPv4Address("TCP", "192.0.2.1", 1)
    request.requestHeaders.setRawHeaders(b"authorization", [b"Basic Y3Jhd2xlcjp3cm9uZw=="])
    assert ThrottledRoot(Resource(), door).render(request) == NOT_DONE_YET
    assert door._waiting == 1

    failures, leave = [], request.processingFailed
    request.processingFailed = failures.append
    leave(Failure(ConnectionDone()))

    assert failures == []
    assert (door._waiting, clock.getDelayedCalls()) == (0, [])
    assert (request.responseCode, request.finished) == (None, 0)


def test_no_more_than_some_addresses_that_logged_in_are_remembered(door, clock, monkeypatch):
    monkeypatch.setattr("deploy.scrapyd.login_throttle.MOST_KNOWN", 2)
    for address in ("198.51.100.1", "198.51.100.2", "198.51.100.1", "198.51.100.3"):
        assert answers(door.judge(said("word", address=address))) == [True]
    wrong(door, clock, 50)

    assert answers(door.judge(said("word", address="198.51.100.1"))) == [True]
    assert answers(door.judge(said("word", address="198.51.100.2"))) == []


def test_after_a_calm_while_all_is_forgotten(door, clock):
    wrong(door, clock, 20)
    clock.advance(CALM_SECONDS + 1)

    assert [answers(door.judge(said())) for _ in range(FREE + 1)] == [[False]] * (FREE + 1)


def test_the_right_password_does_not_make_the_wrong_ones_cheaper(door, clock):
    wrong(door, clock, 20)
    fired = answers(door.judge(said("word")))
    clock.advance(MOST_SECONDS)
    assert fired == [True]
    wrong(door, clock, 1)

    fired = answers(door.judge(said()))
    clock.advance(MOST_SECONDS - 0.01)
    assert fired == []


def test_a_login_that_cannot_wait_is_looked_at_or_refused(door, clock):
    assert door.judge_now(said("word"))
    assert [door.judge_now(said()) for _ in range(FREE + 1)] == [False] * (FREE + 1)
    with pytest.raises(TooManyTriesError):
        door.judge_now(said("word"))

    clock.advance(FIRST_SECONDS)
    assert door.judge_now(said("word"))


def test_no_more_than_some_addresses_are_remembered_and_the_silent_go_first(monkeypatch):
    monkeypatch.setattr(failed_logins, "MOST_KEPT", 3)
    kept = FailedLogins(10.0)
    for _ in range(FREE + 1):
        kept.note("a", 0.0)
    for key in ("b", "c", "a", "d"):
        kept.note(key, 1.0)

    assert len(kept) == 3
    assert kept.cost("a", 1.0) > 0


def test_a_long_name_takes_no_more_memory_than_another(door):
    answers(door.judge(said(name="x" * 16_000)))

    assert [len(key) for key in door._names._records] == [64]


def test_a_thousand_wrong_passwords_cost_no_more_than_the_limit():
    kept = FailedLogins(10.0)
    for _ in range(5_000):
        kept.note("a", 0.0)

    assert kept.cost("a", 0.0) == 10.0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (IPv4Address("TCP", "192.0.2.1", 1), IPv4Address("TCP", "192.0.2.1", 2), True),
        (IPv4Address("TCP", "192.0.2.1", 1), IPv4Address("TCP", "192.0.2.2", 1), False),
        (IPv6Address("TCP", "2001:db8::1", 1), IPv6Address("TCP", "2001:db8::ffff:1", 1), True),
        (IPv6Address("TCP", "2001:db8::1", 1), IPv6Address("TCP", "2001:db8:0:1::1", 1), False),
        (IPv6Address("TCP", "::ffff:192.0.2.1", 1), IPv4Address("TCP", "192.0.2.1", 1), True),
        (IPv6Address("TCP", "fe80::1%eth0", 1), IPv6Address("TCP", "fe80::1", 1), True),
        (UNIXAddress(b"/run/a"), UNIXAddress(b"/run/b"), True),
    ],
)
def test_a_sender_is_known_by_what_one_customer_has(one, other, same):
    assert (origin(one) == origin(other)) == same


@pytest.mark.parametrize(
    ("header", "login"),
    [
        (b"Basic Y3Jhd2xlcjp3b3Jk", (b"crawler", b"word")),
        (b"basic Y3Jhd2xlcjp3b3Jk", (b"crawler", b"word")),
        (b"Basic  Y3Jh d2xlcjp3b3Jk", (b"crawler", b"word")),
        (b"Basic Y3Jhd2xlcjp3OnJk", (b"crawler", b"w:rd")),
        (b"Basic !", None),
        (b"Basic", None),
        (b"Bearer Y3Jhd2xlcjp3b3Jk", None),
        (b"", None),
        (None, None),
    ],
)
def test_a_login_is_read_as_scrapyd_reads_it(header, login):
    found = login_try_of(IPv4Address("TCP", "192.0.2.1", 1), header)

    assert (found and (found.name, found.password)) == login
