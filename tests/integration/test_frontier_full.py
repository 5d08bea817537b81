"""A worker beside a full Redis: what frees room there is said, the rest waits in its order."""

import pytest

from scraping_project.frontier.errors import FrontierFull
from scraping_project.frontier.messages import Refusal, blob
from scraping_project.frontier.worker import Worker
from tests.support.frontier_worker import LONG, burial, end, ledger_of, nack, push
from tests.support.full_redis import full


@pytest.fixture(name="worker")
def a_worker_of_the_crawl(frontier):
    worker = Worker(frontier, rules="{}", seeds="[]", lease_ms=LONG)
    worker.join()
    yield worker
    worker.leave()


def exchange(worker, **demand):
    step = worker.next_step(**demand)
    reply = worker.exchange(step)
    worker.confirm(step, reply)
    return reply


@pytest.fixture(name="leased")
def four_leased_requests(worker):
    worker.outgoing.push.extend(push(number) for number in range(20))
    return exchange(worker, want=4, turn=4).leased


def test_only_the_ends_of_what_has_asked_for_nothing_go_through(frontier, worker, leased, server):
    leaf, parent, retried, dead = leased
    outgoing = worker.outgoing
    outgoing.push.append(push(100))
    outgoing.ack.append(end(leaf))
    outgoing.ack_parents.append(end(parent))
    outgoing.nack.append(nack(retried))
    outgoing.bury.append(burial(dead))
    outgoing.filtered["offsite"] = 2
    outgoing.pages = 1

    with full(server):
        step = worker.next_step(want=5)
        with pytest.raises(FrontierFull):
            worker.exchange(step)
        light = worker.lighten(step)
        reply = worker.exchange(light)
        worker.confirm(light, reply)
        outgoing = worker.outgoing
        outgoing.filtered["offsite"] += 1  # and the crawl goes on meanwhile
        outgoing.push.append(push(101))

    assert reply.leased == []
    assert reply.ledger.pages == 1  # or others would lease more than max_pages
    assert ledger_of(frontier) == {
        "discovered": 20, "queued": 16, "delayed": 0, "leased": 3, "done": 1, "dead": 0
    }  # fmt: skip

    # With room again, all that has waited is said at once, in its order
    step = worker.next_step()
    assert [each.fingerprint for each in step.push] == ["100", "101"]
    reply = worker.exchange(step)
    worker.confirm(step, reply)
    assert ledger_of(frontier) == {
        "discovered": 22, "queued": 19, "delayed": 0, "leased": 0, "done": 2, "dead": 1
    }  # fmt: skip
    counts = frontier.counts()
    assert (counts["filtered:offsite"], counts["pages"]) == (3, 1)
    assert frontier.check() == []


def test_a_lightened_step_that_was_executed_unheard_changes_nothing_when_it_is_said_again(
    frontier, worker, leased, server
):
    worker.outgoing.push.append(push(100))
    worker.outgoing.ack.append(end(leased[0]))

    with full(server):
        step = worker.next_step()
        with pytest.raises(FrontierFull):
            worker.exchange(step)
        light = worker.lighten(step)
        worker.exchange(light)  # its reply is lost

        assert worker.next_step() is light
        worker.confirm(light, worker.exchange(light))

    assert exchange(worker).ledger.done == 1
    assert frontier.check() == []


def test_a_refused_seed_is_a_dead_letter_that_can_be_read_and_put_back(frontier, worker, server):
    worker.outgoing.refuse.append(Refusal(blob(b'{"reason":"undecodable"}'), blob(b"not a seed")))
    exchange(worker)

    (letter,) = frontier.dead()
    assert (letter.letter["reason"], letter.request.payload) == ("undecodable", b"not a seed")
    assert ledger_of(frontier) == {
        "discovered": 1, "queued": 0, "delayed": 0, "leased": 0, "done": 0, "dead": 1
    }  # fmt: skip
    assert frontier.check() == []

    frontier.requeue([letter.id])
    assert [request.payload for request in exchange(worker, want=1, cap=10).leased] == [b"not a seed"]
    assert frontier.check() == []
