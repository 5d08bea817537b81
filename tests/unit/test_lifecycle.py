"""A run's life: why it ends, and what it leaves behind."""

import asyncio

import pytest
from scrapy.exceptions import CloseSpider, DontCloseSpider

from scraping_project import scrapy_internals
from scraping_project.embedded import RedisUnavailable
from scraping_project.frontier.errors import CrawlFollowed, CrawlOver, FrontierRefused, WorkerReaped
from scraping_project.frontier.messages import Push, blob
from scraping_project.worker import lifecycle as module
from tests.support.noting_frontier import NotingFrontier, crawler_of, reply, session_of


class Idle:
    """A scheduler with nothing to do."""

    idle = True

    def demand(self, *_):
        return {}

    def receive(self, reply, step):
        pass

    def drop(self):
        pass


@pytest.fixture(name="session_with")
def sessions(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "GAP", 0)
    monkeypatch.setattr(module, "PAUSE", 0)
    made = []

    def build(frontier, **settings):
        session = session_of(crawler_of(tmp_path, CHECKPOINT_INTERVAL=0.01, **settings), frontier)
        session.attach(Idle())
        made.append(session)
        return session

    yield build
    for session in made:
        session.lifecycle._database.dispose()


def crawler(session):
    return session.lifecycle._crawler


def run(session, started=True):
    """The commits of a run, until it has closed its spider and left."""
    life = session.lifecycle
    life.started = started

    async def until_closed():
        life._stop_asked = asyncio.get_running_loop().time()
        life._loop = asyncio.create_task(life._run())
        await life._loop
        await life._ending

    asyncio.run(asyncio.wait_for(until_closed(), 20))
    return crawler(session).engine.closed


def test_a_run_ends_when_the_crawl_is_finished_and_leaves(session_with):
    frontier = NotingFrontier(replies=[reply(queued=1), reply(), reply(finished=True)])
    session = session_with(frontier)

    assert run(session) == ["finished"]
    assert (frontier.leaves, frontier.rests) == (1, 1)


def test_a_run_whose_start_failed_ends_with_that_reason(session_with):
    session = session_with(NotingFrontier(replies=[reply(finished=True)]))
    crawler(session).engine._start_error = True

    assert run(session) == ["start_error"]


def test_a_run_that_waits_for_seeds_does_not_end_with_the_crawl(session_with):
    session = session_with(NotingFrontier(replies=[reply(finished=True)]))
    session.lifecycle.started = session.lifecycle.waits_for_seeds = True

    assert asyncio.run(session.lifecycle._commit())
    assert session.lifecycle._reason_to_end() is None


def test_a_run_whose_start_requests_are_not_all_queued_does_not_end(session_with):
    session = session_with(NotingFrontier(replies=[reply(finished=True)]))

    assert asyncio.run(session.lifecycle._commit())
    assert session.lifecycle._reason_to_end() is None


def test_a_run_ends_when_the_crawl_has_its_pages(session_with):
    session = session_with(
        NotingFrontier(replies=[reply(queued=5, pages=3)]), RUN_ARGUMENTS={"max_pages": "3"}
    )

    assert run(session) == ["max_pages"]


@pytest.mark.parametrize(
    ("over", "reason"), [(CrawlFollowed("finished by others"), "finished"), (CrawlOver("cleared"), "cleared")]
)
def test_a_run_ends_when_its_crawl_is_no_more(session_with, over, reason):
    assert run(session_with(NotingFrontier(over))) == [reason]


def test_a_run_that_lost_its_place_joins_again_and_goes_on(session_with):
    frontier = NotingFrontier(WorkerReaped("silent"), replies=[reply(finished=True)])

    assert run(session_with(frontier)) == ["finished"]
    assert frontier.joins == 2


@pytest.mark.parametrize(
    ("error", "text"), [(ValueError("a fault"), "ValueError: a fault"), (FrontierRefused("ERR no"), "ERR no")]
)
def test_a_fault_ends_the_run_with_its_reason_and_gives_back_what_is_held(session_with, error, text):
    frontier = NotingFrontier(*[error] * 3)
    session = session_with(frontier)

    assert run(session) == ["fault"]
    assert text in crawler(session).stats.get_value("run/error")
    assert frontier.leaves == 1


def test_what_waits_is_sent_before_the_run_leaves(session_with):
    frontier = NotingFrontier(replies=[reply(finished=True)])
    session = session_with(frontier)
    session.lifecycle._ended_by = "cancelled"
    session.push(Push("1", "a.example", 0, blob(b"a request")))

    assert run(session) == ["cancelled"]
    assert [push.fingerprint for push in frontier.pushed] == ["1"]


def test_an_end_that_takes_too_long_is_cut_short_and_given_back(session_with, monkeypatch):
    frontier = NotingFrontier()
    session = session_with(frontier)
    stopped = []
    monkeypatch.setattr(module, "LAST_PATIENCE", -1.0)
    monkeypatch.setattr(scrapy_internals, "stop_now", stopped.append)
    crawler(session).engine.begin_to_close()
    life = session.lifecycle

    async def commit_until_cut():
        life._stop_asked = asyncio.get_running_loop().time()
        await life._run()

    asyncio.run(asyncio.wait_for(commit_until_cut(), 20))

    assert stopped == [crawler(session)]
    assert frontier.leaves == 1
    assert crawler(session).stats.get_value("frontier/cut_short") == "shutdown"


def test_an_idle_spider_stays_and_sends_what_waits(session_with):
    session = session_with(NotingFrontier())
    session.worker.outgoing.count_filtered("offsite")

    with pytest.raises(DontCloseSpider):
        session.lifecycle.spider_idle()

    assert session.lifecycle.started
    assert session.lifecycle._due.is_set()


def test_a_run_that_cannot_begin_is_refused_with_what_is_in_the_way(session_with, monkeypatch):
    session = session_with(NotingFrontier())
    monkeypatch.setattr(scrapy_internals, "before_forced_stop", lambda _: None)

    runs = []

    def connect(_, *, run):
        runs.append(run)
        raise RedisUnavailable("there is no Redis: start one")

    monkeypatch.setattr(session.membership, "connect", connect)

    with pytest.raises(CloseSpider) as refused:
        asyncio.run(session.lifecycle.spider_opened(crawler(session).spider))

    assert refused.value.reason == "refused"
    assert crawler(session).stats.get_value("run/error") == "there is no Redis: start one"
    assert runs == [session.lifecycle._commits.log.run_id]
    assert runs[0]


def test_a_run_that_ends_by_force_joins_no_more_when_a_step_finds_its_place_given_up(session_with):
    frontier = NotingFrontier(WorkerReaped("it has left"))
    session = session_with(frontier)

    session.lifecycle._end_by_force()

    assert not asyncio.run(session.lifecycle._commit())
    assert frontier.joins == 1
