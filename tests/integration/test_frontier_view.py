"""How a frontier stands at one moment, by one script that writes nothing."""

import socket

import pytest

from scraping_project.frontier.connection import connect
from scraping_project.frontier.errors import FrontierError, FrontierUnavailable
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.messages import Ask
from scraping_project.frontier.view import DeadGroup, view
from scraping_project.frontier.worker import Worker as CrawlingWorker
from testing.servers import free_port, redis_binaries
from tests.support.frontier_worker import LONG, Worker, burial, dump, end, kill, ledger_of, push

ROOT = "{links:start_urls}:"
KEYS = Keys("links")


def ask(slot, **said):
    fields = {"want": 1, "arm": 1, "need": 1, "in_flight": 0, "waits": False, "sent_ms": -1, "delay_ms": 0}
    fields |= {"cap": 8, "crawl_delay_ms": -1, "after_ms": 0, "adaptive_ms": -1}
    return Ask(slot=slot, **(fields | said))


def slots_of(server, **options):
    return {each.slot: each for each in view(server, KEYS, **options).slots}


def test_a_frontier_that_was_never_used_is_empty_and_stays_so(server):
    found = view(server, KEYS)

    assert (found.crawl_id, found.epoch, found.finished, found.paused) == (None, 0, False, False)
    assert (found.ledger, found.filtered, found.workers, found.slots) == ({}, {}, (), ())
    assert (found.dead_groups, found.groups_total, found.dead_counted) == ((), 0, True)
    assert server.keys("*") == []


def test_it_has_the_ledger_the_crawl_and_what_was_filtered(frontier, worker, server):
    worker.push(push(1), push(1), push(2), push(3))
    leased = worker.lease(2)
    worker.step(ack=[end(leased[0])], bury=[burial(leased[1])], filtered={"offsite": 2})
    server.lpush(KEYS.seeds, "http://a.example/", "http://b.example/")

    found = view(server, KEYS)

    assert {name: found.ledger.get(name, 0) for name in ledger_of(frontier)} == ledger_of(frontier)
    assert found.filtered == {"duplicate": 1, "offsite": 2}
    assert (found.crawl_id, found.rules, found.seeds_text) == (worker.joined.crawl_id, "{}", "[]")
    assert (found.name, found.epoch, found.seeds_waiting) == ("links", 1, 2)
    assert found.as_of_ms == pytest.approx(server.time()[0] * 1000, abs=60_000)
    assert found.dead_groups == (DeadGroup("parse", "a.example", 1),)
    assert (found.groups_total, found.dead_counted) == (1, True)


def test_a_crawl_that_is_over_is_finished_and_one_that_is_paused_says_so(frontier, worker, server):
    worker.push(push(1))
    frontier.pause()
    assert (view(server, KEYS).paused, view(server, KEYS).finished) == (True, False)
    assert [each.because for each in view(server, KEYS).slots] == ["paused"]
    frontier.resume()
    worker.ack(*worker.lease())
    worker.finish_start()

    assert (view(server, KEYS).paused, view(server, KEYS).finished) == (False, True)


@pytest.mark.parametrize("kind", ["set", "zset", "string"])
def test_seeds_of_any_kind_are_counted(server, kind):
    {
        "set": lambda: server.sadd(KEYS.seeds, "a", "b"),
        "zset": lambda: server.zadd(KEYS.seeds, {"a": 1, "b": 2}),
        "string": lambda: server.set(KEYS.seeds, "no seeds"),
    }[kind]()

    assert view(server, KEYS).seeds_waiting == (0 if kind == "string" else 2)


def test_workers_show_their_process_their_run_and_when_they_were_heard_of(frontier, server):
    joined = {"crawl_id": "c", "rules": "{}", "seeds": "[]", "lease_ms": LONG}
    frontier.join("one", host="vm-3", pid=4_411, run="r-81fa", **joined)
    other = Worker(frontier, token="two")
    other.push(push(1), push(2))
    other.lease(2)
    server.zadd(f"{ROOT}workers", {"one": server.time()[0] * 1000 - 48_000})

    alive, silent = view(server, KEYS).workers

    assert (alive.token, alive.leased, alive.alive, alive.run_id) == ("two", 2, True, "")
    assert alive.beat_ms < 30_000
    assert (silent.host, silent.pid, silent.run_id, silent.alive) == ("vm-3", 4_411, "r-81fa", False)
    assert silent.beat_ms == pytest.approx(LONG + 48_000, abs=30_000)
    assert 0 < silent.joined_ms < alive.deadline_ms
    assert view(server, KEYS).workers_total == 2


