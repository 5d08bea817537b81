"""A worker's seeds lie in its own list until they are pushed, and go back to what they came from."""

import asyncio
import random
from itertools import islice

import pytest
from redis.exceptions import OutOfMemoryError, ResponseError

from scraping_project.frontier import seeds
from scraping_project.frontier.connection import connect_async
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.messages import blob
from scraping_project.frontier.seeds import SeedQueue
from tests.support.frontier_worker import LONG, Worker, kill

KEY = Keys("links").seeds


PUSHES = {b"set": ["SADD", KEY], b"zset": ["ZADD", KEY, "3"], b"list": ["LPUSH", KEY]}


def members(server):
    return {
        b"set": lambda: server.smembers(KEY),
        b"zset": lambda: set(server.zrange(KEY, 0, -1)),
        b"list": lambda: set(server.lrange(KEY, 0, -1)),
    }[server.type(KEY)]()


@pytest.fixture(autouse=True)
def impatience(monkeypatch):
    monkeypatch.setattr(seeds, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(seeds, "BLOCK_SECONDS", 0.1)


async def taken_from(server, token, most, polls):
    async with connect_async("redis://{host}:{port}/{db}".format(**server.get_connection_kwargs())) as client:
        iterator = aiter(SeedQueue(client, Keys("links"), lambda: token, polls=polls))
        found = [await anext(iterator) for _ in range(most)]
        await iterator.aclose()
        return found


def take(server, worker, most, *, polls=True):
    return asyncio.run(taken_from(server, worker.token, most, polls))


def own(worker):
    return Keys("links").of("seeds", worker.token)


@pytest.mark.parametrize("polls", [True, False])
def test_a_set_is_taken_whole_and_goes_back_to_a_set(frontier, worker, server, polls):
    server.sadd(KEY, "a", "b", "c")

    assert sorted(take(server, worker, 3, polls=polls)) == [b"a", b"b", b"c"]
    assert server.exists(KEY) == 0

    kill(frontier, worker)
    assert server.smembers(KEY) == {b"a", b"b", b"c"}
    assert server.exists(own(worker)) == 0


@pytest.mark.parametrize("polls", [True, False])
def test_a_sorted_set_is_taken_as_scrapy_redis_does_and_goes_back_with_its_scores(
    frontier, worker, server, polls
):
    scores = {"low": -1.5, "high": 1e300, "b": 2, "a": 2, "highest": float("inf")}
    server.zadd(KEY, scores)
    order = server.zrevrange(KEY, 0, -1)

    assert take(server, worker, 5, polls=polls) == order
    assert server.exists(KEY) == 0

    frontier.leave(worker.token)
    assert dict(server.zrange(KEY, 0, -1, withscores=True)) == {
        name.encode(): score for name, score in scores.items()
    }


def test_polling_takes_a_list_too_in_its_order(frontier, worker, server):
    server.lpush(KEY, "first", "second", "third")

    assert take(server, worker, 3) == [b"first", b"second", b"third"]

    kill(frontier, worker)
    assert server.lrange(KEY, 0, -1) == [b"third", b"second", b"first"]


def test_only_so_many_are_held_at_a_time_and_the_highest_first(frontier, worker, server):
    server.zadd(KEY, {f"{number}": number for number in range(250)})

    first = take(server, worker, 100)

    assert server.llen(own(worker)) == 100
    assert server.zcard(KEY) == 150
    assert first == [b"%d" % number for number in islice(range(249, -1, -1), 100)]
    worker.step(taken=[blob(seed) for seed in first[:60]])
    again = take(server, worker, 100)
    assert again[:40] == first[60:]  # it begins with what it holds
    assert again[40:] == [b"%d" % number for number in range(149, 89, -1)]
    kill(frontier, worker)
    assert server.zcard(KEY) == 190
    assert server.zscore(KEY, "170") == 170
    assert server.zscore(KEY, "90") == 90


@pytest.mark.parametrize("kind", PUSHES)
def test_a_worker_that_holds_enough_takes_no_more(worker, server, kind):
    server.rpush(own(worker), *(f"held {number}" for number in range(100)))
    server.execute_command(*PUSHES[kind], "seed")

    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(taken_from(server, worker.token, 101, polls=True), 0.5))

    assert members(server) == {b"seed"}


def test_what_was_pushed_does_not_go_back(frontier, worker, server):
    server.sadd(KEY, "a", "b")
    first, second = take(server, worker, 2)
    worker.step(taken=[blob(first)])

    kill(frontier, worker)

    assert server.smembers(KEY) == {second}


