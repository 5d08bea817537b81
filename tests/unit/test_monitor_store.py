"""A store that may be away."""

import pytest

from scraping_project.monitor import store as module
from scraping_project.monitor.store import REST, Store


class LostError(Exception):
    """What the store raises when it is away."""


class FakeServer:
    """A store's server: may be away, and notes who connects and who leaves."""

    def __init__(self):
        self.away, self.finds, self.closed, self.asked = False, 0, [], 0

    def find(self):
        self.finds += 1
        if self.away:
            raise LostError("no\n  connection")
        return self.finds

    def ask(self, opened):
        self.asked += 1
        if self.away:
            raise LostError("connection cut")
        return f"an answer over {opened}"

    def close(self, opened):
        self.closed.append(opened)


class Clock:
    seconds = 1_000.0

    def monotonic(self):
        return self.seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(module.time, "monotonic", clock.monotonic)
    return clock


@pytest.fixture
def server():
    return FakeServer()


@pytest.fixture
def store(server):
    return Store("the store", server.find, (LostError,), server.close)


def test_a_store_is_found_when_it_is_first_asked_and_once(store, server):
    assert server.finds == 0
    assert [store.read(server.ask) for _ in range(2)] == ["an answer over 1"] * 2
    assert store.away is None


def test_a_store_that_is_away_gives_no_answer_and_says_why_in_one_line(store, server):
    server.away = True

    assert store.read(server.ask) is None
    assert (store.away.part, store.away.why) == ("the store", "no connection")


def test_a_store_that_is_away_is_left_alone_for_a_while(store, server, clock):
    server.away = True
    store.read(server.ask)
    server.away = False

    clock.seconds += REST - 0.01
    with pytest.raises(LostError, match="no connection"):
        store.demand(server.ask)
    assert (server.finds, server.asked) == (1, 0)

    clock.seconds += 0.02
    assert store.read(server.ask) == "an answer over 2"


def test_a_store_that_was_lost_is_closed_and_found_again(store, server, clock):
    store.read(server.ask)
    server.away = True
    assert store.read(server.ask) is None
    assert server.closed == [1]

    server.away = False
    clock.seconds += REST
    assert store.read(server.ask) == "an answer over 2"
    assert store.away is None


def test_since_when_it_is_away_does_not_change_with_each_try(store, server, clock):
    server.away = True
    store.read(server.ask)
    since = store.away.since
    clock.seconds += REST
    store.read(server.ask)

    assert server.finds == 2
    assert store.away.since == since


def test_a_store_that_comes_back_and_is_lost_again_is_away_since_then(store, server, clock):
    server.away = True
    store.read(server.ask)
    first = store.away
    clock.seconds += REST
    server.away = False
    store.read(server.ask)
    server.away = True
    store.read(server.ask)

    assert store.away is not first
    assert store.away.since > first.since
    assert store.away.why == "connection cut"


def test_a_fault_of_who_asks_is_no_fault_of_the_store(store):
    def wrong(_):
        raise KeyError("x")

    with pytest.raises(KeyError):
        store.read(wrong)
    assert store.away is None


def test_closing_gives_the_connections_back_once(store, server):
    store.close()
    store.read(server.ask)
    store.close()
    store.close()

    assert server.closed == [1]