def test_a_worker_of_an_older_version_has_no_run_and_one_that_is_being_reaped_is_dead(
    frontier, worker, server
):
    server.hdel(f"{ROOT}worker:{worker.token}", "lease", "run")
    (found,) = view(server, KEYS).workers
    assert (found.run_id, found.beat_ms, found.alive) == (None, None, True)

    worker.push(push(1), push(2))
    worker.lease(2)
    assert frontier.reap(LONG, gone=[worker.token], most=1, grace_ms=LONG) == []
    (found,) = view(server, KEYS).workers
    assert (found.leased, found.deadline_ms, found.alive) == (1, 0, False)
    frontier.reap(LONG, grace_ms=LONG)


def test_a_worker_that_crawls_says_of_which_run_it_is(frontier, server):
    crawling = CrawlingWorker(frontier, rules="{}", seeds="", lease_ms=LONG, run="r-81fa")
    crawling.join()

    (found,) = view(server, KEYS).workers
    assert (found.token, found.run_id, found.host) == (crawling.token, "r-81fa", socket.gethostname())


def test_a_slot_says_what_it_waits_for(frontier, worker, server):
    names = ("free", "delay", "crawl", "later", "robots", "full", "slow", "paused", "blocked", "throttle")
    worker.push(*(push(10 * number + each, name) for number, name in enumerate(names) for each in range(3)))
    frontier.order("slow", {"delay": 60_000})
    frontier.order("paused", {"paused": True})
    frontier.order("blocked", {"blocked": True})
    worker.step(
        asks=[
            ask("delay", delay_ms=50_000, sent_ms=0),
            ask("crawl", crawl_delay_ms=40_000, sent_ms=0),
            ask("later", after_ms=1_000_000, need=0),
            ask("robots"),
            ask("full", crawl_delay_ms=0, need=8),
            ask("slow", sent_ms=0),
            ask("paused"),
            ask("throttle", adaptive_ms=30_000, sent_ms=0),
        ],
        robots=True,
    )

    found = slots_of(server)

    assert {name: slot.because for name, slot in found.items()} == {
        "free": "",
        "delay": "delay",
        "crawl": "crawl_delay",
        "later": "retry_after",
        "robots": "robots",
        "full": "busy",
        "slow": "order",
        "paused": "paused",
        "blocked": "blocked",
        "throttle": "throttle",
    }
    assert found["delay"].because_ms == found["delay"].delay_ms == 50_000
    assert 0 < found["delay"].next_ms <= 50_000
    assert 900_000 < found["later"].next_ms <= 1_000_000
    assert (found["free"].next_ms, found["free"].queued, found["free"].permits_max) == (0, 3, None)
    assert (found["full"].permits_in_use, found["full"].permits_max) == (8, 8)
    assert (found["robots"].permits_in_use, found["robots"].permits_max) == (1, 1)
    assert found["full"].holders == {worker.token: 8}
    assert found["slow"].order == {"delay": 60_000}
    assert found["paused"].next_ms is None
    assert dict(view(server, KEYS).orders) == frontier.orders()
    assert view(server, KEYS).orders_total == 3


def test_the_slots_with_most_requests_come_first_or_those_that_wait_longest_or_one(frontier, worker, server):
    for number in range(6):
        worker.push(*(push(100 * number + each, f"slot-{number}", each % 2) for each in range(number + 1)))
    frontier.hold({"slot-1": 100_000, "slot-2": 200_000})
    worker.step(asks=[ask("slot-1"), ask("slot-2")])

    by_queue = view(server, KEYS, limit=3)
    assert [each.slot for each in by_queue.slots] == ["slot-5", "slot-4", "slot-3"]
    assert [each.queued for each in by_queue.slots] == [6, 5, 4]
    assert (by_queue.slots_total, by_queue.slots_looked_at, by_queue.slots_waiting_at_limit) == (6, 6, 2)
    by_wait = view(server, KEYS, by="wait", limit=2)
    assert [each.slot for each in by_wait.slots] == ["slot-2", "slot-1"]
    (one,) = view(server, KEYS, slot="slot-1").slots
    assert (one.slot, one.queued, one.because) == ("slot-1", 2, "retry_after")
    (unknown,) = view(server, KEYS, slot="nowhere.example").slots
    assert (unknown.queued, unknown.next_ms, unknown.because) == (0, 0, "")


