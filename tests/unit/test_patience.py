"""A step of a start is repeated while a server gives no answer, and for nothing else."""

import pytest

from scraping_project.frontier.errors import CrawlRefused, FrontierFull, FrontierUnavailable
from scraping_project.storage.errors import DatabaseAway, DatabaseUnavailable, Deadlocked, StorageError
from scraping_project.worker import patience
from scraping_project.worker.patience import patiently


class Clock:
    """Passes when somebody sleeps."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture(name="clock", autouse=True)
def a_clock_that_needs_no_time(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(patience, "time", clock)
    return clock


def raising(*errors):
    """A step that raises each of them, one a try, and then answers with what it was given."""
    left = list(errors)

    def step(*arguments):
        if left:
            raise left.pop(0)
        return arguments

    return step


@pytest.mark.parametrize("away", [DatabaseAway, Deadlocked, FrontierUnavailable])
def test_a_step_without_an_answer_is_done_again_until_there_is_one(away):
    assert patiently(raising(away("1"), away("2")), "a", "b") == ("a", "b")


@pytest.mark.parametrize("away", [DatabaseAway, FrontierUnavailable])
def test_after_some_seconds_without_an_answer_it_says_why(away, clock):
    def step():
        raise away("no answer")

    with pytest.raises(away, match="no answer"):
        patiently(step)
    assert clock.now >= 1000 + patience.PATIENCE


def test_what_takes_that_long_by_itself_is_done_once(clock):
    tries = []

    def step():
        tries.append(clock.now)
        clock.now += 90
        raise DatabaseAway("no answer")

    with pytest.raises(DatabaseAway):
        patiently(step)
    assert len(tries) == 1


@pytest.mark.parametrize(
    "error",
    [
        DatabaseUnavailable("Access denied"),
        StorageError("a faulty statement"),
        FrontierFull("OOM"),
        CrawlRefused("rules", "{}"),
        TypeError("a fault of this program"),
    ],
)
def test_a_server_that_says_no_is_asked_once(error):
    with pytest.raises(type(error)):
        patiently(raising(error))
