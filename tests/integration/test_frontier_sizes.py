"""Steps, leases and returns have a size, however large the requests are: no script of Redis takes long."""

from contextlib import contextmanager

import pytest

from scraping_project.frontier.errors import FrontierRefused
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.held_bytes import MOST_HELD
from scraping_project.frontier.messages import LEASE_BYTES, Ask, Burial, End, Push, Refusal, blob
from scraping_project.frontier.outgoing import STEP_ENTRIES
from scraping_project.frontier.pending_requests import PAGE_BYTES, PendingRequests
from scraping_project.frontier.worker import Worker
from tests.support.frontier_worker import LONG, end, kill, ledger_of, nack, numbers, push, until
from tests.support.frontier_worker import Worker as OneStep

MB = 2**20


def large(number, slot="a.example", size=MB):
    text = f" {number}".encode()
    return push(number, slot, payload=bytes(size - len(text)) + text)


@pytest.fixture(name="crawling")
def a_worker_of_the_crawl(frontier):
    worker = Worker(frontier, rules="{}", seeds="[]", lease_ms=LONG)
    worker.join()
    return worker


def exchange(worker, **demand):
    step = worker.next_step(**demand)
    reply = worker.exchange(step)
    worker.confirm(step, reply)
    return step, reply


def now_ms(server):
    seconds, microseconds = server.time()
    return seconds * 1000 + microseconds // 1000


def bytes_of(requests):
    return sum(len(request.payload) for request in requests)


def test_what_is_too_much_for_one_step_is_pushed_by_several_and_its_page_ends_with_the_last(
    frontier, crawling, server
):
    crawling.outgoing.push.append(push(0))
    exchange(crawling)
    (page,) = exchange(crawling, want=1, cap=9)[1].leased
    server.config_set("slowlog-log-slower-than", 100_000)
    server.slowlog_reset()
    crawling.outgoing.push.extend(large(number) for number in range(1, 13))
    crawling.outgoing.ack_parents.append(end(page))

    parts = []
    while crawling.outgoing:
        step, reply = exchange(crawling, started=True)
        parts.append((bytes_of(step.push), step.started, reply.ledger.done))

    assert len(parts) == 12
    assert max(size for size, *_ in parts) <= MB + 5  # the header of a blob
    assert [done for *_, done in parts] == [0] * 11 + [1]
    assert [started for _, started, _ in parts] == [False] * 11 + [True]
    assert ledger_of(frontier)["queued"] == 12
    assert server.slowlog_get(100) == []


def test_many_small_requests_are_pushed_by_several_steps_too(frontier, crawling):
    crawling.outgoing.push.extend(push(number) for number in range(2 * STEP_ENTRIES + 1))

    sizes = []
    while crawling.outgoing:
        sizes.append(len(exchange(crawling)[0].push))

    assert sizes == [STEP_ENTRIES, STEP_ENTRIES, 1]
    assert ledger_of(frontier)["queued"] == 2 * STEP_ENTRIES + 1


def test_a_step_that_has_no_room_for_all_says_so(crawling):
    crawling.outgoing.push.extend(push(number) for number in range(STEP_ENTRIES + 1))

    exchange(crawling)
    assert crawling.left_over
    exchange(crawling)
    assert not crawling.left_over


def test_a_cut_step_whose_answer_was_lost_has_one_effect(frontier, crawling):
    crawling.outgoing.push.extend(push(None) for _ in range(STEP_ENTRIES + 1))
    crawling.exchange(crawling.next_step())  # unheard

    exchange(crawling)
    exchange(crawling)

    assert ledger_of(frontier)["discovered"] == STEP_ENTRIES + 1


