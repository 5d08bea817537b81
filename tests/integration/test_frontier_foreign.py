"""Values that somebody else has written under a frontier's keys: put aside and named, or refused whole."""

import zlib

import pytest

from scraping_project.frontier.errors import FrontierError
from scraping_project.frontier.keys import CATALOGUE
from scraping_project.frontier.pending_requests import PendingRequests
from scraping_project.frontier.robots_cache import RobotsCache
from scraping_project.frontier.slot_state import SlotStates
from tests.support.frontier_worker import (
    LONG,
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
)

ROOT = "{links:start_urls}:"
CRAWL = f"{ROOT}crawl"
GARBAGE = {
    "no record": b"\x00\x01x",
    "another tool's": b'{"url": "http://a.example/", "priority": 5}',
    "empty": b"",
}

#: Those that hold the ledger, or say who works on it: a script that finds another type there is refused.
LEDGER_KEYS = ["crawl", "workers", "starting", "gone", *(f"1:{name}" for name in (
    "slots", "priorities", "delayed", "dead", "buried", "outbox"))]  # fmt: skip
#: All others, as a crawl of one slot and two workers, ``one`` and ``two``, uses them.
OTHER_KEYS = [
    *("orders", "news", "retired", "slot:a.example", "1:queue:0:a.example", "1:suspects:a.example"),
    *("1:handed", "1:found", "1:together", "1:seen:0", "1:buried_by", "1:counted", "1:again"),
    *(f"{name}:{token}" for name in ("leases", "armed", "permits", "returning") for token in ("one", "two")),
]


def verbs(frontier, worker):
    """One call of each script."""
    said = {"push": [push(50)], "want": 5, "turn": 5, "arm_new": 2, "look_up": ["7"], "slot_pages": 100}
    return {
        "join": lambda: Worker(frontier, token="three"),
        "checkpoint": lambda: worker.step(**said),
        "extend": lambda: frontier.extend(worker.token, LONG),
        "reap": lambda: frontier.reap(LONG, gone=[worker.token], grace_ms=LONG),
        "leave": lambda: frontier.leave(worker.token),
        "order": lambda: frontier.order("a.example", {"delay": 1}),
        "requeue": lambda: frontier.requeue([1, 2, 3]),
        "push_again": lambda: frontier.push_again("an action", {"1": push(70)}),
        "clear": frontier.clear,
        "sweep": frontier.sweep,
        "known": lambda: frontier.known(["1", "2"]),
        "repair": lambda: frontier.repair(worker.token, 1, LONG, highest=1, push=[push(60)]),
    }


def put(server, name):
    """Another type than the frontier keeps under a key."""
    server.set(f"{ROOT}{name}", "somebody else's")


def test_every_key_of_the_catalogue_is_met_here():
    met = {name.removeprefix("1:").partition(":")[0] for name in [*LEDGER_KEYS, *OTHER_KEYS]}
    apart = {"worker", "seeds", "robots", "fetching", "foreign"}  # below, but foreign, which holds anything

    assert met | apart == {name.removeprefix("<epoch>:").partition(":")[0] for name in CATALOGUE}


@pytest.mark.parametrize("name", LEDGER_KEYS)
def test_where_the_ledger_lies_another_type_is_refused_by_name_and_nothing_is_changed(frontier, server, name):
    worker = Worker(frontier, token="one")
    worker.push(push(1), push(2), push(3))
    worker.lease(2, arm_new=1)
    worker.step(bury=[burial(worker.lease()[0])])
    key = f"{ROOT}{name}"
    if server.exists(key):
        server.rename(key, "kept")
    put(server, name)
    before = dump(server)

    for verb, call in verbs(frontier, worker).items():
        with pytest.raises(FrontierError) as refused:
            call()
        assert key in str(refused.value), verb
        assert dump(server) == before, verb

    server.delete(key)
    if server.exists("kept"):
        server.rename("kept", key)
    assert worker.again().ledger.discovered == 4


