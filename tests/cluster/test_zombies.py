"""Workers and Redis that are silent for longer than a lease, and come back."""

import os
import signal
import sqlite3
import time
from contextlib import closing, contextmanager
from functools import partial

import pytest
import redis

from scraping_project.frontier.worker import Worker
from tests.support.kill_storm import CONCURRENCY, frontier_at, judge, ledger, run_to_the_end
from tests.support.project import until
from tests.support.small_site import STORED, small_site

LEASE = 2
#: What a worker may have fetched since its last checkpoint, at the delay below.
UNACKED = 8
SLOW = (
    "-s", "DOWNLOAD_DELAY=0.08",
    "-s", f"CONCURRENT_REQUESTS={CONCURRENCY}",
    "-s", f"CONCURRENT_REQUESTS_PER_DOMAIN={CONCURRENCY}",
    "-s", f"FRONTIER_LEASE={LEASE}",
)  # fmt: skip


def crawl(project, site, redis_url, *arguments):
    command = ("crawl", "links", "-a", f"start_urls={site.url}index.html", *SLOW, *arguments)
    project.warm = False  # of a child of its own alone a process hears that it has stopped
    return project.start(*command, env={"REDIS_URL": redis_url})


def holds_the_database(project):
    """Whether a process was stopped in mid-transaction: the others would wait for it in vain."""
    path = project.data_dir / "scraping.db"
    with closing(sqlite3.connect(path, timeout=2, isolation_level=None)) as database:
        try:
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        database.execute("ROLLBACK")
        return False


def stop(process):
    """Stops all threads of a process: one that commits runs on until the signal was taken by another."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)


@contextmanager
def stopped(process, project):
    """Stops a process for the length of the block, while it holds no lock that others need."""
    stop(process)
    try:
        while holds_the_database(project):
            process.send_signal(signal.SIGCONT)
            time.sleep(0.05)
            stop(process)
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def test_a_worker_that_wakes_when_others_finished_the_crawl_changes_nothing(project, sphinx_site, redis_url):
    # Given two workers of which one stops in the middle, with leases
    zombie, other = busy_and_idle(project, sphinx_site, redis_url)
    with stopped(zombie, project):
        # When the other finishes the crawl, which takes it the zombie's leases
        run_to_the_end(project, [other])
        with frontier_at(redis_url) as frontier:
            before = dict(frontier.counts())
    rows = project.rows("scrape_logs")

    # Then the zombie ends by itself and has changed nothing
    run_to_the_end(project, [zombie])
    with frontier_at(redis_url) as frontier:
        assert ledger(frontier.counts()) == ledger(before)
        assert frontier.tokens() == []
    assert len(project.rows("scrape_logs")) == len(rows)
    damage = judge(project, sphinx_site, redis_url)
    assert damage.wrong == [], "\n".join(damage.wrong)
    assert damage.refetched <= CONCURRENCY + UNACKED
    assert "others have its requests" in project.errors(zombie)


def busy_and_idle(project, site, redis_url):
    """Two workers in mid-crawl, of which the first has the site's permit."""
    busy = crawl(project, site, redis_url)
    until(lambda: len(site.requests()) > 20, busy, project)
    idle = crawl(project, site, redis_url)
    with frontier_at(redis_url) as frontier:
        until(lambda: len(frontier.tokens()) == 2, idle, project)
    return busy, idle


def test_a_worker_that_wakes_while_others_work_joins_them_again(project, sphinx_site, redis_url):
    # Given a worker that is stopped until it was reaped
    zombie, other = busy_and_idle(project, sphinx_site, redis_url)
    with stopped(zombie, project), frontier_at(redis_url) as frontier:
        until(lambda: len(frontier.tokens()) == 1, other, project)

    # When it goes on
    run_to_the_end(project, [zombie, other])

    # Then the crawl is whole, and what it held was fetched at most once more
    damage = judge(project, sphinx_site, redis_url)
    assert damage.wrong == [], "\n".join(damage.wrong)
    assert damage.refetched <= CONCURRENCY + UNACKED
    assert "others have its requests" in project.errors(zombie)


def test_a_callback_that_blocks_the_event_loop_keeps_its_lease(project, redis_url):
    # Given two workers of which one is blocked for two leases by a page
    arguments = ("-s", "SPIDER_MODULES=tests.cluster.spiders_for_faults.blocking")
    with small_site() as site:
        command = ("crawl", "links", "-a", f"start_urls={site.start('site')}", *SLOW, *arguments)
        run_to_the_end(
            project, [project.start(*command, env={"BLOCK_SECONDS": str(3 * LEASE)}) for _ in range(2)]
        )
        asked = site.asked("site")

    # Then nothing was given to the other one meanwhile
    assert {page: n for page, n in asked.items() if n > 1 and page != "robots.txt"} == {"flaky": 2}
    stored = [row["url"].rpartition("/")[2] for row in project.rows("sites")]
    assert sorted(stored) == sorted(STORED)


def until_all_miss_redis(workers, project):
    for worker in workers:
        until(partial(misses_redis, worker, project), worker, project)


def misses_redis(worker, project):
    return "Redis does not answer" in project.errors(worker)


def kill_and_restart(server, workers, project):
    server.kill()
    until_all_miss_redis(workers, project)
    time.sleep(2 * LEASE)
    server.start()


def stop_and_continue(server, workers, project):
    os.kill(server.pid, signal.SIGSTOP)
    until_all_miss_redis(workers, project)
    os.kill(server.pid, signal.SIGCONT)


@pytest.mark.parametrize("fault", [kill_and_restart, stop_and_continue])
def test_a_redis_that_is_away_for_longer_than_a_lease_costs_no_page_twice(
    project, sphinx_site, redis_server, fault
):
    # Given two workers in mid-crawl
    workers = [crawl(project, sphinx_site, redis_server.url) for _ in range(2)]
    until(lambda: len(sphinx_site.requests()) > 40, workers[0], project)
    with redis.Redis.from_url(redis_server.url, protocol=2) as client:
        tokens = client.zrange("{links:start_urls}:workers", 0, -1)

    # When Redis is away until both have noticed, which takes more than two leases
    fault(redis_server, workers, project)
    with frontier_at(redis_server.url) as frontier:
        back = frontier.tokens()

    # Then nobody was reaped, and all is there once
    run_to_the_end(project, workers)
    assert sorted(token.decode() for token in tokens) == sorted(back)
    damage = judge(project, sphinx_site, redis_server.url)
    assert damage.wrong == [], "\n".join(damage.wrong)
    assert damage.refetched == 0
    assert all("others have its requests" not in project.errors(worker) for worker in workers)


def test_leases_lapse_for_a_worker_that_hears_nothing_for_as_long_as_they_last(redis_url):
    with frontier_at(redis_url) as frontier:
        worker = Worker(frontier, rules="", seeds="/", lease_ms=2_000)
        worker.join()
        assert not worker.lapsed
        while not worker.lapsed:
            time.sleep(0.01)
        assert worker.extend()
        assert not worker.lapsed
