"""How leases end: acked, to be tried again, moved, buried, released; and ends that come too late."""

import msgspec
import pytest

from scraping_project.frontier.errors import FrontierError, WorkerReaped
from tests.support.frontier_worker import (
    Worker,
    burial,
    dump,
    end,
    kill,
    ledger_of,
    move,
    nack,
    numbers,
    push,
    until,
)


def counted(frontier):
    """The ledger without what is zero."""
    return {name: number for name, number in ledger_of(frontier).items() if number}


@pytest.fixture(name="leased")
def one_leased_request(worker):
    worker.push(push(1))
    return worker.lease()[0]


def test_an_acked_request_is_done(frontier, worker, leased):
    worker.ack(leased)

    assert counted(frontier) == {"discovered": 1, "done": 1}


def test_a_nacked_request_comes_again_as_the_next_attempt(frontier, worker, leased):
    worker.step(nack=[nack(leased, slot="c", priority=7, payload=b"changed")])
    assert counted(frontier) == {"discovered": 1, "queued": 1}

    (again,) = worker.lease()
    assert (again.id, again.attempt, again.slot, again.priority) == (leased.id, 2, "c", 7)
    assert again.payload == b"changed"
    assert again.delivery > leased.delivery


def test_a_nacked_request_goes_behind_the_others(frontier, worker, leased):
    worker.step(push=[push(2)], nack=[nack(leased)])

    assert numbers(worker.lease(2)) == [2, 1]


def test_a_request_nacked_for_later_is_delayed(frontier, worker, leased):
    worker.step(nack=[nack(leased, 3_600_000)])

    assert counted(frontier) == {"discovered": 1, "delayed": 1}
    assert worker.lease() == []


def test_a_delayed_request_comes_once_it_is_due(frontier, worker, leased):
    worker.step(nack=[nack(leased, 30, slot="", priority=-4)])

    (again,) = until(lambda: worker.lease(5))
    assert (again.id, again.attempt, again.slot, again.priority) == (leased.id, 2, "", -4)
    assert counted(frontier) == {"discovered": 1, "leased": 1}


def test_more_requests_fall_due_at_once_than_a_step_moves_and_none_is_forgotten(frontier, worker):
    worker.push(*(push(number) for number in range(1_200)))
    worker.step(nack=[nack(request, 1) for request in worker.lease(1_200)])

    until(lambda: worker.ledger.queued == 1_200)
    assert sorted(numbers(worker.lease(2_000, turn=2_000))) == list(range(1_200))


def test_a_released_request_goes_to_the_front_as_if_it_had_never_been_leased(frontier, worker, server):
    worker.push(*(push(number) for number in range(5)))
    before = dump(server)[b"{links:start_urls}:1:queue:0:a.example"]
    leased = worker.lease(3)

    worker.step(release=[end(request) for request in leased])

    assert dump(server)[b"{links:start_urls}:1:queue:0:a.example"] == before
    assert [request.delivery for request in worker.lease(5)] == [1] * 5


def test_a_buried_request_is_a_dead_letter(frontier, worker, leased, server):
    worker.step(bury=[burial(leased, b'{"reason":"parse"}')])

    assert counted(frontier) == {"discovered": 1, "dead": 1}
    assert server.hgetall("{links:start_urls}:1:dead") == {b"%d" % leased.id: b'{"reason":"parse"}'}
    assert worker.step().letters == {}


def test_an_unseen_redirect_takes_its_parent_s_place_and_goes_first_in_its_own_slot(frontier, worker, leased):
    worker.push(push(2, "b.example"), push(3, "b.example"))

    worker.step(move=[move(leased, 4)])

    moved, *_ = got = worker.lease(5)
    assert numbers(got) == [4, 2, 3]
    assert (moved.id, moved.attempt) == (leased.id, leased.attempt)
    assert moved.delivery > leased.delivery
    assert worker.push(push(4)) == "0"
    assert counted(frontier) == {"discovered": 3, "leased": 3}


