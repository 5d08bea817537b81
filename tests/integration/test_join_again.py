"""What becomes of a worker whose place is gone: it joins again, unless its crawl is no more."""

import subprocess
import sys

import pytest
from scrapy.utils.project import get_project_settings

from scraping_project.frontier.errors import (
    CrawlFollowed,
    CrawlOver,
    FrontierUnavailable,
    SetBack,
    WorkerReaped,
)
from scraping_project.frontier.worker import Worker
from scraping_project.worker.membership import Membership
from scraping_project.worker.pace import Pace
from tests.support import frontier_worker
from tests.support.frontier_worker import LONG, ledger_of, push


@pytest.fixture(name="membership")
def a_place_with_three_leases_of_five(frontier):
    settings = get_project_settings()
    membership = Membership(settings, Pace.from_settings(settings), database=None)
    worker = membership.worker = Worker(frontier, rules="{}", seeds="[]", lease_ms=LONG)
    worker.join()
    worker.outgoing.push.extend(push(number) for number in range(5))
    say(worker)
    say(worker, want=3, turn=3)
    return membership


def say(worker, **demand):
    step = worker.next_step(**demand)
    worker.confirm(step, worker.exchange(step))


def reap(frontier, worker):
    assert frontier.reap(LONG, gone=[worker.token], grace_ms=LONG) == [worker.token]
    return WorkerReaped("silent for too long")


def finish(frontier):
    other = frontier_worker.Worker(frontier, token="a:b:1:2:3")
    other.ack(*other.lease(5))
    other.finish_start()
    frontier.leave(other.token)


def test_a_reaped_worker_goes_on_with_its_crawl_under_another_token(membership, frontier):
    before, token = membership.worker.joined, membership.worker.token

    joined = membership.join_again(reap(frontier, membership.worker), any_crawl=False)

    assert (joined.crawl_id, joined.queued) == (before.crawl_id, 5)
    assert frontier.tokens() == [membership.worker.token] != [token]


def test_a_worker_whose_crawl_others_have_finished_begins_no_other(membership, frontier):
    lost = reap(frontier, membership.worker)
    finish(frontier)

    with pytest.raises(CrawlFollowed):
        membership.join_again(lost, any_crawl=False)
    assert membership.join_again(lost, any_crawl=True).began


def test_a_worker_whose_crawl_was_cleared_gives_back_its_seeds_and_begins_no_other(
    membership, frontier, server
):
    keys = frontier.keys
    frontier.clear()
    server.lpush(keys.of("seeds", membership.worker.token), "a seed that was on its way")
    lost = CrawlOver("the crawl was cleared")

    with pytest.raises(CrawlOver) as raised:
        membership.join_again(lost, any_crawl=False)
    assert raised.value is lost
    assert frontier.tokens() == []
    assert server.lrange(keys.seeds, 0, -1) == [b"a seed that was on its way"]
    assert membership.join_again(lost, any_crawl=True).began


def test_what_an_older_frontier_has_as_leased_is_given_back_before_the_worker_joins_again(
    membership, frontier
):
    joined = membership.join_again(SetBack("an older frontier"), any_crawl=False)

    assert joined.queued == 5
    assert ledger_of(frontier)["leased"] == 0
    assert frontier.tokens() == [membership.worker.token]


def test_a_dead_neighbour_is_known_though_the_answer_about_it_was_lost(frontier, monkeypatch):
    code = "from scraping_project.frontier.worker_tokens import new_token; print(new_token())"
    token = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    dead = frontier_worker.Worker(frontier, token=token.strip())
    worker = Worker(frontier, rules="{}", seeds="[]", lease_ms=LONG)
    reap = frontier.reap

    def reap_and_lose_the_answer(*arguments, **named):
        monkeypatch.undo()
        reap(*arguments, **named)
        raise FrontierUnavailable("Connection closed by server.")

    monkeypatch.setattr(frontier, "reap", reap_and_lose_the_answer)
    with pytest.raises(FrontierUnavailable):
        worker.join()
    worker.join()

    assert set(worker.reaped) == {dead.token}
    assert frontier.tokens() == [worker.token]
