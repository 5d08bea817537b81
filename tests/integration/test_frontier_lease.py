"""Which requests a worker is given, and in which order."""

from scraping_project.frontier.messages import Ask, Step
from tests.support.frontier_worker import Worker, end, kill, lasting, ledger_of, nack, numbers, push


def test_the_highest_priority_of_a_slot_comes_first_and_the_oldest_of_a_priority(frontier, worker):
    worker.push(push(1), push(2, priority=-3), push(3, priority=10), push(4), push(5, priority=10))

    assert numbers(worker.lease(3)) == [3, 5, 1]
    assert numbers(worker.lease(9)) == [4, 2]


def test_a_leased_request_is_given_to_nobody_else(frontier, worker):
    worker.push(push(1))
    assert numbers(worker.lease()) == [1]

    assert Worker(frontier).lease() == []
    assert ledger_of(frontier)["leased"] == 1


def test_slots_take_turns(frontier, worker):
    worker.push(*(push(number, "abc"[number % 3]) for number in range(9)))

    slots = [worker.lease()[0].slot for _ in range(9)]
    assert all(sorted(slots[at : at + 3]) == ["a", "b", "c"] for at in (0, 3, 6))


def test_a_slot_gives_no_more_than_its_turn(frontier, worker):
    worker.push(*(push(number, "ab"[number % 2]) for number in range(20)))

    leased = worker.lease(10, turn=3)
    assert sorted(request.slot for request in leased) == ["a"] * 3 + ["b"] * 3


def test_a_worker_gets_no_more_than_it_wants(frontier, worker):
    worker.push(*(push(number, str(number % 4)) for number in range(40)))

    assert [len(worker.lease(want, turn=7)) for want in (0, 1, 10)] == [0, 1, 10]


def test_slots_to_be_skipped_stay_as_they_are(frontier, worker):
    worker.push(push(1, "a"), push(2, "b"))

    assert numbers(worker.lease(5, skip=["a"])) == [2]
    assert numbers(worker.lease(5)) == [1]


def test_a_slot_is_found_behind_a_thousand_that_are_not_wanted(frontier, worker):
    many = [f"slot-{number:04}" for number in range(1_000)]
    worker.push(*(push(number, slot) for number, slot in enumerate(many)))
    worker.push(push(5_000, "wanted"))

    assert numbers(worker.lease(5, skip=many)) == [5_000]


def test_no_slot_is_served_twice_in_a_lease_of_many_slots(frontier, worker):
    worker.push(*(push(number, f"slot-{number % 700}") for number in range(1_400)))

    leased = worker.lease(2_000, turn=1)
    assert len({request.slot for request in leased}) == len(leased) == 700


def test_an_emptied_slot_leaves_no_key(frontier, worker, server):
    before = {*lasting(server), b"{links:start_urls}:1:seen:0"}
    worker.push(push(1, "a"), push(2, "b", -1))
    worker.ack(*worker.lease(2))
    worker.step(asks=[Ask("a"), Ask("b")])

    assert set(lasting(server)) == before


def test_the_first_of_a_lease_are_armed_and_others_when_the_worker_says_so(frontier, worker, server):
    worker.push(push(1), push(2), push(3))
    first, second, third = worker.lease(3, arm_new=1)
    armed = f"{{links:start_urls}}:armed:{worker.token}"
    assert server.smembers(armed) == {b"%d" % first.id}

    worker.step(arm=[second.id, 999])

    assert server.smembers(armed) == {b"%d" % first.id, b"%d" % second.id}
    worker.ack(first, second, third)
    assert not server.exists(armed)


def test_the_same_step_again_leases_nothing_more_and_returns_the_same_requests(frontier, worker):
    worker.push(*(push(number) for number in range(10)))
    reply = worker.step(want=3, turn=3)

    assert [worker.again().leased for _ in range(3)] == [reply.leased] * 3
    assert ledger_of(frontier)["leased"] == 3


def test_a_repeated_step_returns_a_request_as_it_was_leased_after_a_nack(frontier, worker):
    worker.push(push(1))
    worker.step(nack=[nack(*worker.lease(), payload=b"again 1")])
    reply = worker.step(want=1)

    assert reply.leased[0].attempt == 2
    assert worker.again().leased == reply.leased


def test_the_count_of_deliveries_grows_with_each_worker_that_died(frontier, worker):
    worker.push(push(1))
    for delivery in (1, 2, 3):
        other = Worker(frontier)
        assert other.lease()[0].delivery == delivery
        kill(frontier, other)


def test_a_paused_crawl_leases_nothing_and_takes_everything_else(frontier, worker):
    worker.push(push(1), push(2))
    (leased,) = worker.lease()
    frontier.pause()

    reply = worker.step(want=5, push=[push(3)], ack=[end(leased)])

    assert reply.leased == []
    assert reply.ledger.paused
    assert (reply.ledger.queued, reply.ledger.done) == (2, 1)
    frontier.resume()
    assert numbers(worker.lease(5)) == [2, 3]
    assert not worker.ledger.paused


def test_a_worker_that_never_joined_a_paused_frontier_finds_it_paused(frontier):
    frontier.pause()
    worker = Worker(frontier)
    worker.push(push(1))

    assert worker.lease() == []
    frontier.resume()


def test_a_step_says_the_server_s_time(frontier, worker, server):
    seconds, _ = server.time()

    assert abs(worker.step().now_ms - seconds * 1_000) < 60_000
    assert isinstance(worker.last, Step)