def test_of_very_many_slots_those_at_both_ends_of_the_index_are_looked_at(frontier, worker, server):
    for first in range(0, 1_500, 500):
        worker.push(*(push(number, f"slot-{number}") for number in range(first, first + 500)))

    found = view(server, KEYS)

    assert (len(found.slots), found.slots_looked_at, found.slots_total) == (200, 600, 1_500)


def test_suspects_are_among_the_requests_of_their_slot(frontier, worker, server):
    worker.push(push(1))
    victim = Worker(frontier)
    victim.lease(arm_new=1)
    kill(frontier, victim)

    assert slots_of(server)["a.example"].queued == 1


def test_letters_that_an_older_version_has_buried_are_not_counted(frontier, worker, server):
    worker.push(push(1))
    worker.step(bury=[burial(*worker.lease())])
    server.hdel(f"{ROOT}crawl", "grouped")
    server.delete(f"{ROOT}1:buried_by")

    assert not view(server, KEYS).dead_counted
    frontier.count_letters()
    assert view(server, KEYS).dead_counted


FOREIGN = ["orders", "slot:a.example", "1:buried_by", "1:queue:0:a.example", "1:suspects:a.example"]


@pytest.mark.parametrize("name", [*FOREIGN, "leases:one", "worker:one"])
def test_what_somebody_else_has_put_there_is_as_if_absent_and_stays(server, name):
    worker = Worker(Frontier(server, KEYS), token="one")
    worker.push(push(1))
    server.delete(f"{ROOT}{name}")
    server.set(f"{ROOT}{name}", "somebody else's")
    before = dump(server)

    assert [each.slot for each in view(server, KEYS).slots] == ["a.example"]
    assert dump(server) == before


def test_bytes_that_are_no_text_are_shown_as_such(frontier, worker, server):
    server.zadd(f"{ROOT}1:slots", {b'\xff\x00"': 1})
    server.zadd(f"{ROOT}workers", {b"\xff": "inf"})
    server.hset(f"{ROOT}crawl", mapping={b"\xff": b"\xff", "filtered:x": "many", "paused": ""})

    found = view(server, KEYS)

    assert [each.slot for each in found.slots] == ['\ufffd\x00"']
    assert found.workers[0].token == "\ufffd"
    assert found.filtered == {}
    server.zrem(f"{ROOT}1:slots", b'\xff\x00"')
    server.zrem(f"{ROOT}workers", b"\xff")
    server.hdel(f"{ROOT}crawl", b"\xff", "filtered:x", "paused")


def test_where_the_ledger_lies_it_is_refused_by_name(server):
    Worker(Frontier(server, KEYS))
    server.delete(f"{ROOT}workers")
    server.set(f"{ROOT}workers", "somebody else's")

    with pytest.raises(FrontierError, match=f"{ROOT}workers is a string"):
        view(server, KEYS)


def test_it_writes_nothing(frontier, worker, server):
    worker.push(*(push(number, f"slot-{number % 7}") for number in range(50)))
    worker.step(asks=[ask("slot-1", sent_ms=0, delay_ms=1)], want=5)
    server.lpush(KEYS.seeds, "http://a.example/")
    server.config_resetstat()

    view(server, KEYS)
    view(server, KEYS, by="wait", slot="slot-1")

    used = {name.removeprefix("cmdstat_").lower() for name in server.info("commandstats")}
    reads = {"exists", "hget", "hgetall", "hlen", "hmget", "hscan", "llen", "scard", "time", "type", "zcard"}
    reads |= {"zcount", "zmscore", "zrange", "zrevrange"}
    assert used <= reads | {"evalsha", "script|load", "script", "info", "config", "config|resetstat"}


def test_a_redis_that_is_away_is_named():
    with connect(f"redis://127.0.0.1:{free_port()}/0") as client, pytest.raises(FrontierUnavailable):
        view(client, KEYS)


@pytest.mark.parametrize("kind", redis_binaries())
def test_every_kind_of_redis_shows_it(redis_servers, kind):
    with connect(redis_servers(kind).url) as client:
        client.flushall()
        Worker(Frontier(client, KEYS)).push(push(1))

        assert [each.slot for each in view(client, KEYS).slots] == ["a.example"]
        client.flushall()