@pytest.mark.parametrize(
    "field", ["epoch", "next", "seen", "buckets", "queued", "leased", "dead", "discovered"]
)
def test_a_number_of_the_ledger_that_is_none_is_refused_by_name_and_nothing_is_changed(
    frontier, server, field
):
    worker = Worker(frontier, token="one")
    worker.push(push(1), push(2))
    kept = server.hget(CRAWL, field)
    server.hset(CRAWL, field, "1e9 and more")
    before = dump(server)

    for verb, call in verbs(frontier, worker).items():
        with pytest.raises(FrontierError, match=field):
            call()
        assert dump(server) == before, verb

    server.hdel(CRAWL, field) if kept is None else server.hset(CRAWL, field, kept)
    assert [request.payload for request in worker.again().leased] == [
        b"payload 1",
        b"payload 2",
        b"payload 50",
    ]


def work(frontier):
    """A crawl of one slot in which every script has its part; returns the workers."""
    one = Worker(frontier, token="one", together="a command")
    two = Worker(frontier, token="two")
    frontier.order("a.example", {"delay": 0})
    two.push(*(push(number) for number in range(450)))  # enough that a bucket is split
    leased = one.step(want=8, turn=8, arm_new=4, slot_pages=100).leased
    one.step(
        ack=[end(leased[0])],
        nack=[nack(leased[1], 3_600_000), nack(leased[2])],
        bury=[burial(leased[3])],
        move=[move(leased[4], 900, "a.example")],
        release=[end(leased[5])],
        filtered={"offsite": 1},
        look_up=["3"],
    )
    two.lease(3, arm_new=3)
    frontier.requeue([leased[3].id])
    assert frontier.push_again("an action", {"1": push(450)}) == 1
    kill(frontier, two, deaths=5)
    assert sum(bool(request.deaths) for request in one.lease(5, arm_new=5)) == 1
    frontier.reap(LONG, grace_ms=LONG)
    return one


@pytest.mark.parametrize("name", OTHER_KEYS)
def test_elsewhere_another_type_is_put_aside_and_the_crawl_goes_on_as_if_it_were_not_there(
    frontier, server, name
):
    put(server, name)

    one = work(frontier)
    assert frontier.check() == []
    frontier.leave(one.token)
    assert frontier.check() == []
    assert ledger_of(frontier)["queued"] == ledger_of(frontier)["discovered"] - 2  # one done, one delayed
    frontier.clear()
    while frontier.sweep():
        pass

    if server.exists(f"{ROOT}foreign:{name}"):
        assert server.get(f"{ROOT}foreign:{name}") == b"somebody else's"
        assert server.ttl(f"{ROOT}foreign:{name}") > 0
    assert server.type(f"{ROOT}{name}") != b"string"


def test_what_is_put_aside_is_counted(frontier, server):
    put(server, "1:seen:0")
    worker = Worker(frontier)
    worker.push(push(1))

    assert frontier.counts()["foreign"] == 1
    assert server.get(f"{ROOT}foreign:1:seen:0") == b"somebody else's"


@pytest.mark.parametrize("name", ["worker:one", "seeds:one"])
def test_a_worker_whose_own_keys_are_another_s_joins_again(frontier, server, name):
    put(server, name)

    worker = Worker(frontier, token="one")
    worker.push(push(1))

    assert numbers(worker.lease()) == [1]
    frontier.leave("one")


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
@pytest.mark.parametrize("place", ["queue", "suspects", "delayed", "leases", "outbox"])
def test_what_is_no_record_becomes_a_dead_letter_and_blocks_nothing(frontier, worker, server, place, garbage):
    worker.push(push(1), push(2))
    other = Worker(frontier)
    if place == "queue":
        server.lpush(f"{ROOT}1:queue:0:a.example", garbage)
    elif place == "suspects":
        server.rpush(f"{ROOT}1:suspects:a.example", garbage)
    elif place == "delayed":
        server.zadd(f"{ROOT}1:delayed", {garbage: 1})
    elif place == "leases":
        server.hset(f"{ROOT}leases:{other.token}", "its field", garbage)
        kill(frontier, other)
    elif place == "outbox":
        server.hset(f"{ROOT}1:outbox", "its field", garbage)

    leased = worker.lease(5) + worker.lease(5)

    assert numbers(leased) == [1, 2]
    assert frontier.check() == []
    (letter,) = frontier.dead()
    assert letter.letter["reason"] == "undecodable"
    assert letter.request.payload == garbage
    worker.ack(*leased)
    frontier.leave(other.token)
    assert worker.finish_start().finished


