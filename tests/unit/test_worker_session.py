"""The group commit, with a scheduler and a frontier that note what is said."""

import asyncio
from types import SimpleNamespace

import pytest
from scrapy.signalmanager import SignalManager
from scrapy.statscollectors import MemoryStatsCollector
from scrapy.utils.project import get_project_settings
from scrapy.utils.test import get_crawler

from scraping_project.frontier.errors import CrawlFollowed, FrontierUnavailable, SetBack, WorkerReaped
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.messages import Ask, Ledger, Push, Reply, blob
from scraping_project.frontier.replies import Crawl, Joined
from scraping_project.frontier.worker import Worker
from scraping_project.storage.errors import DatabaseUnavailable
from scraping_project.worker.session import WorkerSession

LEDGER = Ledger(discovered=0, queued=0, delayed=0, leased=0, done=0, dead=0, pages=0, paused=False)
HEARD = Reply(now_ms=0, pushed="", leased=[], ledger=LEDGER, letters={}, finished=False)


class Buffers:
    """A scheduler that has something else to say each time it is asked."""

    idle = True

    def __init__(self):
        self.outgoing = []

    def demand(self, *_):
        self.outgoing.append(Ask(f"{len(self.outgoing)}.example"))
        return {"asks": [self.outgoing[-1]]}

    def receive(self, reply, step):
        pass

    def drop(self):
        pass


class Frontier:
    """A frontier that fails as it is told to, and then hears all."""

    def __init__(self, *failures):
        self.failures = list(failures)
        self.keys = Keys("links")
        self.reply = []
        self.pushed = []
        self.joins = 0

    def counts(self):
        return {"epoch": 1}

    def crawl(self):
        return Crawl(epoch=1, id="crawl", rules="{}", seeds="")

    def rest(self):
        pass

    def leave(self, _):
        return 0

    def members(self):
        return []

    def join(self, *_, **__):
        self.joins += 1
        return Joined(epoch=1, crawl_id="crawl", began=True, queued=0, pages=0, alone=True)

    def checkpoint(self, step):
        if self.failures:
            raise self.failures.pop()
        self.reply.extend(step.asks)
        self.pushed.extend(step.push)
        return HEARD


def session_of(buffers, frontier, folder):
    crawler = SimpleNamespace(
        settings=get_project_settings().copy(),
        stats=MemoryStatsCollector(get_crawler()),
        engine=SimpleNamespace(_slot=None),
        signals=SignalManager(),
        get_extension=lambda _: None,
    )
    crawler.settings.set("DATABASE_URL", f"sqlite:///{folder}/crawl.db")
    session = WorkerSession(crawler)
    session.attach(buffers)
    session.membership.worker = Worker(frontier, rules="", seeds="", lease_ms=60_000)
    session.worker.join()
    return session


async def committed(session, times):
    return [await session.lifecycle._commit() for _ in range(times)]


@pytest.mark.parametrize("away", ["redis", "database"])
def test_nothing_that_is_said_of_the_slots_is_lost_while_a_step_has_no_answer(away, monkeypatch, tmp_path):
    buffers = Buffers()
    frontier = Frontier(*[FrontierUnavailable("no answer")] * 2 * (away == "redis"))
    session = session_of(buffers, frontier, tmp_path)
    rows = [DatabaseUnavailable("no answer")] * 2 * (away == "database")

    def commit():
        if rows:
            raise rows.pop()

    monkeypatch.setattr(session.writer, "commit", commit)

    assert asyncio.run(committed(session, 4)) == [False, False, True, True]
    assert [ask.slot for ask in frontier.reply] == ["0.example", "1.example"]
    assert frontier.reply == buffers.outgoing


@pytest.mark.parametrize(
    ("lost", "again"),
    [(WorkerReaped("silent"), True), (SetBack("older"), True), (CrawlFollowed("over"), False)],
)
def test_what_a_worker_was_to_push_is_pushed_under_its_next_token_unless_the_crawl_is_another(
    lost, again, tmp_path
):
    frontier = Frontier(lost)
    session = session_of(Buffers(), frontier, tmp_path)
    session.lifecycle.waits_for_seeds = True
    push = Push("1", "a.example", 0, blob(b"a seed"))
    session.push(push)

    assert asyncio.run(committed(session, 2)) == [False, True]
    assert frontier.pushed == [push] * again


def test_a_run_that_ends_by_force_joins_no_more_when_a_step_finds_its_place_given_up(tmp_path):
    frontier = Frontier(WorkerReaped("it has left"))
    session = session_of(Buffers(), frontier, tmp_path)

    session.lifecycle._end_by_force()

    assert asyncio.run(committed(session, 1)) == [False]
    assert frontier.joins == 1
