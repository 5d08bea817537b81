"""A run's row is written however often its database gives no answer, and never over another's."""

from types import SimpleNamespace

import pytest
from scrapy.utils.project import get_project_settings

from scraping_project.storage.errors import DatabaseAway
from scraping_project.storage.runs import RunTaken
from scraping_project.worker import run_record
from scraping_project.worker.run_record import RunRecord


@pytest.fixture(name="written")
def what_is_written(monkeypatch):
    """The outcomes in order; each of ``errors`` is raised in place of the next write."""
    written = SimpleNamespace(outcomes=[], errors=[])

    def write(outcome):
        if written.errors:
            raise written.errors.pop(0)
        written.outcomes.append(outcome)

    monkeypatch.setattr("scraping_project.worker.patience.PAUSE", 0)
    monkeypatch.setattr(run_record, "start_run", lambda *_: write("running"))
    monkeypatch.setattr(
        run_record, "finish_run", lambda _database, _run_id, outcome, *_, **__: write(outcome)
    )
    return written


@pytest.fixture(name="record")
def a_record_of_no_database():
    crawler = SimpleNamespace(
        settings=get_project_settings(),
        spider=SimpleNamespace(name="links"),
        stats=SimpleNamespace(get_stats=dict),
    )
    return RunRecord(crawler, None, SimpleNamespace(run_id="one", crawl_id=""))


def test_both_ends_are_written_though_each_answer_is_lost_once(record, written):
    written.errors = [DatabaseAway("gone")]
    record.start()
    written.errors = [DatabaseAway("gone")]
    record.finish("finished")

    assert written.outcomes == ["running", "finished"]


def test_a_run_that_never_began_is_written_whole(record, written):
    record.finish(run_record.REFUSED)

    assert written.outcomes == ["running", "failed"]


def test_one_that_could_not_be_written_at_its_start_is_tried_once_more_at_its_end(
    record, written, monkeypatch
):
    monkeypatch.setattr("scraping_project.worker.patience.PATIENCE", -1)
    written.errors = [DatabaseAway("gone")]
    with pytest.raises(DatabaseAway):
        record.start()

    record.finish(run_record.REFUSED)

    assert written.outcomes == ["running", "failed"]


def test_anothers_row_is_left_alone(record, written):
    written.errors = [RunTaken("run one is running"), RunTaken("run one is running")]
    with pytest.raises(RunTaken):
        record.start()

    record.finish(run_record.REFUSED)

    assert written.outcomes == []