@pytest.mark.parametrize("was", PUSHES)
@pytest.mark.parametrize("became", PUSHES)
def test_seeds_go_back_to_whatever_the_key_has_become(frontier, worker, server, was, became):
    server.execute_command(*PUSHES[was], "seed")
    take(server, worker, 1)
    server.execute_command(*PUSHES[became], "new")

    kill(frontier, worker)

    assert server.type(KEY) == became
    assert members(server) == {b"seed", b"new"}


def test_a_score_that_was_given_meanwhile_stays(frontier, worker, server):
    server.zadd(KEY, {"seed": 3})
    take(server, worker, 1)
    server.zadd(KEY, {"seed": 8})

    kill(frontier, worker)

    assert server.zrange(KEY, 0, -1, withscores=True) == [(b"seed", 8.0)]


def test_seeds_wait_with_the_dead_while_something_else_has_their_key(frontier, worker, server):
    server.sadd(KEY, "seed")
    take(server, worker, 1)
    server.set(KEY, "oops")
    other = Worker(frontier)

    kill(frontier, worker)
    assert server.get(KEY) == b"oops"
    assert server.lrange(own(worker), 0, -1) == [b"seed"]

    server.delete(KEY)
    frontier.reap(LONG, grace_ms=LONG)
    assert server.exists(own(worker)) == 0
    assert server.exists(KEY) == 1
    frontier.leave(other.token)


def test_a_key_of_another_type_is_refused_by_its_name(worker, server):
    server.set(KEY, "oops")

    for polls in (True, False):
        with pytest.raises(ResponseError, match=f"{KEY} is a string, no list, set or sorted set of seeds"):
            take(server, worker, 1, polls=polls)


def test_a_worker_that_was_reaped_takes_nothing(frontier, worker, server):
    kill(frontier, worker)
    server.sadd(KEY, "seed")

    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(taken_from(server, worker.token, 1, polls=True), 0.3))

    assert server.smembers(KEY) == {b"seed"}


@pytest.mark.parametrize("polls", [True, False])
def test_who_is_told_to_end_ends_whatever_it_was_doing(worker, server, polls):
    async def told_to_end():
        for _ in range(100):
            asking = asyncio.create_task(taken_from(server, worker.token, 1, polls=polls))
            await asyncio.sleep(random.uniform(0, 0.05))
            asking.cancel()
            ended, _ = await asyncio.wait([asking], timeout=2)
            assert ended

    asyncio.run(told_to_end())


@pytest.mark.parametrize("push", [["SADD", KEY], ["ZADD", KEY, "1"]])
def test_a_redis_that_is_full_moves_no_seed(worker, server, push):
    server.execute_command(*push, "seed")
    server.config_set("maxmemory", 1)
    try:
        with pytest.raises((OutOfMemoryError, ResponseError), match="maxmemory"):
            take(server, worker, 1)
    finally:
        server.config_set("maxmemory", 0)

    assert server.exists(KEY) == 1
    assert server.exists(own(worker)) == 0


@pytest.mark.parametrize("polls", [True, False])
def test_who_asks_again_begins_with_what_a_lost_reply_has_left(worker, server, polls):
    server.rpush(own(worker), "second", "first")
    server.sadd(KEY, "third")

    assert take(server, worker, 3, polls=polls) == [b"first", b"second", b"third"]


@pytest.mark.parametrize("polls", [True, False])
@pytest.mark.parametrize("kind", PUSHES)
def test_of_a_seed_that_is_too_long_no_more_is_held_than_shows_that_it_is(worker, server, kind, polls):
    server.execute_command(*PUSHES[kind], b"x" * 3_000_000)

    (seed,) = take(server, worker, 1, polls=polls)

    with pytest.raises(seeds.SeedError, match="at most"):
        seeds.parse(seed)
    assert len(seed) == seeds.MAX_SEED + 1
    assert server.lrange(own(worker), 0, -1) == [seed]
    worker.step(taken=[blob(seed)])
    assert server.exists(own(worker), KEY) == 0


def test_a_seed_that_is_too_long_and_was_left_in_the_worker_s_list_is_shortened_there(worker, server):
    server.rpush(own(worker), b"newer", b"x" * 3_000_000, b"older")

    older, long, newer = take(server, worker, 3)

    assert (older, len(long), newer) == (b"older", seeds.MAX_SEED + 1, b"newer")
    assert server.lrange(own(worker), 0, -1) == [newer, long, older]
