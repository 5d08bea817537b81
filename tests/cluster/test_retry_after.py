"""Retry-After: by whose clock it is read, and that it outlives the worker that heard it."""

import math
import sqlite3
import time
from contextlib import closing
from email.utils import formatdate

import pytest

from testing.polite_sites import SLACK, Answer, links, site
from tests.support.kill_storm import frontier_at, kill, run_to_the_end
from tests.support.polite_crawls import all_joined, crawl, crawls
from tests.support.project import until

RETRY_AFTER = 4
HOUR = 3600
PATHS = [f"/{number}" for number in range(6)]
SLOT = "127.0.0.1"


def date(moment):
    return formatdate(moment, usegmt=True)


def busy_once(asked, when_busy):
    """How a site answers that is busy once, in mid-crawl; what it says then is asked for at that moment."""

    def answer(visit):
        if visit.path == "/robots.txt":
            return Answer(status=404)
        if visit.path == "/3" and len(asked().of(path="/3")) == 1:
            return when_busy(visit)
        return links(*PATHS) if visit.path == "/" else Answer()

    return answer


def assert_left_alone(asked, until_when):
    """Nothing came between the first visit of the busy page and then, and all came afterwards."""
    refused = asked.of(path="/3")[0]
    assert min(visit.began for visit in asked.visits if visit.began > refused.began) >= until_when - SLACK
    assert set(asked.paths()) == {"/robots.txt", "/", *PATHS}
    assert len(asked.of(path="/3")) > 1


@pytest.mark.parametrize("shift", ["+2h", "-2h"])
def test_a_date_is_not_read_by_a_worker_s_wrong_clock(project, clock_off_by, shift):
    told = []

    def say_when(_):
        told.append(math.ceil(time.time() + RETRY_AFTER))
        return Answer(status=503, headers=(f"Retry-After: {date(told[0])}",))

    with site(busy_once(lambda: asked, say_when)) as asked:
        worker = crawl(project, [asked.url()], "DOWNLOAD_DELAY=0.1", env=clock_off_by(shift))
        run_to_the_end(project, [worker])

    assert_left_alone(asked, told[0])


@pytest.mark.parametrize("off", [3 * HOUR, -3 * HOUR])
def test_a_date_is_read_by_the_site_s_own_clock_where_that_is_wrong(project, off):
    told = []

    def say_when(_):
        told.append(math.floor(time.time()))
        there = told[0] + off
        headers = (f"Date: {date(there)}", f"Retry-After: {date(there + RETRY_AFTER)}")
        return Answer(status=429, headers=headers)

    with site(busy_once(lambda: asked, say_when)) as asked:
        run_to_the_end(project, [crawl(project, [asked.url()], "DOWNLOAD_DELAY=0.1")])

    assert_left_alone(asked, told[0] + RETRY_AFTER)


def test_a_retry_after_outlives_the_worker_that_heard_it_though_the_database_is_away(project, redis_url):
    # Given two workers, and a site that is busy just when the database takes no commit
    with closing(sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)) as database:

        def lock_and_refuse(_):
            database.execute("ATTACH ? AS crawl", [str(project.data_dir / "scraping.db")])
            database.execute("BEGIN IMMEDIATE")
            database.execute("UPDATE crawl.runs SET reason = reason")
            return Answer(status=429, headers=(f"Retry-After: {RETRY_AFTER}",))

        with site(busy_once(lambda: asked, lock_and_refuse)) as asked, frontier_at(redis_url) as frontier:
            workers = crawls(project, 2, [asked.url()], "DOWNLOAD_DELAY=0.2")
            all_joined(redis_url, workers, project)
            until(lambda: asked.of(path="/3"), workers[0], project)
            (refused,) = asked.of(path="/3")
            victim = workers.pop(int(refused.agent.removeprefix("worker-")))

            # When the worker that was refused is killed, once the frontier knows of it
            clock = frontier.keys.of("slot", SLOT)
            until(lambda: frontier._server.hexists(clock, "after"), victim, project)
            kill(victim)
            database.execute("ROLLBACK")

            # Then the other asks for nothing before
            run_to_the_end(project, workers)

    assert_left_alone(asked, refused.ended + RETRY_AFTER)
