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

from scraping_project.frontier.errors import FrontierUnavailable
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.worker import Worker
from scraping_project.frontier.worker_tokens import new_token
from scraping_project.tuning.garbage_collection import GarbageCollection
from scraping_project.worker.session import WorkerSession
from tests.support import frontier_worker
from tests.support.frontier_worker import LONG, end, push

MOST = 9
BODY = b"a page"


class Buffers:
    """Leases three requests at a time, and begins them when it is told to."""

    idle = False

    def __init__(self):
        self.leased = []

    def demand(self, *_):
        return {"want": 3 - len(self.leased), "turn": 3, "max_pages": MOST}

    def receive(self, reply, _):
        self.leased += reply.leased

    def drop(self):
        self.leased.clear()


class HardOfHearing(Frontier):
    """Executes a step and says that Redis does not answer, when that is asked for."""

    deaf = False

    def checkpoint(self, step):
        reply = super().checkpoint(step)
        if self.deaf:
            self.deaf = False
            raise FrontierUnavailable("no answer")
        return reply


@pytest.fixture(name="frontier")
def a_frontier(server):
    return HardOfHearing(server, Keys("links"))


class Listening:
    """GarbageCollection that notes how many bytes of pages it is told of, at each commit."""

    def __init__(self):
        self.settled_bytes = []

    def settled(self, received):
        self.settled_bytes.append(received)


@pytest.fixture(name="session")
def the_checkpoint_of_a_worker(frontier, tmp_path):
    settings = get_project_settings().copy()
    settings.set("DATABASE_URL", f"sqlite:///{tmp_path}/crawl.db")
    crawler = SimpleNamespace(
        settings=settings,
        stats=MemoryStatsCollector(get_crawler()),
        signals=SignalManager(),
        spider=SimpleNamespace(crawl_arguments=("max_pages",), max_pages=MOST),
        engine=SimpleNamespace(_slot=None),
        get_extension={GarbageCollection: Listening()}.get,
    )
    session = WorkerSession(crawler)
    session.attach(Buffers())
    session.membership.worker = Worker(frontier, rules="{}", seeds="[]", lease_ms=LONG)
    session.worker.join()
    session.worker.outgoing.push.extend(push(number) for number in range(20))
    assert commit(session)
    yield session
    session.lifecycle._database.dispose()


def commit(session):
    return asyncio.run(session.lifecycle._commit())


def answer_all(session):
    """Has every leased request answered; what was said of them is committed with the next step."""
    leased = session._commits.buffers.leased
    for each in leased:
        request = Request(f"https://a.example/{each.id}")
        session.log.attempts.begin(request, str(each.id), each.attempt, leased=each)
        session.log.attempts.of(request).result = Response(request.url, body=BODY, request=request)
    leased.clear()


def test_a_page_counts_from_its_answer_and_once(session):
    assert session.budget == MOST
    answer_all(session)
    assert commit(session)

    assert (session._commits.page_budget.pages, session.budget) == (3, MOST - 3)


def test_a_commit_tells_how_many_bytes_of_pages_are_settled_and_no_longer_needed(session):
    answer_all(session)
    assert commit(session)

    assert session._commits._garbage.settled_bytes == [0, 3 * len(BODY)]


@pytest.mark.parametrize("executed", [False, True])
def test_what_a_reaped_worker_said_counts_by_the_ledger_alone(session, frontier, executed):
    # Given three answers, of which the frontier may know when the worker is reaped
    answer_all(session)
    frontier.deaf = executed
    if executed:
        assert not commit(session)
        assert session.budget == MOST - 3
    frontier.reap(LONG, gone=[session.worker.token], grace_ms=LONG)

    # When the worker goes on under a new token
    assert not commit(session)

    # Then those that others are to answer again are lacking, from the join and from the next answer
    known = 3 if executed else 0
    assert (session._commits.page_budget.pages, session.budget) == (known, MOST - known)
    assert commit(session)
    assert (session._commits.page_budget.pages, session.budget) == (known, MOST - known)
    answer_all(session)
    assert commit(session)
    assert (session._commits.page_budget.pages, session.budget) == (known + 3, MOST - known - 3)
    assert frontier.counts()["pages"] == known + 3


def test_what_others_have_answered_meanwhile_counts_from_the_join(session, frontier):
    # Given a worker that is reaped, and another that has three pages answered since
    frontier.reap(LONG, gone=[session.worker.token], grace_ms=LONG)
    other = frontier_worker.Worker(frontier, token=new_token())
    other.step(ack=[end(each) for each in other.lease(3)], pages=3)

    # When it joins again
    assert not commit(session)

    # Then it knows of them before its next step
    assert (session._commits.page_budget.pages, session.budget) == (3, MOST - 3)


def test_nothing_of_a_cleared_crawl_counts_in_the_next(session, frontier):
    # Given three answered pages of a crawl that is then cleared
    answer_all(session)
    assert commit(session)
    frontier.clear()
    session.lifecycle.waits_for_seeds = True

    # When the worker joins the next crawl
    assert not commit(session)

    # Then all of its pages are lacking
    assert (session._commits.page_budget.pages, session.budget) == (0, MOST)
