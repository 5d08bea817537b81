import pytest

from scraping_project.cli.worker_processes import Report, _added
from scraping_project.worker.summary import Summary


def report(code, *, word="finished", queued=0, pages=1, left_at=0.0):
    return Report(word, queued, code, Summary(pages=pages), left_at=left_at)


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ((0, 0), 0),
        ((0, 1), 0),
        ((1, 1), 1),
        ((0, 130), 130),
        ((130, 2), 2),
        ((0, 2), 2),
    ],
)
def test_the_worst_exit_code_wins_but_one_worker_may_find_nothing_to_do(codes, code):
    assert _added([report(each) for each in codes], list(codes)).code == code


def test_the_word_is_that_of_the_worker_with_the_worst_code():
    reports = [report(0), report(130, word="interrupted")]

    assert _added(reports, [0, 130]).word == "interrupted"


def test_what_the_workers_did_adds_up():
    assert _added([report(0, pages=2), report(0, pages=3)], [0, 0]).summary == Summary(pages=5)


def test_what_stays_queued_is_what_the_last_to_leave_saw():
    assert (
        _added([report(130, queued=4, left_at=2.0), report(130, queued=9, left_at=1.0)], [130, 130]).queued
        == 4
    )


def test_a_worker_that_was_killed_is_told_of_and_is_no_success():
    added = _added([report(0)], [0, -9])

    assert (added.word, added.code) == ("ended early (a worker died)", 2)


def test_a_worker_that_was_ended_before_it_began_is_interrupted():
    assert (_added([report(0)], [0, 130]).word, _added([report(0)], [0, 130]).code) == ("interrupted", 130)
    assert (_added([], [130]).word, _added([], [130]).code) == ("interrupted", 130)


@pytest.mark.parametrize(("codes", "code"), [((2, 2), 2), ((1, 1), 1), ((1, 2), 2), ((-9, -9), 2)])
def test_without_any_report_there_is_the_worst_exit_code(codes, code):
    assert _added([], list(codes)) == code
