from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from scraping_project.storage.errors import UnknownRun
from scraping_project.storage.runs import (
    STALE,
    AskedRun,
    Run,
    RunCounts,
    RunTaken,
    ask_run,
    ask_to_end,
    beat_run,
    end_unseen_run,
    finish_run,
    lose_runs,
    place_run,
    read_runs,
    start_run,
    withdraw_run,
)
from scraping_project.storage.tables import runs
from scraping_project.storage.transactions import reading, writing

NOW = datetime(2026, 1, 1, 12, 0, 0, 5, tzinfo=UTC)


def run(**changes):
    values = {
        "id": "run",
        "crawl_id": "crawl",
        "spider": "links",
        "arguments": {"start_urls": "http://é/"},
        "host": "host",
        "pid": 7,
        "egg_version": None,
        "started_at": NOW,
    }
    return Run(**(values | changes))


def asked():
    return AskedRun(
        id="run",
        project="project",
        spider="links",
        arguments={"start_urls": "http://é/"},
        settings={"DOWNLOAD_DELAY": "0"},
        node="http://node",
    )


def silent_for(engine, time):
    with writing(engine) as connection:
        now = connection.scalar(select(func.current_timestamp()))
        connection.execute(update(runs).values(heartbeat_at=now - time))


def stored(engine):
    with reading(engine) as connection:
        return connection.execute(select(runs)).one()


def test_a_run_that_started_is_running_without_counts(engine):
    start_run(engine, run())
    row = stored(engine)
    assert (row.id, row.crawl_id, row.spider, row.host, row.pid) == ("run", "crawl", "links", "host", 7)
    assert row.arguments == '{"start_urls":"http://é/"}'
    assert (row.outcome, row.reason, row.pages, row.finished_at) == ("running", None, 0, None)
    assert row.started_at == NOW.replace(tzinfo=None)


def test_a_run_that_finished_has_its_outcome_and_counts(engine):
    start_run(engine, run())
    counts = RunCounts(pages=1, failed=2, filtered=3, links=4, items=5)
    for _ in range(2):
        finish_run(engine, "run", "finished", "finished", counts, finished_at=NOW + timedelta(hours=1))
    row = stored(engine)
    assert (row.outcome, row.reason) == ("finished", "finished")
    assert (row.pages, row.failed, row.filtered, row.links, row.items) == (1, 2, 3, 4, 5)
    assert row.finished_at - row.started_at == timedelta(hours=1)


@pytest.mark.parametrize("outcome", ["running", "finished", "failed", "cancelled", "killed", "lost"])
def test_a_run_that_was_started_is_not_started_again(engine, outcome):
    start_run(engine, run())
    finish_run(engine, "run", outcome, "x" * 300, RunCounts(pages=9))
    before = stored(engine)
    with pytest.raises(RunTaken, match=f"run run is {outcome} already, and a run starts only once"):
        start_run(engine, run(pid=8))
    assert stored(engine) == before


@pytest.mark.parametrize("pending", [False, True])
def test_the_same_run_may_be_written_again_for_the_answer_may_have_been_lost(engine, pending):
    if pending:
        ask_run(engine, asked())
    start_run(engine, run())
    before = stored(engine)

    start_run(engine, run())

    assert stored(engine) == before


@pytest.mark.parametrize(
    "other", [{"pid": 8}, {"host": "other"}, {"started_at": NOW + timedelta(microseconds=1)}]
)
def test_another_process_is_told_from_it_by_host_number_and_start(engine, other):
    start_run(engine, run())

    with pytest.raises(RunTaken):
        start_run(engine, run(**other))


def test_of_many_that_start_a_pending_run_at_once_one_does(engine):
    ask_run(engine, asked())

    def starts(pid):
        try:
            start_run(engine, run(pid=pid))
        except RunTaken:
            return None
        return pid

    with ThreadPoolExecutor(8) as threads:
        started = [pid for pid in threads.map(starts, range(1, 9)) if pid]
    assert len(started) == 1
    row = stored(engine)
    assert (row.outcome, row.pid, row.node, row.project) == ("running", started[0], "http://node", "project")


def test_of_many_that_start_a_run_nobody_asked_for_at_once_one_does(engine):
    def starts(pid):
        with suppress(RunTaken):
            start_run(engine, run(pid=pid))
            return True
        return False

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(starts, range(1, 9))) == 1


def test_a_run_that_was_asked_for_is_pending_until_it_starts(engine):
    for _ in range(2):
        ask_run(engine, asked())
    (row,) = read_runs(engine)
    assert (row.id, row.outcome, row.pid, row.settings) == ("run", "pending", 0, {"DOWNLOAD_DELAY": "0"})
    start_run(engine, run())
    with pytest.raises(RunTaken):
        ask_run(engine, asked())
    (row,) = read_runs(engine)
    assert (row.outcome, row.arguments, row.settings) == (
        "running",
        {"start_urls": "http://é/"},
        {"DOWNLOAD_DELAY": "0"},
    )


