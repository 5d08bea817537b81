"""A worker's place among the workers of a frontier: joined again, kept, and given up."""

import asyncio
from contextlib import suppress

import pytest

from scraping_project.frontier.errors import (
    CrawlFollowed,
    CrawlOver,
    FrontierUnavailable,
    SetBack,
    WorkerReaped,
)
from tests.support.noting_frontier import NotingFrontier, crawler_of, session_of


@pytest.fixture(name="frontier")
def a_frontier():
    return NotingFrontier()


@pytest.fixture(name="membership")
def a_membership(tmp_path, frontier):
    session = session_of(crawler_of(tmp_path), frontier)
    session.membership._client = object()
    yield session.membership
    session.lifecycle._database.dispose()


def test_a_reaped_worker_joins_its_crawl_again_under_a_new_token(membership, frontier):
    token = membership.worker.token

    membership.join_again(WorkerReaped("silent"), any_crawl=False)

    assert membership.worker.token != token
    assert (frontier.joins, frontier.leaves) == (2, 0)


@pytest.mark.parametrize("left", [{"discovered": 5, "done": 5}, {}])
def test_a_reaped_worker_does_not_begin_the_next_crawl(membership, frontier, left):
    frontier.left = left
    if not left:
        frontier.crawl_id = "another"

    with pytest.raises(CrawlFollowed):
        membership.join_again(WorkerReaped("silent"), any_crawl=False)

    assert frontier.joins == 1


def test_a_worker_that_waits_for_seeds_joins_whatever_crawl_there_is(membership, frontier):
    frontier.crawl_id = "another"

    membership.join_again(CrawlFollowed("finished"), any_crawl=True)

    assert frontier.joins == 2


def test_a_worker_of_a_crawl_that_is_over_ends_and_gives_back_taken_seeds(membership, frontier):
    over = CrawlOver("cleared")

    with pytest.raises(CrawlOver) as raised:
        membership.join_again(over, any_crawl=False)

    assert raised.value is over
    assert (frontier.joins, frontier.leaves) == (1, 1)


def test_what_an_older_frontier_still_leases_is_given_back_before_the_worker_joins_again(
    membership, frontier
):
    membership.join_again(SetBack("older"), any_crawl=False)

    assert (frontier.joins, frontier.leaves) == (2, 1)


def test_a_worker_that_never_joined_has_nothing_to_abandon(membership, frontier):
    membership.worker.joined = None

    membership.abandon()

    assert frontier.leaves == 0


def test_a_worker_abandons_what_it_holds_once(membership, frontier):
    membership.abandon()
    membership.abandon()

    assert frontier.leaves == 1


def test_leases_that_cannot_be_given_back_end_by_themselves(membership, frontier, caplog):
    def leave(*_):
        raise FrontierUnavailable("no answer")

    frontier.leave = frontier.rest = leave

    assert membership.leave() == 0
    assert "end by themselves" in caplog.text


def test_the_dead_are_looked_after_again_once_redis_is_back(membership, monkeypatch):
    looks = [FrontierUnavailable("no answer"), ["dead"]]

    def tend():
        look = looks.pop(0) if looks else []
        if isinstance(look, Exception):
            raise look
        return look

    monkeypatch.setattr(membership.worker, "tend", tend)
    monkeypatch.setattr("scraping_project.worker.run_record.lose", lambda *_: None)
    membership._lease_ms = 4

    async def until_reaped():
        reaped = asyncio.Event()
        tending = asyncio.create_task(membership._tend(reaped.set))
        await asyncio.wait_for(reaped.wait(), 20)
        tending.cancel()
        with suppress(asyncio.CancelledError):
            await tending

    asyncio.run(until_reaped())
    assert looks == []
