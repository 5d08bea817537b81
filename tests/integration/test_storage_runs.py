from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from scraping_project.storage.errors import UnknownRun
from scraping_project.storage.runs import Run, RunCounts, finish_run, start_run
from scraping_project.storage.tables import runs
from scraping_project.storage.transactions import reading

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


def test_a_run_that_starts_again_is_rewritten(engine):
    start_run(engine, run())
    finish_run(engine, "run", "failed", "x" * 300, RunCounts(pages=9))
    start_run(engine, run(pid=8))
    row = stored(engine)
    assert (row.outcome, row.reason, row.pages, row.pid, row.finished_at) == ("running", None, 0, 8, None)


def test_finishing_a_run_that_never_started_raises(engine):
    with pytest.raises(UnknownRun, match="run nobody was never started"):
        finish_run(engine, "nobody", "lost", None, RunCounts())


def test_a_run_whose_id_is_too_long_is_found_again(engine):
    start_run(engine, run(id="x" * 100))
    finish_run(engine, "x" * 100, "finished", None, RunCounts())
    assert stored(engine).outcome == "finished"