def test_a_pending_run_moves_to_another_node_and_a_running_one_does_not(engine):
    ask_run(engine, asked())
    assert place_run(engine, "run", "http://other")
    start_run(engine, run())
    assert not place_run(engine, "run", "http://third")
    assert read_runs(engine)[0].node == "http://other"


def test_a_withdrawn_run_never_starts(engine):
    ask_run(engine, asked())
    assert withdraw_run(engine, "run", "cancelled", "before it started")
    with pytest.raises(RunTaken):
        start_run(engine, run())
    assert not withdraw_run(engine, "run", "cancelled", "again")


def test_a_heartbeat_keeps_the_counts_and_hears_that_the_run_shall_end(engine):
    start_run(engine, run())
    assert not beat_run(engine, "run", RunCounts(pages=3))
    assert read_runs(engine)[0].pages == 3
    ask_to_end(engine, "run")
    assert beat_run(engine, "run", RunCounts(pages=4))


def test_a_running_run_that_is_silent_reads_as_lost_until_it_speaks_again(engine):
    start_run(engine, run())
    silent_for(engine, STALE + timedelta(seconds=5))
    assert read_runs(engine)[0].outcome == "lost"
    assert [row.id for row in read_runs(engine, outcomes=["lost"])] == ["run"]
    assert read_runs(engine, outcomes=["running"]) == []
    beat_run(engine, "run", RunCounts())
    assert read_runs(engine)[0].outcome == "running"


def test_a_run_of_a_version_without_heartbeats_does_not_read_as_lost(engine):
    start_run(engine, run())
    with writing(engine) as connection:
        connection.execute(update(runs).values(heartbeat_at=None))
    assert read_runs(engine)[0].outcome == "running"


def test_the_runs_of_reaped_workers_are_lost_and_no_others(engine):
    for pid in (7, 8):
        start_run(engine, run(id=f"run-{pid}", pid=pid))
    start_run(engine, run(id="elsewhere", host="other"))
    lose_runs(engine, [("host", 7)], "reaped")
    assert {row.id: row.outcome for row in read_runs(engine)} == {
        "run-7": "lost",
        "run-8": "running",
        "elsewhere": "running",
    }


def test_a_lost_run_that_was_only_slow_ends_as_it_ends(engine):
    start_run(engine, run())
    lose_runs(engine, [("host", 7)], "reaped")
    beat_run(engine, "run", RunCounts())
    row = read_runs(engine)[0]
    assert (row.outcome, row.reason, row.finished_at) == ("running", None, None)
    finish_run(engine, "run", "finished", "finished", RunCounts())
    beat_run(engine, "run", RunCounts())
    assert read_runs(engine)[0].outcome == "finished"


@pytest.mark.parametrize("before", ["running", "lost"])
def test_a_runner_writes_the_end_that_its_process_could_not(engine, before):
    start_run(engine, run())
    if before == "lost":
        lose_runs(engine, [("host", 7)], "reaped")
    assert not end_unseen_run(engine, "run", "killed", "SIGKILL", error=None, host="host", pid=8)
    assert not end_unseen_run(engine, "run", "killed", "SIGKILL", error=None, host="other", pid=7)
    assert end_unseen_run(engine, "run", "killed", "SIGKILL", error="why", host="host", pid=7)
    row = read_runs(engine)[0]
    assert (row.outcome, row.reason, row.error) == ("killed", "SIGKILL", "why")


def test_a_runner_leaves_an_end_that_is_on_record(engine):
    start_run(engine, run())
    finish_run(engine, "run", "finished", "finished", RunCounts())
    assert not end_unseen_run(engine, "run", "failed", "exit 1", error=None, host="host", pid=7)
    assert read_runs(engine)[0].outcome == "finished"


def test_runs_are_read_newest_first_by_id_and_by_spider(engine):
    for number in range(3):
        start_run(
            engine, run(id=str(number), spider=f"spider{number % 2}", started_at=NOW + timedelta(number))
        )
    assert [row.id for row in read_runs(engine)] == ["2", "1", "0"]
    assert [row.id for row in read_runs(engine, limit=1)] == ["2"]
    assert [row.id for row in read_runs(engine, spider="spider0")] == ["2", "0"]
    assert [row.id for row in read_runs(engine, ids=["1", "nobody"])] == ["1"]


def test_finishing_a_run_that_never_started_raises(engine):
    with pytest.raises(UnknownRun, match="run nobody was never started"):
        finish_run(engine, "nobody", "lost", None, RunCounts())


def test_a_run_whose_id_is_too_long_is_found_again(engine):
    start_run(engine, run(id="x" * 100))
    finish_run(engine, "x" * 100, "finished", None, RunCounts())
    assert stored(engine).outcome == "finished"
