"""How often somebody may say a wrong password."""

import anyio
import pytest
from litestar.exceptions import TooManyRequestsException

from scraping_project.dashboard.accounts import Accounts
from scraping_project.dashboard.admission import Door
from scraping_project.dashboard.login_tries import (
    MOST_SECONDS,
    MOST_SECONDS_BY_NAME,
    LoginTries,
    TooManyTriesError,
)
from scraping_project.dashboard.sessions import Sessions
from scraping_project.http.failed_logins import CALM_SECONDS, FIRST_SECONDS, FREE
from tests.support.dashboard_app import ACCOUNTS, LOGINS, SECRET, settings_with

HERE, THERE = "192.0.2.1", "198.51.100.1"


class Clock:
    seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def tries(clock):
    return LoginTries(clock)


def wrong(tries, times, address=HERE, name="anna"):
    for _ in range(times):
        tries.note(address, name)


def test_the_first_wrong_passwords_cost_nothing(tries):
    wrong(tries, FREE)

    tries.check(HERE)
    assert tries.slowness("anna") == 0


def test_of_further_ones_the_address_has_to_wait_and_is_told_how_long(tries, clock):
    wrong(tries, FREE + 5)

    with pytest.raises(TooManyTriesError, match=r"^too many wrong passwords from your address: wait 4 s$"):
        tries.check(HERE)
    clock.seconds = FIRST_SECONDS * 16
    tries.check(HERE)


def test_a_wait_below_a_second_is_told_as_a_second(tries):
    wrong(tries, FREE + 1)

    with pytest.raises(TooManyTriesError) as raised:
        tries.check(HERE)
    assert raised.value.seconds == 1


def test_nobody_waits_longer_than_the_limit(tries):
    wrong(tries, 5_000)

    with pytest.raises(TooManyTriesError) as raised:
        tries.check(HERE)
    assert raised.value.seconds == MOST_SECONDS
    assert tries.slowness("anna") == MOST_SECONDS_BY_NAME


def test_another_address_may_try_and_another_name_is_not_slowed_down(tries):
    wrong(tries, 50)

    tries.check(THERE)
    assert tries.slowness("otto") == 0


def test_a_name_that_many_addresses_try_is_slowed_down(tries):
    for number in range(50):
        tries.note(f"192.0.2.{number}", "anna")

    assert tries.slowness("anna") == MOST_SECONDS_BY_NAME


def test_after_a_calm_while_all_is_forgotten(tries, clock):
    wrong(tries, 50)
    clock.seconds = CALM_SECONDS + 1

    tries.check(HERE)
    assert tries.slowness("anna") == 0


@pytest.fixture
def door(tries):
    accounts = Accounts.from_settings(settings_with(**ACCOUNTS))
    return Door(accounts, Sessions(accounts, SECRET), tries)


def test_many_tries_at_once_are_rationed_as_those_after_each_other(door, monkeypatch):
    looked_at, refused = [], []
    right = Accounts.logged_in
    monkeypatch.setattr(Accounts, "logged_in", lambda *said: looked_at.append(said) or right(*said))

    async def one(number):
        try:
            assert await door.log_in(HERE, f"name {number}", "a guess") is None
        except TooManyRequestsException:
            refused.append(number)

    async def all_at_once():
        async with anyio.create_task_group() as group:
            for number in range(100):
                group.start_soon(one, number)

    anyio.run(all_at_once)

    assert len(looked_at) == FREE + 1
    assert len(refused) == 100 - len(looked_at)


def test_a_right_password_is_refused_too_where_it_may_be_a_guess(door, tries):
    wrong(tries, 50)

    async def log_in(address):
        return await door.log_in(address, *LOGINS["operator"])

    with pytest.raises(TooManyRequestsException) as raised:
        anyio.run(log_in, HERE)
    assert raised.value.headers == {"Retry-After": "60"}
    assert anyio.run(log_in, THERE).name == LOGINS["operator"][0]


def test_a_right_password_is_no_wrong_one(door, tries):
    async def log_in():
        for _ in range(FREE + 5):
            assert await door.log_in(HERE, *LOGINS["operator"])

    anyio.run(log_in)
    tries.check(HERE)


@pytest.mark.parametrize("name", ["", "x" * 1_000_000, "é\udc80", "\x00"])
def test_any_name_may_be_tried_and_takes_no_more_memory_than_another(door, tries, name):
    async def log_in():
        return await door.log_in(HERE, name, "x")

    assert anyio.run(log_in) is None
    assert [len(key) for key in tries._names._records] == [64]
