"""What Redis keeps of a crawl that is finished, and for how long."""

import pytest

from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.keys import Keys
from tests.support.frontier_worker import (
    LONG,
    Worker,
    burial,
    dump,
    kill,
    lasting,
    ledger_of,
    numbers,
    push,
    until,
)

ROOT = "{links:start_urls}:"
CRAWL = f"{ROOT}crawl"
KEEP_MS = 3_600_000
URLS = 1_000  # in several buckets of the dupe filter


@pytest.fixture(name="frontier")
def a_frontier_that_keeps_crawls_for_an_hour(server):
    frontier = Frontier(server, Keys("links"), keep_ms=KEEP_MS)
    yield frontier
    assert frontier.check() == []


def crawl(frontier, *, dead=0, **options):
    """A whole crawl of one worker, which leaves."""
    worker = Worker(frontier, **options)
    assert set(worker.push(*(push(number) for number in range(URLS)))) == {"1"}
    leased = worker.lease(URLS, arm_new=3)
    worker.step(bury=[burial(request) for request in leased[:dead]], filtered={"offsite": 1})
    worker.ack(*leased[dead:])
    assert worker.finish_start().finished
    frontier.leave(worker.token)
    return worker


def instants(server):
    """When each key expires, in ms, without the clocks of the slots."""
    keys = [key for key in server.scan_iter(f"{ROOT}*") if b":slot:" not in key]
    seconds, micros = server.time()
    now = seconds * 1_000 + micros // 1_000
    return {key: now + server.pttl(key) if server.pttl(key) >= 0 else None for key in keys}


def end_its_time(server):
    """All keys of the frontier expire now, as if its time were over."""
    for key in server.scan_iter(f"{ROOT}*"):
        server.pexpire(key, 1)
    until(lambda: not server.exists(*server.keys(f"{ROOT}*") or ["none"]))


def test_all_keys_of_a_finished_crawl_end_at_one_instant(frontier, server):
    crawl(frontier, dead=2, together="a command")
    assert server.ttl(CRAWL) == -1

    frontier.rest()

    assert lasting(server) == []
    ends = instants(server)
    assert len(server.keys(f"{ROOT}1:seen:*")) > 3
    assert max(ends.values()) - min(ends.values()) < 1_000  # they are asked for one after the other
    assert 0 < server.pttl(CRAWL) <= KEEP_MS
    assert len(list(frontier.dead())) == 2


def test_sixty_crawls_in_a_row_leave_no_key_that_lasts(frontier, server):
    for _ in range(60):
        worker = Worker(frontier)
        assert worker.joined.began
        worker.push(push(1), push(2))
        worker.ack(*worker.lease(2))
        worker.finish_start()
        frontier.leave(worker.token)
        frontier.rest()
        assert lasting(server) == []
    assert not server.exists(f"{ROOT}retired")

    end_its_time(server)
    assert server.keys() == []
    assert Worker(frontier).joined.began


def test_a_huge_dupe_filter_gets_its_time_bit_by_bit_and_keeps_it_when_that_was_broken_off(frontier, server):
    worker = crawl(frontier)
    assert frontier._call("expire", keep=KEEP_MS, most=1) == 1  # and its process is killed
    assert server.ttl(f"{ROOT}1:seen:0") > 0
    assert server.ttl(f"{ROOT}1:seen:1") == server.ttl(CRAWL) == -1

    frontier.rest()

    ends = instants(server)
    assert max(ends.values()) - min(ends.values()) < 1_000
    assert not server.exists(f"{ROOT}worker:{worker.token}")


@pytest.mark.parametrize("state", ["queued", "worked on", "paused"])
def test_no_other_crawl_gets_a_time_to_live(frontier, server, state):
    worker = Worker(frontier)
    worker.finish_start()
    if state == "queued":
        worker.push(push(1))
    if state == "paused":
        frontier.pause()
    if state != "worked on":
        frontier.leave(worker.token)

    frontier.rest()

    assert server.ttl(CRAWL) == -1


