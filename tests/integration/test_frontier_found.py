"""What one worker has found is in the mirrors of the others with their next steps, without their asking."""

import pytest

from scraping_project.frontier.worker import Worker as CrawlWorker
from tests.support.frontier_worker import LONG, Worker, push

FOUND = "{links:start_urls}:1:found"
STEPS_TOLD, TOLD_A_STEP = 32, 1_000  # lua/parts/found.lua
TOLD_TO_ALL = 512
ELSEWHERE = "a:b:1:2:3"  # the token of a worker on another host


@pytest.fixture
def other(frontier, worker):
    return Worker(frontier)


def links(start, end):
    return [push(number) for number in range(start, end)]


def test_a_worker_hears_what_others_have_found_since_its_last_step(worker, other):
    worker.push(push(1), push(2))
    first = other.step()
    worker.push(push(3))
    second = other.step(found=first.found_to)

    assert (first.found, second.found) == (["1", "2"], ["3"])
    assert other.step(found=second.found_to).found == []


def test_who_comes_later_hears_what_was_found_lately(frontier, worker, other):
    worker.push(push(1))
    other.push(push(2))

    assert Worker(frontier).step().found == ["1", "2"]


def test_what_was_known_and_what_passes_the_filter_is_not_told(worker, other):
    worker.push(push(1))
    reply = other.step(push=[push(1), push(None), push(2), push(1)])

    assert worker.step(found=0).found == ["1", "2"]
    assert reply.pushed == "0110"
    assert other.step(push=[push(None)], found=reply.found_to).found_to == reply.found_to


def test_a_worker_does_not_hear_what_it_says_itself(worker, other):
    reply = worker.step(push=[push(1), push(2)])

    assert reply.found == []
    assert worker.step(found=reply.found_to).found == []


def test_an_answer_that_got_lost_is_told_again(worker, other):
    worker.push(push(1))
    other.step(push=[push(2)])
    worker.push(push(3))

    assert {"1", "3"} <= set(other.again().found)


def test_a_worker_by_itself_tells_nobody(worker, server):
    reply = worker.step(push=[push(1)])

    assert not server.exists(FOUND)
    assert (reply.found, reply.found_to) == ([], 0)


def test_what_is_told_stays_small_however_much_is_found(worker, other, server):
    for step in range(STEPS_TOLD + 5):
        worker.push(*links(10 * step, 10 * step + 3))
    worker.push(*links(10_000, 10_000 + 2 * TOLD_A_STEP))

    assert server.llen(FOUND) == STEPS_TOLD
    told = other.step().found
    assert len(told) == 3 * (STEPS_TOLD - 1) + TOLD_A_STEP
    assert told[-TOLD_A_STEP:] == [str(number) for number in range(10_000, 10_000 + TOLD_A_STEP)]


def test_where_there_are_many_each_hears_of_the_last_steps_only(worker, other, server):
    for number in range(STEPS_TOLD):
        worker.push(push(number))
    many = {f"worker {number}": 2**40 for number in range(TOLD_TO_ALL // 5 - 2)}
    server.zadd("{links:start_urls}:workers", many)

    reply = other.step()
    server.zrem("{links:start_urls}:workers", *many)

    assert reply.found == [str(number) for number in range(STEPS_TOLD - 6, STEPS_TOLD)]
    assert other.step(found=reply.found_to).found == []


def test_a_crawl_tells_nothing_of_the_last_one(frontier, worker, other):
    for number in range(5):
        worker.push(push(number))
    frontier.clear()
    after = Worker(frontier)
    another = Worker(frontier)
    another.push(push(7))

    assert after.step().found == ["7"]


def say(worker):
    step = worker.next_step()
    reply = worker.exchange(step)
    worker.confirm(step, reply)
    return reply


def test_what_was_heard_is_known_until_the_worker_joins_anew(frontier):
    hearing = CrawlWorker(frontier, rules="{}", seeds="[]", lease_ms=LONG)
    hearing.join()
    telling = Worker(frontier, token=ELSEWHERE)
    for number in (1, 2):
        telling.push(push(number))
        assert say(hearing).found == [str(number)]
        assert str(number) in hearing.mirror
    step = hearing.next_step()
    assert hearing.exchange(hearing.lighten(step)).found == []

    frontier.clear()
    hearing.drop_outgoing()
    hearing.join()

    assert "1" not in hearing.mirror
    Worker(frontier, token=ELSEWHERE).push(push(3))
    say(hearing)
    assert "3" in hearing.mirror
