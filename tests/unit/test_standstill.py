"""When it is said that nothing is sent, and of what kind the cause is."""

import logging

import pytest

from scraping_project.frontier.messages import Ledger
from scraping_project.frontier.slot_state import SlotState
from scraping_project.politeness.clocks import SlotClocks
from scraping_project.worker.standstill import NAMED, Cause, Standstill, cause_of
from tests.support.policies import policy_of

AFTER = 300.0
TOKEN, OTHER = "here:m:1:1:x", "there:m:22:1:y"
FREE = Cause("a.example", "is free and nobody takes it", forbidden=False)
PAUSED = Cause("b.example", "was paused by the operator", forbidden=True)


class Watched:
    """A standstill's watch in a time that the test tells."""

    def __init__(self):
        self.now = 1000.0
        self.slots = SlotClocks(policy_of({"DOWNLOAD_DELAY": 0, "CONCURRENT_REQUESTS_PER_DOMAIN": 1}))
        self.standstill = Standstill(self.slots, after=AFTER, now=lambda: self.now)

    def later(self, seconds, *, away=False, **changes):
        self.now += seconds
        counts = {"discovered": 9, "queued": 3, "delayed": 0, "leased": 1, "done": 5, "dead": 0, "pages": 5}
        return self.standstill.is_due(Ledger(**({"paused": False} | counts | changes)), away=away)

    def said_after(self, causes, *waits):
        """Which of so many looks found that the cause is to be looked for; it is said each time."""
        due = []
        for seconds in waits:
            due.append(self.later(seconds))
            if due[-1]:
                self.standstill.say(causes, at_work=0)
        return due


@pytest.fixture(name="watched")
def a_crawl_that_stands_still():
    watched = Watched()
    assert not watched.later(0)
    return watched


def clock(**changes):
    known = {"sent_ago": 400.0, "delay": 1.0, "crawl_delay": 0.0, "retry_after": 0.0, "adaptive": None}
    return SlotState(**(known | {"holders": {}, "queued": 3} | changes))


def why(order=(), here="", **changes):
    cause = cause_of("a.example", clock(**changes), dict(order), token=TOKEN, here=here)
    return cause.why, cause.forbidden


def test_a_standstill_is_said_once_when_it_has_lasted(watched):
    assert watched.said_after([FREE], AFTER - 1, 1, AFTER, AFTER) == [False, True, False, False]


def test_what_was_forbidden_is_looked_at_again_and_said_anew_when_nothing_forbids_it_any_more(
    watched, caplog
):
    caplog.set_level(logging.INFO)
    assert watched.said_after([PAUSED], AFTER, AFTER, 1) == [True, True, False]
    assert watched.said_after([FREE], AFTER - 1, AFTER) == [True, False]

    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING"]


def test_requests_that_are_leased_and_released_for_ever_are_a_standstill(watched):
    due = [watched.later(AFTER / 4, queued=4 - each % 2, leased=each % 2) for each in range(5)]

    assert due.count(True) == 1


@pytest.mark.parametrize(
    "changes", [{"done": 6}, {"dead": 1}, {"pages": 6}, {"delayed": 1}, {"discovered": 10}]
)
def test_what_any_worker_brings_to_an_end_is_no_standstill(watched, changes):
    watched.later(AFTER - 1)

    assert not watched.later(1, **changes)
    assert not watched.later(AFTER - 1, **changes)
    assert watched.later(1, **changes)


def test_what_this_worker_sends_is_no_standstill(watched):
    watched.later(AFTER - 1)
    watched.slots.send(watched.slots.of("a.example"), watched.now)

    assert not watched.later(1)


@pytest.mark.parametrize("rests", [{"queued": 0, "leased": 0}, {"paused": True}, {"away": True}])
def test_a_crawl_that_is_empty_or_paused_or_whose_servers_are_away_does_not_stand_still(watched, rests):
    assert not any(watched.later(AFTER, **rests) for _ in range(3))
    assert not watched.later(AFTER - 1)
    assert watched.later(1)


def test_the_next_standstill_is_said_too(watched):
    assert watched.said_after([FREE], AFTER, AFTER) == [True, False]
    assert not watched.later(1, done=6)

    assert watched.later(AFTER, done=6)


def test_without_an_answer_of_the_frontier_nothing_is_known(watched):
    watched.now += AFTER

    assert not watched.standstill.is_due(None, away=False)


def test_a_cause_that_nothing_explains_is_a_warning_and_names_the_slot(watched, caplog):
    caplog.set_level(logging.INFO)
    watched.standstill.say([PAUSED, FREE], at_work=0)

    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == (
        "Nothing was sent for 300 s though requests wait: a.example is free and nobody takes it"
    )


def test_what_a_site_or_the_operator_forbids_is_an_information(watched, caplog):
    caplog.set_level(logging.INFO)
    watched.standstill.say([PAUSED], at_work=3)

    (record,) = caplog.records
    assert record.levelname == "INFO"
    assert "b.example was paused by the operator" in record.getMessage()


def test_of_many_slots_some_are_named(watched, caplog):
    watched.standstill.say([FREE] * 5, at_work=0)

    message = caplog.records[0].getMessage()
    assert message.count("a.example") == NAMED
    assert message.endswith("; and 2 more")


def test_callbacks_that_take_long_are_named_and_what_others_hold_is_left_to_them(watched, caplog):
    watched.standstill.say([], at_work=0)
    assert caplog.records == []

    watched.standstill.say([], at_work=2)

    assert caplog.records[0].getMessage().endswith("2 requests are with callbacks and pipelines")


def test_the_operator_and_the_site_forbid():
    assert why({"paused": True}.items()) == ("was paused by the operator", True)
    assert why(retry_after=9.2) == ("asked to be left alone for 10 s more", True)
    assert why(delay=600.0) == ("has its next turn in 200 s, by its delay", True)


def test_a_holder_forbids_nothing():
    here = " (2 wait for it here, 0 are in flight)"

    assert why(holders={TOKEN: 1}, here=here) == ("is held by this worker" + here, False)
    assert why(holders={OTHER: 1}) == ("is held by process 22 of there", False)
    assert why(sent_ago=None) == ("is free and nobody takes it", False)
    assert why(crawl_delay=None)[0] == "is free and nobody takes it, its robots.txt not known"


def test_what_waits_in_this_worker_is_named_by_its_slot(watched):
    busy = watched.slots.of("a.example")
    busy.queued, busy.on_wire = 2, 1
    watched.slots.of("idle.example")

    assert watched.standstill.waiting() == {"a.example": " (2 wait for it here, 1 are in flight)"}
