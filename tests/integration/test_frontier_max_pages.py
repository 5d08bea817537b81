"""All workers together lease no more than the crawl may still have answered."""

import pytest

from scraping_project.frontier.messages import GRANTED, Ask
from tests.support.frontier_worker import Worker, burial, end, kill, ledger_of, move, nack, push

MOST = 5
ASKS = {"by slots": {"want": 9, "turn": 9}, "by an ask": {"asks": [Ask("a.example", want=9, need=9, cap=99)]}}


@pytest.fixture(name="other")
def another_worker(frontier):
    return Worker(frontier)


@pytest.fixture(autouse=True)
def twenty_requests(worker):
    worker.push(*(push(number) for number in range(20)))


def lease(worker, want=9, **parts):
    return worker.step(want=want, turn=9, max_pages=MOST, **parts).leased


@pytest.mark.parametrize("how", ASKS.values(), ids=ASKS)
def test_workers_together_lease_what_is_lacking_and_no_more(worker, other, how):
    assert len(worker.step(want=3, turn=9, max_pages=MOST).leased) == 3

    assert len(other.step(**how, max_pages=MOST).leased) == MOST - 3
    assert worker.step(**how, max_pages=MOST).leased == []


def test_what_an_ask_leases_is_not_leased_again_of_other_slots(worker):
    worker.push(*(push(100 + number, "b.example") for number in range(9)))

    assert len(lease(worker, asks=[Ask("a.example", want=3, need=3, cap=99)])) == MOST


def test_of_many_slots_no_more_is_leased_either(worker):
    worker.push(*(push(100 + number, f"{number}.example") for number in range(50)))

    assert len(lease(worker, want=40)) == MOST


def test_an_answered_page_keeps_its_place_from_the_step_that_ends_its_lease(worker, other):
    first, *_ = lease(worker, want=2)
    assert len(lease(other, want=1)) == 1

    assert len(lease(worker, ack=[end(first)], pages=1)) == MOST - 3
    assert lease(other) == []


@pytest.mark.parametrize(
    "parts",
    [
        lambda leased: {"ack": [end(leased)]},
        lambda leased: {"ack_parents": [end(leased)]},
        lambda leased: {"nack": [nack(leased, delay_ms=3_600_000)]},
        lambda leased: {"bury": [burial(leased)]},
        lambda leased: {"release": [end(leased)]},
        lambda leased: {"move": [move(leased, 3)]},
    ],
    ids=["filtered", "a parent", "to be retried", "dead", "given back", "moved to a known page"],
)
def test_one_that_ends_unanswered_frees_its_place_in_the_same_step(worker, other, parts):
    first, *rest = lease(worker)
    assert len(rest) == MOST - 1
    assert lease(other) == []

    assert len(lease(worker, **parts(first))) == 1
    assert lease(other) == []


def test_the_places_of_a_dead_worker_are_free(frontier, worker, other):
    assert len(lease(other)) == MOST
    kill(frontier, other)

    assert len(lease(worker)) == MOST


@pytest.mark.parametrize("pages", [MOST, MOST + 3])
def test_nothing_is_leased_once_the_pages_are_answered(frontier, worker, pages):
    assert lease(worker, pages=pages) == []
    assert ledger_of(frontier)["leased"] == 0
    assert len(worker.step(want=2, turn=9, max_pages=pages + 1).leased) == 1
    assert len(worker.step(want=2, turn=9).leased) == 2


def test_a_worker_that_may_lease_nothing_takes_no_slot_from_those_that_may(worker, other):
    delay = {"delay": 100}
    assert worker.step(want=9, turn=9, max_pages=MOST, pages=MOST, **delay).grants == []

    (grant,) = other.step(want=9, turn=9, **delay).grants
    assert grant.outcome == GRANTED