@pytest.mark.parametrize("how", ["lease", "ask"])
def test_no_more_bytes_are_leased_than_a_step_may(worker, how):
    worker.push(*(large(number, size=MB // 8) for number in range(8)), *map(push, range(8, 20)))
    if how == "ask":
        demand = {"asks": [Ask("a.example", want=20, need=1, cap=20)]}
    else:
        demand = {"want": 20, "turn": 20, "cap": 20}

    first = worker.step(**demand).leased
    second = worker.step(**demand).leased

    assert numbers(first) == [0, 1, 2, 3]
    assert bytes_of(first) == LEASE_BYTES
    assert numbers(second) == [4, 5, 6, 7]
    assert numbers(worker.step(**demand).leased) == list(range(8, 20))


def test_one_that_is_larger_than_a_step_may_lease_is_leased_all_the_same(worker):
    worker.push(large(0, size=3 * MB), large(1, size=3 * MB))

    assert numbers(worker.lease(5)) == [0]
    assert numbers(worker.lease(5)) == [1]


def test_a_slot_gets_no_permit_for_what_has_no_room(worker):
    worker.push(large(0, "a.example", 2 * MB), large(1, "b.example", 2 * MB))

    reply = worker.step(want=5, turn=5)

    assert len(reply.leased) == len(reply.grants) == 1


def test_large_requests_of_slots_it_works_on_do_not_keep_out_other_slots(worker):
    worker.push(*(large(number) for number in range(3)), push(9, "b.example"))

    reply = worker.step(asks=[Ask("a.example", want=9, need=1, cap=9)], want=9, turn=9)

    assert sorted(numbers(reply.leased)) == [0, 9]


def test_a_worker_that_may_hold_no_more_leases_nothing(worker):
    worker.push(push(0))

    assert worker.step(want=5, turn=5, lease_bytes=0).leased == []
    assert numbers(worker.lease(5)) == [0]


def test_a_worker_holds_so_many_bytes_and_goes_on_with_those_that_end(frontier, crawling):
    crawling.outgoing.push.extend(large(number) for number in range(12))
    while crawling.outgoing:
        exchange(crawling)

    held = []
    for _ in range(10):
        held += exchange(crawling, want=100, turn=100)[1].leased
    assert bytes_of(held) == MOST_HELD
    crawling.outgoing.ack.extend(end(request) for request in held[:2])
    exchange(crawling)
    for _ in range(3):
        held += exchange(crawling, want=100, turn=100)[1].leased

    assert numbers(held) == list(range(10))
    crawling.leave()
    assert ledger_of(frontier)["queued"] == 10


def test_a_request_that_is_leased_again_in_the_step_that_ends_it_is_held(crawling):
    crawling.outgoing.push.append(large(0))
    exchange(crawling)
    (leased,) = exchange(crawling, want=1, turn=1)[1].leased
    crawling.outgoing.nack.append(nack(leased))

    exchange(crawling, want=1, turn=1)

    assert crawling._held._sizes == {leased.id: MB}


def test_what_is_due_is_moved_by_its_bytes_too_and_may_be_larger_than_what_was_pushed(
    frontier, worker, server
):
    worker.push(*map(push, range(3)))
    worker.step(nack=[nack(request, 1, payload=bytes(MB)) for request in worker.lease(3)])
    delayed = frontier.keys.of(worker.joined.epoch, "delayed")
    until(lambda: server.zcount(delayed, "-inf", now_ms(server)) == 3)

    moved = []
    while ledger_of(frontier)["delayed"]:
        before = ledger_of(frontier)["delayed"]
        worker.step()
        moved.append(before - ledger_of(frontier)["delayed"])

    assert max(moved) == 1


def test_what_a_dead_worker_held_is_returned_by_its_bytes_too(frontier, worker):
    worker.push(*(large(number) for number in range(12)))
    dying = OneStep(frontier)
    for _ in range(12):
        dying.lease(2)

    assert frontier.reap(LONG, gone=[dying.token], grace_ms=LONG) == []
    assert ledger_of(frontier)["queued"] == 8
    kill(frontier, dying)

    assert ledger_of(frontier)["queued"] == 12
    got = [request for _ in range(12) for request in worker.lease(2)]
    assert sorted(numbers(got)) == list(range(12))


def test_the_letters_of_the_reaper_are_told_by_their_bytes_too(frontier, worker):
    worker.push(*(large(number) for number in range(3)))
    for _ in range(3):
        dying = OneStep(frontier)
        dying.step(want=1, turn=1, arm_new=1)
        kill(frontier, dying, deaths=1)

    assert len(worker.step().letters) == 1


def test_what_waits_is_read_in_pages_of_so_many_bytes(frontier, worker, server, monkeypatch):
    worker.push(*(large(number) for number in range(6)))
    pages = []
    lrange = server.lrange

    def counted(key, first, last):
        page = lrange(key, first, last)
        pages.append(sum(map(len, page)))
        return page

    monkeypatch.setattr(server, "lrange", counted)
    found = list(PendingRequests(server, frontier.keys).read([]))

    assert sorted(numbers(found)) == list(range(6))
    assert max(pages) <= PAGE_BYTES + 100


def refusal(number):
    return Refusal(blob(b'{"reason":"too_large"}'), blob(b"url"), "" if number is None else str(number))


def test_a_refused_request_is_one_dead_letter_however_often_it_is_asked_for(frontier, worker):
    worker.step(refuse=[refusal(7), refusal(7)])
    worker.step(refuse=[refusal(7), refusal(None), refusal(None)])

    assert worker.push(push(7)) == "0"
    assert ledger_of(frontier)["dead"] == ledger_of(frontier)["discovered"] == 3
    assert frontier.counts()["filtered:duplicate"] == 3


@contextmanager
def refusing(server, frontier, payload):
    """A frontier that answers a step in which a payload is with an error, as Redis does."""

    class Refusing(Frontier):
        steps = 0

        def checkpoint(self, step):
            self.steps += 1
            if any(payload in bytes(each.payload) for each in (*step.push, *step.move, *step.nack)):
                raise FrontierRefused("ERR no")
            return super().checkpoint(step)

    yield Refusing(server, frontier.keys)


def until_it_is_heard(worker, bury):
    for _ in range(200):
        if not worker.outgoing and worker.unanswered is None:
            return
        step = worker.next_step()
        try:
            worker.confirm(step, worker.exchange(step))
        except FrontierRefused as error:
            worker.narrow(step, error, bury)
    raise AssertionError("it is said again for ever")


def letter_of(culprit):
    if isinstance(culprit, Push):
        return refusal(int(culprit.fingerprint))
    return Burial(culprit.id, culprit.delivery, blob(b'{"reason":"undecodable"}'))


@pytest.mark.parametrize("kind", ["push", "nack"])
def test_what_redis_refuses_is_found_and_buried_and_all_else_is_said(frontier, server, kind):
    with refusing(server, frontier, b"poison") as refuses:
        worker = Worker(refuses, rules="{}", seeds="[]", lease_ms=LONG)
        worker.join()
        worker.outgoing.push.extend(push(number) for number in range(2))
        exchange(worker)
        page, other = exchange(worker, want=2, turn=2, cap=9)[1].leased
        poisoned = push(50, payload=b"poison")
        if kind == "nack":
            worker.outgoing.nack.append(nack(other, payload=b"poison"))
        worker.outgoing.push.extend(push(number) for number in range(2, 100) if number != 50)
        if kind == "push":
            worker.outgoing.push.insert(48, poisoned)
            worker.outgoing.ack.append(end(other))
        worker.outgoing.ack_parents.append(end(page))

        until_it_is_heard(worker, letter_of)

    ledger = ledger_of(frontier)
    assert (ledger["dead"], ledger["leased"], ledger["queued"]) == (1, 0, 97)
    assert refuses.steps < 60
    if kind == "push":
        assert OneStep(frontier).push(push(50)) == "0"


def test_a_redis_that_refuses_everything_gets_no_request_buried(crawling):
    crawling.outgoing.push.extend(push(number) for number in range(5))

    def narrow():
        crawling.narrow(crawling.next_step(), FrontierRefused("ERR whatever"), pytest.fail)

    narrow()
    narrow()
    narrow()  # nothing is left in the step
    with pytest.raises(FrontierRefused):
        narrow()
    assert len(crawling.outgoing.push) + len(crawling.next_step().push) == 5


def test_a_redis_that_refuses_the_mere_end_of_a_lease_is_nothing_to_say_that_to_again(crawling):
    crawling.outgoing.ack.append(End(1, 1))
    crawling.narrow(crawling.next_step(), FrontierRefused("NOPERM"), pytest.fail)
    exchange(crawling)  # a step without it goes through

    with pytest.raises(FrontierRefused):
        crawling.narrow(crawling.next_step(), FrontierRefused("NOPERM"), pytest.fail)


def test_a_wrong_key_in_redis_is_an_answer_that_does_not_pass(frontier, worker, server):
    server.set(frontier.keys.of(worker.joined.epoch, "slots"), "no sorted set")

    with pytest.raises(FrontierRefused):
        worker.push(push(1))

    server.flushall()
