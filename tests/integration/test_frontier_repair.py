"""Repair: what a database knows is told to a frontier that forgot it, and the ledger stays exact."""

import pytest

from scraping_project.frontier.errors import CrawlOver, WorkerReaped
from scraping_project.frontier.messages import Done
from scraping_project.frontier.pending_requests import PendingRequests
from scraping_project.frontier.replies import Repaired
from tests.support.frontier_worker import (
    LONG,
    SHORT,
    Worker,
    dump,
    kill,
    ledger_of,
    nack,
    numbers,
    push,
    until,
)


@pytest.fixture(name="repair")
def repairing_worker(frontier, worker):
    """Tells as a worker that leases nothing, and goes in the end."""
    mender = Worker(frontier, seeds="")

    def tell(**told):
        return frontier.repair(mender.token, mender.joined.epoch, LONG, **({"highest": 0} | told))

    tell.worker = mender
    yield tell
    frontier.leave(mender.token)


@pytest.fixture(name="waiting")
def reader_of_what_waits(server, frontier):
    reader = PendingRequests(server, frontier.keys)
    return lambda *dead: list(reader.read(dead))


def done(number, pages=1):
    return Done(str(number), pages)


def payloads(found):
    return sorted(int(each.payload.rsplit(b" ", 1)[1]) for each in found)


def test_forgotten_requests_are_put_back_and_known_ones_are_not(frontier, worker, repair):
    worker.push(push(1))

    assert repair(push=[push(1), push(2), push(2)]) == Repaired(pushed=1, marked=0, ended=0)

    assert ledger_of(frontier) | {"discovered": 2, "queued": 2} == ledger_of(frontier)
    assert "filtered:duplicate" not in frontier.counts()
    assert numbers(worker.lease(5)) == [1, 2]


def test_what_is_done_is_known_counted_once_and_never_handed_out(frontier, worker, repair):
    assert repair(done=[done(1), done(2, pages=0), done(1)]).marked == 2

    assert ledger_of(frontier) | {"discovered": 2, "done": 2} == ledger_of(frontier)
    assert frontier.counts()["pages"] == 1
    assert worker.push(push(1), push(2)) == "00"
    assert worker.lease(5) == []


def test_the_same_again_changes_nothing(frontier, worker, repair, waiting, server):
    worker.push(push(1), push(2))
    told = {
        "push": [push(3)],
        "done": [done(4)],
        "ends": [each.withdrawal(1) for each in waiting()[:1]],
        "highest": 9,
    }
    assert repair(**told) == Repaired(pushed=1, marked=1, ended=1)
    before = frontier.counts()

    assert repair(**told) == Repaired(pushed=0, marked=0, ended=0)
    assert frontier.counts() == before


def test_new_requests_get_numbers_above_those_that_have_rows(worker, repair):
    repair(push=[push(1)], highest=41)
    repair(push=[push(2)], highest=7)

    assert [request.id for request in worker.lease(5)] == [42, 43]


@pytest.mark.parametrize("known", ["1", "007", str(2**63 - 1)])
def test_the_filter_can_be_asked_without_changing_anything(frontier, worker, server, known):
    worker.push(push(known))
    before = dump(server)

    assert frontier.known([known.lstrip("0"), "5", "6"]) == "100"
    assert dump(server) == before


def test_the_filter_of_an_empty_redis_knows_nothing(frontier, server):
    assert frontier.known(["1", "2"]) == "00"
    assert (frontier.crawl(), frontier.was_used()) == (None, False)


def test_everything_that_waits_is_found_and_can_be_ended(frontier, worker, repair, waiting, server):
    """In queues of several priorities, among the suspects, delayed, and leased by a worker that is dead."""
    worker.push(*(push(number, "ü.example", number % 3) for number in range(10)))
    worker.push(push(20, "b.example"))
    suspect = Worker(frontier)
    armed = suspect.lease(1, skip=["b.example"], arm_new=1)
    kill(frontier, suspect)
    worker.push(*(push(number, "c.example") for number in (30, 31)))
    leased = worker.lease(2, skip=["ü.example", "b.example"])
    worker.step(nack=[nack(request, LONG) for request in leased])
    dead = Worker(frontier)
    held = dead.lease(1, skip=["ü.example", "c.example"])

    found = waiting(dead.token)

    assert payloads(found) == [*range(10), 20, 30, 31]
    assert {each.place for each in found} == {"queue", "suspects", "delayed", "leases"}
    assert numbers(held) == payloads(each for each in found if each.place == "leases")
    assert numbers(armed) == payloads(each for each in found if each.place == "suspects")
    assert frontier.check() == []
    assert repair(ends=[each.withdrawal(1) for each in found]).ended == 13
    assert ledger_of(frontier) | {"discovered": 13, "done": 13} == ledger_of(frontier)
    assert frontier.counts()["pages"] == 13
    assert frontier.slots() == 0
    assert waiting(dead.token) == []


