"""The dupe filter: it forgets nothing, invents nothing, and stays small while it grows."""

import random

import msgspec
import pytest

from scraping_project.frontier.messages import Push, blob
from scraping_project.frontier.scripts import source
from tests.support.frontier_worker import push

BUCKETS = "{links:start_urls}:1:seen:%d"


def fingerprints(number, seed=7):
    source_of_chance = random.Random(seed)
    return [str(source_of_chance.getrandbits(63)) for _ in range(number)]


def add(worker, some):
    """Marks fingerprints as seen without keeping the requests; returns the flags."""
    flags = worker.step(push=[Push(each, "a", 0, blob(b"")) for each in some]).pushed
    worker.frontier._server.delete("{links:start_urls}:1:queue:0:a")
    return flags


def counts(frontier):
    return frontier.counts()["seen"], frontier.counts()["buckets"]


@pytest.fixture(name="filtering")
def worker_whose_queue_is_thrown_away(server, frontier, worker):
    yield worker
    server.flushall()  # the ledger cannot agree


def test_two_hundred_thousand_are_all_known_and_no_other_is(filtering, frontier, server):
    known = fingerprints(200_000)
    add(filtering, known[:0])  # the server may be new, and keeps the script, too
    empty = server.info("memory")["used_memory"]
    for start in range(0, len(known), 2_000):
        assert add(filtering, known[start : start + 2_000]) == "1" * 2_000
    taken = server.info("memory")["used_memory"] - empty

    seen, buckets = counts(frontier)
    sizes = [server.scard(BUCKETS % bucket) for bucket in range(buckets)]
    assert (seen, sum(sizes)) == (200_000, 200_000)
    assert buckets == -(-200_000 // 200), "it grew by one split at a time"
    assert {server.object("encoding", BUCKETS % bucket) for bucket in range(buckets)} == {b"intset"}
    assert max(sizes) <= 512
    assert sum(server.memory_usage(BUCKETS % bucket) for bucket in range(buckets)) / 200_000 <= 10
    assert taken / 200_000 <= 10

    assert add(filtering, known[::50]) == "0" * 4_000
    assert add(filtering, fingerprints(4_000, seed=8)) == "1" * 4_000
    every = {int(each) for bucket in range(counts(frontier)[1]) for each in server.smembers(BUCKETS % bucket)}
    assert every >= {int(each) for each in known}


def test_none_is_forgotten_or_invented_from_split_to_split(filtering, frontier):
    known = fingerprints(3_000)
    for start in range(0, len(known), 100):
        assert add(filtering, known[start : start + 100]) == "1" * 100
        assert add(filtering, known[: start + 100]) == "0" * (start + 100)
    assert counts(frontier) == (3_000, 15)


def test_the_address_of_a_fingerprint_is_exact(server):
    numbers = [0, 7, 10**9 - 1, 10**9, 2**53 - 1, 2**53 + 1, 2**63 - 1, *map(int, fingerprints(500))]
    sizes = [2**power for power in range(27)]
    body = """
        local found = {}
        for index = 1, #args.numbers do
          for _, size in ipairs(args.sizes) do
            found[#found + 1] = seen_modulo(args.numbers[index], size)
          end
        end
        return found"""
    prefix = source("checkpoint").partition("-- checkpoint:")[0]
    arguments = msgspec.msgpack.encode({"numbers": [str(each) for each in numbers], "sizes": sizes})
    found = server.eval(prefix + body, 2, "{x}", "y", arguments)

    assert found == [number % size for number in numbers for size in sizes]


@pytest.mark.parametrize(
    "fingerprint",
    [
        "0",
        "7",
        "999999999",
        "1000000000",
        "1000000007",
        "5000000000000000007",
        str(2**63 - 1),
        "9007199254740993",
    ],
)
def test_fingerprints_of_any_length_are_told_apart(worker, fingerprint):
    others = [str(int(fingerprint) + offset) for offset in (-1, 1) if 0 <= int(fingerprint) + offset < 2**63]

    assert worker.push(push(fingerprint), *map(push, others)) == "1" * (1 + len(others))
    assert worker.push(push(fingerprint), *map(push, others)) == "0" * (1 + len(others))


def test_leading_zeros_make_no_other_fingerprint(worker, server):
    assert worker.push(push("0007"), push("7"), push("000"), push("0")) == "1010"
    assert server.object("encoding", BUCKETS % 0) == b"intset"


@pytest.mark.parametrize("fingerprint", ["x", "-1", "1.5", "1e9", " 1", "٣", str(2**63), "nan", "0x10"])
def test_what_is_no_fingerprint_never_reaches_a_script(fingerprint):
    with pytest.raises(ValueError, match="is no fingerprint"):
        push(fingerprint)


def test_fingerprints_that_share_their_low_bits_are_told_apart_too(filtering, frontier, server):
    chosen = [str(number << 20) for number in range(1, 20_001)]
    for start in range(0, len(chosen), 4_000):
        assert add(filtering, chosen[start : start + 4_000]) == "1" * 4_000
    others = fingerprints(3_000)
    assert add(filtering, others) == "1" * 3_000

    assert add(filtering, chosen[::10]) == "0" * 2_000
    assert add(filtering, others) == "0" * 3_000
    assert sum(server.scard(BUCKETS % bucket) for bucket in range(counts(frontier)[1])) == 23_000


def test_a_split_moves_more_than_lua_can_unpack(filtering, frontier, server):
    odd = [str(2 * number + 1) for number in range(9_000)]
    server.sadd(BUCKETS % 0, *odd)
    server.hset("{links:start_urls}:crawl", "seen", 200)

    assert add(filtering, ["2"]) == "1"

    assert (server.scard(BUCKETS % 0), server.scard(BUCKETS % 1)) == (1, 9_000)
    assert add(filtering, odd[::100]) == "0" * 90


def test_the_filter_belongs_to_its_crawl(frontier, worker):
    worker.push(push(1))
    frontier.clear()
    assert frontier.counts()["seen"] == 0


def test_a_step_hears_what_the_frontier_knows_its_own_pushes_included(worker):
    worker.push(push(1), push(3))

    reply = worker.step(push=[push(5), push(3)], look_up=["1", "2", "3", "4", "5"])

    assert (reply.pushed, reply.known) == ("10", "10101")
    assert worker.again().known == "10101"
    assert worker.push(push(2), push(4)) == "11"  # to ask for them was not to push them