def test_a_redirect_to_what_is_known_ends_its_parent_and_is_counted(frontier, worker, leased):
    worker.push(push(2))

    worker.step(move=[move(leased, 2)])

    assert counted(frontier) == {"discovered": 2, "done": 1, "queued": 1}
    assert frontier.counts()["filtered:redirect known"] == 1


def test_a_redirect_within_its_own_chain_passes_the_filter(frontier, worker, leased):
    worker.step(move=[move(leased, None, payload=b"payload 1")])

    assert worker.lease()[0].id == leased.id
    assert "filtered:redirect known" not in frontier.counts()


def test_children_and_their_parent_s_end_are_one_step(frontier, worker, leased):
    reply = worker.step(push=[push(2), push(1)], ack=[end(leased)], pages=1, want=1)

    assert reply.pushed == "10"
    assert numbers(reply.leased) == [2]
    assert reply.ledger.pages == 1


ENDS = {
    "ack": lambda request: {"ack": [end(request)]},
    "nack": lambda request: {"nack": [nack(request)]},
    "nack later": lambda request: {"nack": [nack(request, 50)]},
    "bury": lambda request: {"bury": [burial(request)]},
    "release": lambda request: {"release": [end(request)]},
    "move": lambda request: {"move": [move(request, 77)]},
}


@pytest.fixture(name="ending", params=ENDS)
def each_ending(request):
    return ENDS[request.param]


def test_an_end_of_another_delivery_changes_nothing_and_is_counted(frontier, worker, leased, ending):
    reply = worker.step(**ending(msgspec.structs.replace(leased, delivery=leased.delivery + 1)))

    assert reply.ledger.leased == 1
    assert frontier.counts()["stale"] == 1
    assert worker.push(push(77)) == "1"


def test_an_end_of_another_worker_s_lease_changes_nothing_and_is_counted(frontier, leased, ending):
    other = Worker(frontier)

    assert other.step(**ending(leased)).ledger.leased == 1
    assert frontier.counts()["stale"] == 1


def test_a_second_end_of_the_same_lease_changes_nothing_and_is_counted(frontier, worker, leased, ending):
    worker.ack(leased)

    assert worker.step(**ending(leased)).ledger.done == 1
    assert counted(frontier) == {"discovered": 1, "done": 1}
    assert frontier.counts()["stale"] == 1


def test_an_end_of_an_earlier_attempt_changes_nothing(frontier, worker, leased, ending):
    worker.step(nack=[nack(leased)])
    worker.lease()

    worker.step(**ending(leased))

    assert counted(frontier) == {"discovered": 1, "leased": 1}


def test_a_reaped_worker_s_ends_change_nothing(frontier, worker, leased, ending, server):
    kill(frontier, worker)
    before = dump(server)

    with pytest.raises(WorkerReaped):
        worker.step(**ending(leased))

    assert dump(server) == before


def test_the_same_end_again_changes_nothing_and_is_not_stale(frontier, worker, leased, ending, server):
    reply = worker.step(**ending(leased), push=[push(5)])
    before = dump(server)

    again = worker.again()

    assert (again.pushed, again.leased, again.ledger) == (reply.pushed, reply.leased, reply.ledger)
    assert dump(server) == before
    assert "stale" not in frontier.counts()


def test_an_older_step_than_the_last_raises_and_changes_nothing(frontier, worker, leased, server):
    old = worker.last
    worker.ack(leased)
    before = dump(server)

    with pytest.raises(FrontierError, match="older"):
        frontier.checkpoint(old)

    assert dump(server) == before


def test_what_was_filtered_and_how_many_pages_were_answered_is_counted(frontier, worker):
    worker.step(filtered={"offsite": 3, "depth": 1}, pages=2)
    worker.step(filtered={"offsite": 2}, pages=1)

    counts = frontier.counts()
    assert (counts["filtered:offsite"], counts["filtered:depth"], counts["pages"]) == (5, 1, 3)
