"""New requests: each is added once, in the step that finds out whether it is known."""

import pytest

from scraping_project.frontier.messages import Push, blob
from tests.support.frontier_worker import Worker, ledger_of, numbers, push


def test_a_new_request_is_queued_and_counted(frontier, worker):
    reply = worker.step(push=[push(1), push(2)])

    assert reply.pushed == "11"
    assert reply.ledger.discovered == reply.ledger.queued == 2


def test_a_known_request_is_counted_as_a_duplicate_and_not_queued(frontier, worker):
    worker.push(push(1))

    assert worker.push(push(1), push(2), push(2)) == "010"
    assert frontier.counts()["filtered:duplicate"] == 2
    assert ledger_of(frontier) | {"discovered": 2, "queued": 2} == ledger_of(frontier)


def test_a_request_stays_known_when_it_is_done(frontier, worker):
    worker.push(push(1))
    worker.ack(*worker.lease())

    assert worker.push(push(1)) == "0"


def test_another_worker_s_request_is_known(frontier, worker):
    worker.push(push(1))

    assert Worker(frontier).push(push(1)) == "0"


def test_a_request_that_passes_the_filter_is_queued_each_time_and_counted_by_its_id(frontier, worker):
    assert worker.push(push(None), push(None)) == "11"

    first, second = worker.lease(2)
    assert first.id != second.id
    assert frontier.counts().get("seen", 0) == 0


def test_a_request_that_is_pushed_again_passes_the_filter_and_is_known_from_then_on(frontier, worker):
    again = Push("1", "a", 0, blob(b""), again=True)

    assert worker.push(again, push(1), again) == "101"
    assert worker.push(again, push(1)) == "10"
    assert frontier.counts()["seen"] == 1


@pytest.mark.parametrize("slot", ["", "a:b:c", "{a}", "a,b", "ü.example", "-", "x" * 255])
def test_any_name_does_for_a_slot(frontier, worker, slot):
    worker.push(push(1, slot), push(2, slot, 5))

    leased = worker.lease(2)
    assert [(request.slot, request.priority) for request in leased] == [(slot, 5), (slot, 0)]
    worker.ack(*leased)


def test_slots_too_long_to_store_are_told_apart_by_a_shorter_name(frontier, worker):
    worker.push(push(1, "ü" * 150 + "a"), push(2, "ü" * 150 + "b"))

    one, two = worker.lease(2)
    assert one.slot != two.slot
    assert max(len(one.slot.encode()), len(two.slot.encode())) <= 255


@pytest.mark.parametrize(("given", "kept"), [(-5, -5), (2**40, 2**31 - 1), (-(2**40), 1 - 2**31)])
def test_a_priority_is_kept_within_what_a_record_has_room_for(frontier, worker, given, kept):
    worker.push(push(1, priority=given))

    (leased,) = worker.lease()
    assert leased.priority == kept
    worker.step(release=[(leased.id, leased.delivery)])
    assert worker.lease()[0].priority == kept


@pytest.mark.parametrize("size", [0, 1, 31, 32, 65_535, 65_536, 300_000])
def test_a_payload_comes_back_byte_by_byte(frontier, worker, size):
    payload = bytes(range(256)) * (size // 256 + 1)
    worker.push(Push("1", "a", 0, blob(payload[:size])))

    assert worker.lease()[0].payload == payload[:size]


def test_a_thousand_priorities_in_a_slot_are_leased_from_the_highest(frontier, worker):
    order = [(number * 7) % 1_000 for number in range(1_000)]
    worker.push(*(push(number, priority=number - 500) for number in order))

    leased = worker.lease(600) + worker.lease(600)
    assert numbers(leased) == sorted(order, reverse=True)


def test_the_same_step_again_adds_nothing_and_answers_the_same(frontier, worker):
    reply = worker.step(push=[push(1), push(1), push(None)])

    assert worker.again().pushed == reply.pushed == "101"
    assert worker.again().ledger == reply.ledger
