"""What fails waits in the frontier, where any worker may take it when its time has come."""

from threading import Event

import pytest

from testing.polite_sites import Answer, gaps, links, site
from tests.support.kill_storm import frontier_at, kill, run_to_the_end
from tests.support.polite_crawls import crawls
from tests.support.project import until

BASE = 2


SETTINGS = ("DOWNLOAD_DELAY=0", f"RETRY_BACKOFF_BASE={BASE}")
NO_ROBOTS_TXT = Answer(
    status=404, headers=("Connection: close",)
)  # Twisted repeats what an old connection loses


def ends(project):
    rows = sorted(project.rows("scrape_logs"), key=lambda row: row["attempt"])
    return [(row["attempt"], row["status"], row["reason"]) for row in rows]


@pytest.mark.parametrize(
    ("status", "last", "reason"),
    [(500, "failed", "http_500"), (0, "dead", "reset")],
)
def test_what_fails_waits_longer_each_time_and_then_is_given_up(project, redis_url, status, last, reason):
    def answer(visit):
        return NO_ROBOTS_TXT if visit.path == "/robots.txt" else Answer(status=status)

    with site(answer) as asked:
        (worker,) = crawls(project, 1, [asked.url()], *SETTINGS)
        worker.communicate(timeout=60)

    first, second = gaps(visit.began for visit in asked.pages())
    assert first >= BASE
    assert second >= BASE**2
    assert ends(project) == [(1, "retried", reason), (2, "retried", reason), (3, last, reason)]
    with frontier_at(redis_url) as frontier:
        counts = frontier.counts()
        assert [counts.get(name, 0) for name in ("done", "dead")] == [last == "failed", last == "dead"]
        assert frontier.check() == []


def test_what_a_retry_redirects_to_is_filtered_like_any_redirect(project, redis_url):
    def answer(visit):
        if visit.path == "/robots.txt":
            return NO_ROBOTS_TXT
        if visit.path != "/busy":
            return links("/known", "/busy") if visit.path == "/" else Answer()
        first = len(asked.of(path="/busy")) == 1
        return Answer(status=503) if first else Answer(status=302, headers=("Location: /known",))

    with site(answer) as asked:
        run_to_the_end(project, crawls(project, 1, [asked.url()], "DOWNLOAD_DELAY=0"))

    assert sorted(visit.path for visit in asked.pages()) == ["/", "/busy", "/busy", "/known"]
    with frontier_at(redis_url) as frontier:
        assert frontier.counts()["filtered:redirect known"] == 1
        assert frontier.check() == []


def test_any_worker_may_try_again(project, redis_url):
    # Given two workers and a page that failed with one of them
    both_are_there = Event()

    def answer(visit):
        if visit.path == "/robots.txt":
            return NO_ROBOTS_TXT
        both_are_there.wait(60)
        return Answer(status=500 if len(asked.pages()) == 1 else 200)

    with site(answer) as asked, frontier_at(redis_url) as frontier:
        workers = crawls(project, 2, [asked.url()], *SETTINGS)
        until(lambda: len(frontier.tokens()) == 2, workers[0], project)
        both_are_there.set()
        until(lambda: frontier.counts().get("delayed"), workers[0], project)

        # When that one dies
        agent = asked.pages()[0].agent
        kill(workers.pop(int(agent[-1])))
        run_to_the_end(project, workers)

    # Then the other one takes it
    assert len(asked.pages()) == 2
    assert len({row["run_id"] for row in project.rows("scrape_logs")}) == 2
    assert ends(project) == [(1, "retried", "http_500"), (2, "success", None)]
