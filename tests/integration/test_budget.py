"""How many pages a worker takes the crawl to lack when its own answers were dropped, or unheard."""

import asyncio
from types import SimpleNamespace

import pytest
from scrapy import Request
from scrapy.http import Response
from scrapy.signalmanager import SignalManager
from scrapy.statscollectors import MemoryStatsCollector
from scrapy.utils.project import get_project_settings
from scrapy.utils.test import get_crawler

from scraping_project.attempts.log import AttemptLog
from scraping_project.frontier.errors import FrontierUnavailable
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.worker import Worker
from scraping_project.frontier.worker_tokens import new_token
from scraping_project.tuning.garbage_collection import Garbage
from scraping_project.worker.session import Checkpoint
from tests.support import frontier_worker
from tests.support.frontier_worker import LONG, end, push

MOST = 9
BODY = b"a page"


class Buffers:
    """Leases three requests at a time, and begins them when it is told to."""

    idle = False

    def __init__(self):
        self.leased = []

    def wishes(self, *_):
        return {"want": 3 - len(self.leased), "turn": 3, "max_pages": MOST}

    def receive(self, heard, _):
        self.leased += heard.leased

    def drop(self):
        self.leased.clear()


class HardOfHearing(Frontier):
    """Executes a step and says that Redis does not answer, when that is asked for."""

    deaf = False

    def checkpoint(self, step):
        heard = super().checkpoint(step)
        if self.deaf:
            self.deaf = False
            raise FrontierUnavailable("no answer")
        return heard


@pytest.fixture(name="frontier")
def a_frontier(server):
    return HardOfHearing(server, Keys("links"))


class Listening:
    """Garbage that notes how many bytes of pages it is told of, at each commit."""

    def __init__(self):
        self.heard = []

    def settled(self, received):
        self.heard.append(received)


@pytest.fixture(name="checkpoint")
def the_checkpoint_of_a_worker(frontier, tmp_path):
    settings = get_project_settings().copy()
    settings.set("DATABASE_URL", f"sqlite:///{tmp_path}/crawl.db")
    crawler = SimpleNamespace(
        settings=settings,
        stats=MemoryStatsCollector(get_crawler()),
        signals=SignalManager(),
        spider=SimpleNamespace(crawl_arguments=("max_pages",), max_pages=MOST),
        engine=SimpleNamespace(scheduler=Buffers(), _slot=None),
    )
    log = AttemptLog(crawler)
    crawler.get_extension = {AttemptLog: log, Garbage: Listening()}.get
    checkpoint = Checkpoint(crawler)
    checkpoint.membership.worker = Worker(frontier, rules="{}", seeds="[]", lease_ms=LONG)
    checkpoint.worker.join()
    checkpoint.worker.said.push.extend(push(number) for number in range(20))
    assert commit(checkpoint)
    yield checkpoint
    checkpoint.life._database.dispose()


def commit(checkpoint):
    return asyncio.run(checkpoint.life._commit())


def answer_all(checkpoint):
    """Has every leased request answered; what was said of them is committed with the next step."""
    leased = checkpoint._commits._buffers.leased
    for each in leased:
        request = Request(f"https://a.example/{each.id}")
        checkpoint._commits.log.attempts.begin(request, str(each.id), each.attempt, leased=each)
        checkpoint._commits.log.attempts.of(request).result = Response(
            request.url, body=BODY, request=request
        )
    leased.clear()


def test_a_page_counts_from_its_answer_and_once(checkpoint):
    assert checkpoint.budget == MOST
    answer_all(checkpoint)
    assert commit(checkpoint)

    assert (checkpoint._commits.answered.pages, checkpoint.budget) == (3, MOST - 3)


def test_a_commit_tells_how_many_bytes_of_pages_are_settled_and_no_longer_needed(checkpoint):
    answer_all(checkpoint)
    assert commit(checkpoint)

    assert checkpoint._commits._garbage.heard == [0, 3 * len(BODY)]


@pytest.mark.parametrize("executed", [False, True])
def test_what_a_reaped_worker_said_counts_by_the_ledger_alone(checkpoint, frontier, executed):
    # Given three answers, of which the frontier may know when the worker is reaped
    answer_all(checkpoint)
    frontier.deaf = executed
    if executed:
        assert not commit(checkpoint)
        assert checkpoint.budget == MOST - 3
    frontier.reap(LONG, gone=[checkpoint.worker.token], grace_ms=LONG)

    # When the worker goes on under a new token
    assert not commit(checkpoint)

    # Then those that others are to answer again are lacking, from the join and from the next answer
    known = 3 if executed else 0
    assert (checkpoint._commits.answered.pages, checkpoint.budget) == (known, MOST - known)
    assert commit(checkpoint)
    assert (checkpoint._commits.answered.pages, checkpoint.budget) == (known, MOST - known)
    answer_all(checkpoint)
    assert commit(checkpoint)
    assert (checkpoint._commits.answered.pages, checkpoint.budget) == (known + 3, MOST - known - 3)
    assert frontier.counts()["pages"] == known + 3


def test_what_others_have_answered_meanwhile_counts_from_the_join(checkpoint, frontier):
    # Given a worker that is reaped, and another that has three pages answered since
    frontier.reap(LONG, gone=[checkpoint.worker.token], grace_ms=LONG)
    other = frontier_worker.Worker(frontier, token=new_token())
    other.step(ack=[end(each) for each in other.lease(3)], pages=3)

    # When it joins again
    assert not commit(checkpoint)

    # Then it knows of them before its next step
    assert (checkpoint._commits.answered.pages, checkpoint.budget) == (3, MOST - 3)


def test_nothing_of_a_cleared_crawl_counts_in_the_next(checkpoint, frontier):
    # Given three answered pages of a crawl that is then cleared
    answer_all(checkpoint)
    assert commit(checkpoint)
    frontier.clear()
    checkpoint.life.waits_for_seeds = True

    # When the worker joins the next crawl
    assert not commit(checkpoint)

    # Then all of its pages are lacking
    assert (checkpoint._commits.answered.pages, checkpoint.budget) == (0, MOST)