def test_a_slot_that_had_one_suspect_and_nothing_else_is_left(frontier, worker, repair, waiting):
    worker.push(push(1))
    suspect = Worker(frontier)
    suspect.lease(1, arm_new=1)
    kill(frontier, suspect)

    assert repair(ends=[each.withdrawal(1) for each in waiting()]).ended == 1
    assert frontier.slots() == 0


def test_what_is_taken_away_while_it_is_read_hides_nothing(frontier, worker, repair, server):
    worker.push(*(push(number) for number in range(1_300)))
    reader = PendingRequests(server, frontier.keys)
    found = []

    for each in reader.read(()):
        found.append(each)
        repair(ends=[each.withdrawal(0)] if each.id % 2 else [])

    assert payloads(found) == list(range(1_300))
    assert numbers(worker.lease(1_000)) == list(range(1, 1_300, 2)), "their order stays"


def test_what_was_leased_meanwhile_is_left_to_its_worker(frontier, worker, repair, waiting):
    worker.push(push(1), push(2))
    found = waiting()
    leased = worker.lease(1)

    assert repair(ends=[each.withdrawal(1) for each in found]).ended == 1
    assert ledger_of(frontier) | {"leased": 1, "done": 1} == ledger_of(frontier)
    worker.ack(*leased)


def test_a_lease_that_was_ended_is_no_longer_its_worker_s(frontier, worker, repair, waiting):
    worker.push(push(1))
    (leased,) = worker.lease(1)

    assert repair(ends=[each.withdrawal(1) for each in waiting(worker.token)]).ended == 1
    worker.ack(leased)
    assert ledger_of(frontier) | {"discovered": 1, "leased": 0, "done": 1} == ledger_of(frontier)
    assert frontier.counts()["stale"] == 1


def test_a_worker_past_its_deadline_is_silent_and_one_that_speaks_is_not(frontier, worker, server):
    reader = PendingRequests(server, frontier.keys)
    quiet = Worker(frontier, lease=SHORT)

    assert until(reader.silent) == [quiet.token]


def test_no_crawl_is_finished_while_it_is_repaired(frontier, worker, repair):
    repair(done=[done(1)])
    assert not worker.finish_start().finished

    frontier.leave(repair.worker.token)
    assert worker.step().finished


def test_a_repair_whose_worker_was_reaped_changes_nothing(frontier, worker, repair):
    kill(frontier, repair.worker)
    with pytest.raises(WorkerReaped):
        repair(push=[push(1)])
    assert ledger_of(frontier)["discovered"] == 0


def test_a_repair_of_a_crawl_that_was_followed_by_another_changes_nothing(frontier, worker):
    mender = Worker(frontier, seeds="")
    frontier.clear()
    other = Worker(frontier)
    with pytest.raises(CrawlOver):
        frontier.repair(other.token, mender.joined.epoch, LONG, highest=0, push=[push(1)])
    assert ledger_of(frontier)["discovered"] == 0


def test_an_empty_redis_begins_the_crawl_again_under_its_own_id(frontier, server):
    joined = frontier.join("t", crawl_id="mine", rules='{"a": 1}', seeds="s", host="h", pid=1, lease_ms=LONG)

    crawl = frontier.crawl()
    assert joined.began
    assert (crawl.id, crawl.rules, crawl.seeds, crawl.epoch) == ("mine", '{"a": 1}', "s", 1)
    frontier.clear()
    assert (frontier.crawl(), frontier.was_used()) == (None, True)


def test_what_is_put_back_is_refused_as_a_whole_when_redis_is_full(frontier, worker, repair, server):
    server.config_set("maxmemory-policy", "noeviction")
    server.config_set("maxmemory", 1)
    try:
        with pytest.raises(Exception, match="memory"):
            repair(push=[push(1)], done=[done(2)], highest=9)
    finally:
        server.config_set("maxmemory", 0)

    assert ledger_of(frontier)["discovered"] == 0
    assert frontier.known(["1", "2"]) == "00"
