"""What somebody asked for is done by one process at a time, whatever becomes of the first."""

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from threading import Barrier

import pytest
from sqlalchemy import func, select, update

from scraping_project.storage import actions
from scraping_project.storage.actions import (
    AskedAction,
    advance,
    ask,
    cancel,
    claim,
    fail,
    finish,
    newest,
    read,
)
from scraping_project.storage.clock import database_now
from scraping_project.storage.engine import connect
from scraping_project.storage.tables import actions as table
from scraping_project.storage.transactions import reading, writing


def asked(name="form 1", **changes):
    return AskedAction(
        **{"id": name, "kind": "retry", "asked_by": "anna", "filter": {"reason": "dns"}, **changes}
    )


def lapse(engine):
    with writing(engine) as connection:
        connection.execute(update(table).values(claimed_until=database_now(engine, -1)))


def test_what_is_asked_for_twice_is_there_once_as_it_was_first(engine):
    assert ask(engine, asked(total=812))
    assert not ask(engine, asked(asked_by="ben", total=1))
    action = read(engine, "form 1")
    assert (action.asked_by, action.total, action.done, action.state) == ("anna", 812, 0, "pending")
    assert (action.filter, action.result) == ({"reason": "dns"}, {})
    assert read(engine, "form 2") is None


def test_an_action_goes_from_asked_to_finished_by_steps(engine):
    ask(engine, asked(total=2))
    assert claim(engine, "one", 60).state == "running"
    assert advance(engine, "form 1", "one", done=1, cursor="there", result={"well": 1}, seconds=60)
    half = read(engine, "form 1")
    assert (half.done, half.cursor, half.result) == (1, "there", {"well": 1})
    assert finish(engine, "form 1", "one", done=2, result={"well": 2})
    done = read(engine, "form 1")
    assert (done.state, done.done, done.result, done.claimed_until) == ("finished", 2, {"well": 2}, None)
    assert done.asked_at <= done.finished_at
    assert claim(engine, "two", 60) is None


def test_the_oldest_is_taken_first_and_a_taken_one_is_nobody_elses(engine):
    for number in range(3):
        ask(engine, asked(f"form {number}"))
        with writing(engine) as connection:  # a clock of milliseconds may see them in one moment
            earlier = database_now(engine, number - 9)
            connection.execute(update(table).where(table.c.id == f"form {number}").values(asked_at=earlier))
    assert [claim(engine, who, 60).id for who in "abc"] == ["form 0", "form 1", "form 2"]
    assert claim(engine, "d", 60) is None


def test_a_dead_process_leaves_its_action_to_another_where_it_was(engine):
    ask(engine, asked())
    claim(engine, "dead", 60)
    advance(engine, "form 1", "dead", done=7, cursor="there", result={}, seconds=60)
    assert claim(engine, "heir", 60) is None
    lapse(engine)
    assert claim(engine, "heir", 60).cursor == "there"
    assert not advance(engine, "form 1", "dead", done=8, cursor="", result={}, seconds=60)
    assert not finish(engine, "form 1", "dead", done=8, result={})
    assert not fail(engine, "form 1", "dead", "late")
    assert read(engine, "form 1").done == 7


def test_a_step_renews_the_claim(engine):
    ask(engine, asked())
    claim(engine, "one", 60)
    lapse(engine)
    assert advance(engine, "form 1", "one", done=1, cursor="", result={}, seconds=60)
    assert claim(engine, "two", 60) is None


def test_a_claim_lapses_by_the_databases_clock_alone(engine):
    ask(engine, asked())
    until = claim(engine, "one", 60).claimed_until
    with writing(engine) as connection:
        connection.execute(update(table).values(asked_at=database_now(engine, 60)))
    assert abs((read(engine, "form 1").asked_at - until).total_seconds()) < 30
    with reading(engine) as connection:
        ahead = connection.scalar(
            select(func.count()).where(table.c.claimed_until > database_now(engine, 61))
        )
        assert ahead == 0
        assert (
            connection.scalar(select(func.count()).where(table.c.claimed_until > database_now(engine))) == 1
        )


def test_a_cancelled_action_is_nobodys_and_stays_so(engine):
    ask(engine, asked())
    claim(engine, "one", 60)
    assert cancel(engine, "form 1")
    assert not advance(engine, "form 1", "one", done=1, cursor="", result={}, seconds=60)
    assert claim(engine, "two", 60) is None
    assert not cancel(engine, "form 1")
    assert read(engine, "form 1").state == "cancelled"


def test_a_failed_action_says_why(engine):
    ask(engine, asked())
    claim(engine, "one", 60)
    assert fail(engine, "form 1", "one", "Redis is away")
    assert (read(engine, "form 1").state, read(engine, "form 1").error) == ("failed", "Redis is away")


@pytest.mark.parametrize(("error", "state"), [(None, "finished"), ("no such site", "failed")])
def test_what_is_done_at_once_is_a_row_that_nobody_works_on(engine, error, state):
    assert actions.write_done(engine, asked(kind="pause"), {"delay": 5}, error)
    assert not actions.write_done(engine, asked(kind="pause"))
    action = read(engine, "form 1")
    assert (action.kind, action.state, action.error, action.result) == ("pause", state, error, {"delay": 5})
    assert claim(engine, "one", 60) is None


def test_the_newest_come_first_and_in_pages(engine):
    for number in range(5):
        ask(engine, asked(f"form {number}"))
    seen, cursor = [], None
    while True:
        page = newest(engine, limit=2, cursor=cursor)
        seen += [action.id for action in page.rows]
        if (cursor := page.older) is None:
            break
    assert sorted(seen) == [f"form {number}" for number in range(5)]
    moments = [read(engine, name).asked_at for name in seen]
    assert moments == sorted(moments, reverse=True)


def test_two_threads_that_claim_at_once_get_an_action_once(database_url, engine):
    for number in range(20):
        ask(engine, asked(f"form {number}"))
    barrier = Barrier(2)

    def work(who):
        own, mine = connect(database_url), []
        barrier.wait()
        while action := claim(own, who, 60):
            mine.append(action.id)
        own.dispose()
        return mine

    with ThreadPoolExecutor(2) as threads:
        both = [found.result() for found in [threads.submit(work, who) for who in ("one", "two")]]
    assert sorted(chain(*both)) == sorted(f"form {number}" for number in range(20))


def _claim_all(database_url, who, begin, answers):
    engine, mine = connect(database_url), []
    begin.wait()
    while action := claim(engine, who, 60):
        mine.append(action.id)
    engine.dispose()
    answers.put(mine)


def test_two_processes_that_claim_at_once_get_an_action_once(database_url, engine):
    for number in range(20):
        ask(engine, asked(f"form {number}"))
    context = multiprocessing.get_context("spawn")
    begin, answers = context.Barrier(2), context.Queue()
    processes = [
        context.Process(target=_claim_all, args=(database_url, who, begin, answers)) for who in ("one", "two")
    ]
    for process in processes:
        process.start()
    both = [answers.get(timeout=120) for _ in processes]
    for process in processes:
        process.join()
    assert sorted(chain(*both)) == sorted(f"form {number}" for number in range(20))
