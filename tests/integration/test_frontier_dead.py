"""Dead letters: requests that killed too many workers, and those that were buried; all can come back."""

import msgspec
import pytest

from scraping_project.frontier.messages import read_leased
from tests.support.frontier_worker import Worker, burial, kill, ledger_of, numbers, push

DEAD = "{links:start_urls}:1:dead"


@pytest.fixture(name="letters")
def letters_of_a_poisonous_request(frontier, worker):
    """The worker's next letters, after a request has killed three workers."""
    worker.push(push(7, "ü.example", -3))
    for death in range(3):
        victim = Worker(frontier)
        assert [request.deaths for request in victim.lease(arm_new=1)] == [death]
        kill(frontier, victim, deaths=3)
    return worker.step().letters


def test_a_request_that_killed_too_many_workers_is_buried(frontier, worker, letters, server):
    assert ledger_of(frontier) | {"discovered": 1, "dead": 1} == ledger_of(frontier)
    ((request_id, letter),) = server.hgetall(DEAD).items()
    letter = msgspec.json.decode(letter)
    assert (letter["reason"], letter["deaths"]) == ("deliveries", 3)
    assert int(request_id) in letters


def test_a_dead_letter_of_the_reaper_tells_all_that_a_log_row_needs(frontier, worker, letters):
    ((request_id, record),) = letters.items()
    request = read_leased(record)

    assert (request.id, request.attempt, request.delivery, request.deaths) == (request_id, 1, 3, 3)
    assert (request.slot, request.priority, request.payload) == ("ü.example", -3, b"payload 7")


def test_a_dead_letter_of_the_reaper_is_told_until_its_log_row_is_committed(frontier, worker, letters):
    assert worker.step().letters == letters
    assert worker.step(logged=list(letters)).letters == {}
    assert worker.step().letters == {}


def test_a_step_tells_some_of_many_letters_and_the_next_ones_the_rest(frontier, worker):
    worker.push(*(push(number) for number in range(35)))
    victim = Worker(frontier)
    victim.lease(35, arm_new=35)
    kill(frontier, victim, deaths=1)

    told = set()
    letters = worker.step().letters
    while letters:
        assert not told & set(letters)
        told |= set(letters)
        letters = worker.step(logged=list(letters)).letters
    assert len(told) == 35


def test_a_requeued_letter_comes_again_as_new(frontier, worker, letters, server):
    assert frontier.requeue(list(letters)) == 1

    (request,) = worker.lease(5)
    assert numbers([request]) == [7]
    assert (request.attempt, request.delivery, request.deaths) == (2, 1, 0)
    assert (request.slot, request.priority) == ("ü.example", -3)
    assert not server.exists(DEAD)


def test_requeueing_counts_those_that_there_were(frontier, worker):
    worker.push(*(push(number) for number in range(3)))
    leased = worker.lease(3)
    worker.step(bury=[burial(request) for request in leased])
    ids = [request.id for request in leased]

    assert frontier.requeue([ids[0], ids[0], 999, ids[2]]) == 2
    assert frontier.requeue([]) == 0
    assert ledger_of(frontier) | {"queued": 2, "dead": 1} == ledger_of(frontier)


def test_requeueing_reopens_a_finished_crawl(frontier, worker):
    worker.push(push(1))
    leased = worker.lease()
    assert worker.step(bury=[burial(*leased)], started=True).finished

    frontier.requeue([leased[0].id])

    assert not worker.step().finished
    assert not Worker(frontier).joined.began