def test_a_dead_letter_of_no_record_can_be_put_back_as_any_other(frontier, worker, server):
    worker.push(push(1))
    server.lpush(f"{ROOT}1:queue:0:a.example", b"x")
    worker.lease(5)
    (letter,) = frontier.dead()

    assert frontier.requeue([letter.id]) == 1
    assert [request.payload for request in worker.lease(5)] == [b"x"]


def test_dead_letters_that_are_none_are_named_and_hide_no_other(frontier, worker, server):
    worker.push(push(1), push(2), push(3), push(4))
    worker.step(bury=[burial(request) for request in worker.lease(4)])
    first, second, third, _ = sorted(letter.id for letter in frontier.dead())
    real = {field: server.hget(f"{ROOT}1:dead", field) for field in (first, second)}
    record = server.hget(f"{ROOT}1:buried", third)
    server.hset(f"{ROOT}1:dead", mapping={first: b"\xff no JSON", second: b"5"})
    server.hset(f"{ROOT}1:buried", third, b"no")
    for place in ("dead", "buried"):
        server.hset(f"{ROOT}1:{place}", "its field", "{}")
    unreadable = []

    assert [letter.id for letter in frontier.dead(unreadable.append)] == [4]
    assert sorted(unreadable) == sorted([str(first), str(second), str(third), "its field"])
    assert frontier.requeue([third]) == 0
    assert any(line.startswith("dead:") for line in frontier.check())

    for place in ("dead", "buried"):
        server.hdel(f"{ROOT}1:{place}", "its field")
    server.hset(f"{ROOT}1:dead", mapping=real)
    server.hset(f"{ROOT}1:buried", third, record)


@pytest.mark.parametrize(
    "order", ["{", "5", "[]", "null", '{"delay": "slow"}', '{"delay": -1}', '{"delay": 1e300}', b"\xff"]
)
def test_an_order_that_is_none_is_ignored_and_named(frontier, worker, server, order):
    server.hset(f"{ROOT}orders", "a.example", order)
    worker.push(push(1))
    named = []

    assert numbers(worker.lease()) == [1]
    assert frontier.orders(named.append) == {}
    if order != "[]":  # an empty list of Lua is an empty order, too
        assert named == ["a.example"]
    frontier.order("a.example", {"paused": True})
    assert frontier.orders(named.append) == {"a.example": {"paused": True}}
    server.delete(f"{ROOT}orders")


def test_fields_of_a_slot_s_clock_that_are_none_say_nothing(frontier, worker, server):
    said = {
        "delay": "1e300",
        "crawl": "inf",
        "after": "nan",
        "sent": "x",
        "name": "5",
        "permits": "6",
        "@": "x",
    }
    server.hset(
        f"{ROOT}slot:a.example", mapping=said | {"@other": "3 later", "adaptive": "9" * 40, "\xff": ""}
    )
    clocks = SlotStates(server, frontier.keys)
    assert clocks.read("a.example").holders == {}
    worker.push(push(1))

    assert numbers(worker.lease()) == [1]
    assert clocks.read("a.example").delay == 0


