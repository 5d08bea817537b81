"""What a site asks for is told at once, together with what comes meanwhile, and again until it is heard."""

import asyncio

import pytest

from scraping_project.frontier.errors import FrontierUnavailable
from scraping_project.politeness import holds as holds_module
from scraping_project.politeness.holds import Holds

NOW = 1000.0


@pytest.fixture(autouse=True)
def still_clock(monkeypatch):
    monkeypatch.setattr(holds_module, "monotonic", lambda: NOW)
    monkeypatch.setattr(holds_module, "PAUSE", 0)


class Frontier:
    """Takes down what it is told; the first so many times it is away."""

    def __init__(self, away=0):
        self.away = away
        self.told = []

    def hold(self, waits):
        if self.away:
            self.away -= 1
            raise FrontierUnavailable("no answer")
        self.told.append(dict(waits))


def told(*bursts, away=0):
    """What the frontier hears of slots that are to be left alone for so many seconds, burst after burst."""
    frontier = Frontier(away)

    async def tell():
        holds = Holds(frontier.hold)
        for burst in bursts:
            for slot, wait in burst:
                holds.tell(slot, NOW + wait)
            await holds._telling

    asyncio.run(tell())
    return frontier.told


def test_a_hold_is_told_in_milliseconds_from_now():
    assert told([("a.example", 7.0001)]) == [{"a.example": 7001}]


def test_what_comes_while_it_tells_is_told_together_and_the_later_moment_counts():
    first = [("a", 1), ("b", 5), ("a", 9), ("b", 2)]

    assert told(first, [("a", 1)]) == [{"a": 9000, "b": 5000}, {"a": 1000}]


def test_while_the_frontier_is_away_it_is_told_again():
    assert told([("a", 7)], away=3) == [{"a": 7000}]


def test_what_is_past_is_not_told():
    assert told([("a", 0), ("b", -1)]) == []


def test_it_tells_no_more_when_it_is_ended():
    frontier = Frontier(away=10**9)

    async def tell_and_end():
        holds = Holds(frontier.hold)
        holds.tell("a", NOW + 7)
        await asyncio.sleep(0)
        holds.end()
        with pytest.raises(asyncio.CancelledError):
            await holds._telling

    asyncio.run(tell_and_end())
    assert frontier.told == []