@pytest.mark.parametrize("is_broken_off", [False, True])
def test_a_waiting_worker_that_joins_keeps_the_crawl_and_its_dupe_filter(frontier, server, is_broken_off):
    crawl(frontier, dead=1)
    frontier.rest()
    if is_broken_off:  # another came before it, and was killed
        assert frontier._call("persist", most=2) == 1
        frontier.rest()
        assert server.ttl(f"{ROOT}1:seen:0") == -1

    waiting = Worker(frontier, seeds="")

    assert not waiting.joined.began
    assert set(waiting.push(*(push(number) for number in range(URLS)))) == {"0"}
    assert set(instants(server).values()) == {None}
    frontier.rest()
    assert server.ttl(CRAWL) == -1, "it works on"
    waiting.push(push(URLS))
    waiting.ack(*waiting.lease(1))
    frontier.leave(waiting.token)
    frontier.rest()
    assert lasting(server) == []


def test_one_that_is_coming_back_is_given_no_time_to_live_meanwhile(frontier, server):
    crawl(frontier)
    assert frontier._call("expire", keep=KEEP_MS, most=1) == 1
    assert frontier._call("persist", most=2) == 1

    frontier.rest()  # of the one that left last

    assert server.ttl(f"{ROOT}1:seen:0") == server.ttl(f"{ROOT}1:seen:2") == server.ttl(CRAWL) == -1
    assert not Worker(frontier, seeds="").joined.began


def test_a_crawl_whose_time_is_over_in_part_is_followed_by_another_that_knows_nothing(frontier, server):
    crawl(frontier)
    frontier.rest()
    server.persist(CRAWL)
    server.hset(CRAWL, "expires", 1)  # that instant has passed, and a part has gone
    server.delete(f"{ROOT}1:seen:0", f"{ROOT}1:seen:1")

    waiting = Worker(frontier, seeds="")

    assert waiting.joined.began
    assert set(waiting.push(*(push(number) for number in range(URLS)))) == {"1"}
    while frontier.sweep():
        pass
    assert server.keys(f"{ROOT}1:*") == []


def test_the_next_crawl_begins_at_once_and_the_old_one_is_swept_up(frontier, server):
    crawl(frontier)
    frontier.rest()

    worker = Worker(frontier)
    worker.push(push(1))

    assert worker.joined.began
    assert server.ttl(CRAWL) == server.ttl(f"{ROOT}gone") == -1
    while frontier.sweep():
        pass
    assert server.keys(f"{ROOT}1:*") == []
    assert numbers(worker.lease()) == [1]


def test_dead_letters_that_are_put_back_wait_for_ever_with_their_crawl(frontier, server):
    crawl(frontier, dead=2)
    frontier.rest()

    assert frontier.requeue([letter.id for letter in frontier.dead()]) == 2

    frontier.rest()
    assert set(instants(server).values()) == {None}
    assert ledger_of(frontier)["queued"] == 2
    assert frontier.check() == []


def test_a_pause_is_kept_with_its_crawl_until_it_is_taken_back(frontier, server):
    crawl(frontier)
    frontier.rest()

    frontier.pause()
    frontier.rest()
    assert set(instants(server).values()) == {None}

    frontier.resume()
    frontier.rest()
    assert lasting(server) == []


def test_a_dead_worker_is_company_until_it_is_reaped(frontier, server):
    dead = Worker(frontier, seeds="")
    crawl(frontier)
    frontier.rest()
    assert server.ttl(CRAWL) == -1

    kill(frontier, dead)
    frontier.rest()

    assert lasting(server) == []


def test_clearing_leaves_nothing_that_lasts_but_what_the_operator_said(frontier, server):
    worker = Worker(frontier)
    worker.push(*(push(number) for number in range(URLS)))
    frontier.clear()
    while frontier.sweep():
        pass
    assert lasting(server) == []
    assert set(server.keys()) <= {CRAWL.encode(), f"{ROOT}gone".encode()}
    assert frontier.was_used()

    frontier.pause()
    frontier.rest()
    assert lasting(server) == [CRAWL.encode()]
    frontier.resume()
    frontier.rest()
    assert lasting(server) == []


def test_what_changes_nothing_before_the_crawl_is_persisted_changes_nothing(frontier, server):
    crawl(frontier, dead=1)
    frontier.rest()
    before = dump(server)

    assert frontier._call("requeue", ids=[1]) == -1
    assert frontier.reap(LONG, grace_ms=LONG) == []

    assert dump(server).keys() == before.keys()
    assert server.hget(CRAWL, "queued") in (b"0", None)