def test_members_that_are_none_keep_no_crawl_from_its_end(frontier, worker, server):
    server.sadd(f"{ROOT}starting", b"\xff")
    server.zadd(f"{ROOT}workers", {b"\xff worker": 1})
    server.zadd(f"{ROOT}gone", {b"\xff": 1e300})
    server.zadd(f"{ROOT}1:slots", {b"\xff": 1, "nowhere.example": 2})
    server.zadd(f"{ROOT}news", {b"\xff": 1e300})
    server.rpush(f"{ROOT}retired", "no epoch", "1:5", b"\xff")
    server.rpush(f"{ROOT}1:found", b"\xff x")
    server.sadd(f"{ROOT}1:together", b"\xff")
    server.hset(f"{ROOT}1:priorities", "a.example", "high,,1e5,-0x1")
    server.hset(f"{ROOT}1:handed", "a.example", "many")
    server.hset(CRAWL, mapping={"filtered:duplicate": "many", "stale": "x", b"\xff": b"\xff"})
    other = Worker(frontier)
    worker.push(push(1), push(1))
    other.step()

    reply = worker.step(want=5, turn=5, slot_pages=5)
    leased = reply.leased
    assert numbers(leased) == [1]
    assert [grant.slot for grant in reply.grants] == ["a.example"]
    worker.ack(*leased, leased[0])
    frontier.reap(LONG, grace_ms=LONG)
    while frontier.sweep():
        pass
    other.finish_start()
    assert frontier.slots() == 0
    assert worker.finish_start().finished
    assert frontier.check() == ["crawl: its field \ufffd is no number"]
    server.hdel(CRAWL, b"\xff")


def test_a_foreign_number_in_the_dupe_filter_is_found_by_check_alone(frontier, worker, server):
    server.sadd(f"{ROOT}1:seen:0", "http://a.example/", "x")

    worker.push(*(push(number) for number in range(500)))  # its bucket is split

    assert worker.push(push(3)) == "0"
    assert frontier.check() == ["seen: 502 found, 500 in the ledger"]
    for key in server.keys(f"{ROOT}1:seen:*"):
        server.srem(key, "http://a.example/", "x")


def test_what_a_worker_remembers_of_its_seeds_may_be_no_msgpack(frontier, worker, server):
    server.hset(f"{ROOT}worker:{worker.token}", mapping={"scores": b"\xc1", "handed": "x", "marked": "x"})
    server.lpush(f"{ROOT}seeds:{worker.token}", "http://a.example/")
    worker.push(push(1))
    worker.lease()

    frontier.leave(worker.token)

    assert server.lrange(frontier.keys.seeds, 0, -1) == [b"http://a.example/"]


def test_what_waits_is_read_without_what_is_no_record(frontier, worker, server):
    worker.push(push(1))
    server.rpush(f"{ROOT}1:queue:0:a.example", b"x")
    server.rpush(f"{ROOT}1:suspects:a.example", b"y")
    server.zadd(f"{ROOT}1:delayed", {b"z": 1})
    server.hset(f"{ROOT}leases:{worker.token}", "f", b"z")

    found = list(PendingRequests(server, frontier.keys).read([worker.token]))

    assert [waiting.payload for waiting in found] == [b"payload 1"]
    server.hdel(f"{ROOT}leases:{worker.token}", "f")
    worker.lease(5)
    worker.lease(5)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"User-agent: *",
        zlib.compress(b"Disallow: /" * 90)[:-9],
        zlib.compress(b"x" * 600_000)[:-4],
        {"a": "hash"},
    ],
)
def test_a_robots_txt_that_is_none_is_as_if_absent_and_written_anew(server, frontier, value):
    cache, key = RobotsCache(server, frontier.keys), f"{ROOT}robots:http://a.example"
    server.hset(key, mapping=value) if isinstance(value, dict) else server.set(key, value)

    assert cache.read("http://a.example") is None
    cache.write("http://a.example", b"Disallow:")
    assert cache.read("http://a.example").body == b"Disallow:"


def test_whoever_claims_a_robots_txt_by_no_worker_s_name_does_not_keep_it(server, frontier):
    cache, key = RobotsCache(server, frontier.keys), f"{ROOT}fetching:http://a.example"
    server.lpush(key, "somebody")

    assert cache.claim("http://a.example", "one")
    assert server.ttl(key) > 0
