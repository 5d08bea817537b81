"""The group commit: rows first, then one step, and what becomes of a step that fails."""

import asyncio
import time
from types import SimpleNamespace

import pytest

from scraping_project.frontier.errors import (
    CrawlFollowed,
    FrontierFull,
    FrontierRefused,
    FrontierUnavailable,
    SetBack,
    WorkerReaped,
)
from scraping_project.frontier.messages import Ask, End, Push, blob
from scraping_project.storage.errors import DatabaseUnavailable
from tests.support.noting_frontier import NotingFrontier, crawler_of, reply, session_of


class Buffers:
    """A scheduler that has something else to ask for each time."""

    idle = True

    def __init__(self):
        self.asks = []
        self.received = []
        self.drops = 0

    def demand(self, *_):
        self.asks.append(Ask(f"{len(self.asks)}.example"))
        return {"asks": [self.asks[-1]]}

    def receive(self, reply, step):
        self.received.append((reply, step))

    def drop(self):
        self.drops += 1


@pytest.fixture(name="lab_of")
def labs(tmp_path):
    made = []

    def build(frontier):
        session = session_of(crawler_of(tmp_path), frontier)
        buffers = Buffers()
        session.attach(buffers)
        made.append(session)
        return SimpleNamespace(
            session=session, buffers=buffers, outgoing=session.worker.outgoing, commits=session._commits
        )

    yield build
    for session in made:
        session.lifecycle._database.dispose()


async def committed(session, times):
    return [await session.lifecycle._commit() for _ in range(times)]


def push(number, content=b"a request"):
    return Push(str(number), "a.example", 0, blob(content))


@pytest.mark.parametrize("away", ["redis", "database"])
def test_no_ask_is_lost_while_a_step_has_no_reply(lab_of, away, monkeypatch):
    frontier = NotingFrontier(*[FrontierUnavailable("no answer")] * 2 * (away == "redis"))
    lab = lab_of(frontier)
    rows = [DatabaseUnavailable("no answer")] * 2 * (away == "database")

    def commit():
        if rows:
            raise rows.pop()

    monkeypatch.setattr(lab.session.writer, "commit", commit)

    assert asyncio.run(committed(lab.session, 4)) == [False, False, True, True]
    assert frontier.asks == lab.buffers.asks
    assert len(lab.buffers.asks) == 2


def test_nothing_is_sent_while_the_rows_are_not_stored(lab_of, monkeypatch):
    frontier = NotingFrontier()
    lab = lab_of(frontier)

    def commit():
        raise DatabaseUnavailable("no answer")

    monkeypatch.setattr(lab.session.writer, "commit", commit)

    assert asyncio.run(committed(lab.session, 2)) == [False, False]
    assert frontier.steps == []
    assert lab.commits.away


def test_a_full_redis_is_sent_the_ends_of_what_has_asked_for_nothing(lab_of):
    frontier = NotingFrontier(FrontierFull("out of memory"))
    lab = lab_of(frontier)
    lab.outgoing.add_push(push(1))
    lab.outgoing.add_ack(End(1, 1), after_pushes=False)
    lab.outgoing.add_ack(End(2, 1), after_pushes=True)

    assert asyncio.run(committed(lab.session, 2)) == [True, True]

    light, rest = frontier.steps
    assert (list(light.push), [end.id for end in light.ack], list(light.ack_parents)) == ([], [1], [])
    assert (len(rest.push), [end.id for end in rest.ack_parents]) == (1, [2])


def test_a_request_that_redis_refuses_is_found_and_refused_and_all_others_are_pushed(lab_of):
    frontier = NotingFrontier()
    frontier.refuses, frontier.failure = b"odd", FrontierRefused("ERR")
    lab = lab_of(frontier)
    for number in range(8):
        lab.outgoing.add_push(push(number, b"an odd one" if number == 5 else b"a request"))

    asyncio.run(committed(lab.session, 20))

    assert sorted(int(each.fingerprint) for each in frontier.pushed) == [0, 1, 2, 3, 4, 6, 7]
    (refusal,) = [each for step in frontier.steps for each in step.refuse]
    assert refusal.fingerprint == "5"


@pytest.mark.parametrize(
    ("lost", "again"),
    [(WorkerReaped("silent"), True), (SetBack("older"), True), (CrawlFollowed("over"), False)],
)
def test_what_was_to_be_pushed_is_pushed_under_the_next_token_unless_the_crawl_is_another(
    lab_of, lost, again
):
    frontier = NotingFrontier(lost)
    lab = lab_of(frontier)
    lab.session.lifecycle.waits_for_seeds = True
    seed = push(1)
    lab.session.push(seed)

    assert asyncio.run(committed(lab.session, 2)) == [False, True]
    assert frontier.pushed == [seed] * again
    assert lab.buffers.drops == 1


def test_pages_that_wait_for_a_look_up_go_on_when_the_place_is_lost(lab_of):
    lab = lab_of(NotingFrontier(WorkerReaped("silent")))

    async def ask_and_lose():
        waiting = asyncio.create_task(lab.session.look_up(["1", "2"]))
        await asyncio.sleep(0)
        assert not await lab.session.lifecycle._commit()
        await waiting

    asyncio.run(ask_and_lose())


def test_pages_that_wait_for_a_look_up_go_on_with_its_reply(lab_of):
    lab = lab_of(NotingFrontier())

    async def ask_and_commit():
        waiting = asyncio.create_task(lab.session.look_up(["1", "2"]))
        await asyncio.sleep(0)
        assert await lab.session.lifecycle._commit()
        await waiting

    asyncio.run(ask_and_commit())


def test_the_scheduler_gets_each_reply_with_its_step_and_is_woken_by_a_lease(lab_of):
    frontier = NotingFrontier(replies=[reply(), reply(finished=True, discovered=3)])
    lab = lab_of(frontier)

    asyncio.run(committed(lab.session, 2))

    assert [step for _, step in lab.buffers.received] == frontier.steps
    assert lab.commits.finished
    assert lab.commits.reply.ledger.discovered == 3


def test_a_crawl_with_messages_to_send_is_not_finished(lab_of):
    lab = lab_of(NotingFrontier(replies=[reply(finished=True)]))
    asyncio.run(committed(lab.session, 1))
    assert lab.commits.finished

    lab.session.worker.outgoing.add_push(push(1))

    assert not lab.commits.finished


def test_how_much_waits_is_by_the_last_reply_when_redis_is_away(lab_of):
    frontier = NotingFrontier(replies=[reply(queued=4, delayed=1)])
    lab = lab_of(frontier)
    asyncio.run(committed(lab.session, 1))

    def counts():
        raise FrontierUnavailable("no answer")

    frontier.counts = counts

    assert lab.commits.queued() == 5


def test_a_worker_whose_leases_may_have_lapsed_is_woken_by_the_next_reply(lab_of):
    lab = lab_of(NotingFrontier())
    lab.session.worker._kept_until = time.monotonic() - 1
    engine = lab.commits._crawler.engine

    assert not lab.session.may_begin()
    asyncio.run(committed(lab.session, 1))

    assert engine.woken == 1
    assert lab.session.may_begin()
