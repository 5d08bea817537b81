"""Workers that die by SIGKILL lose nothing: what they had leased is done by others."""

import os
import re
import secrets
import signal
import sys
from random import Random

import psutil
import pytest
import redis

from scraping_project.frontier.keys import Keys
from scraping_project.frontier.worker_tokens import process_of
from tests.support.kill_storm import (
    CONCURRENCY,
    SLOW,
    crawl_of,
    frontier_at,
    judge,
    kill,
    refetched,
    run_to_the_end,
    stored_html,
    storm,
)
from tests.support.oracle import wget_html_urls
from tests.support.project import until
from tests.support.small_site import STORED, small_site
from tests.support.thoroughness import STORM

EAGER = ("-s", "DOWNLOAD_DELAY=0", "-s", "CONCURRENT_REQUESTS_PER_DOMAIN=8", "-s", "FRONTIER_LEASE=4")

#: How often workers are killed, by how much a request is later than the one before it (s), and after how many
#: requests none is killed any more. `make storm` has them over the larger manual.
KILLS, DELAY, ENOUGH = (12, 0.04, 900) if STORM else (4, 0.1, 80)

#: No lease ends by itself while a test runs.
ENDLESS = ("-s", "FRONTIER_LEASE=3600")


@pytest.fixture
def site():
    with small_site() as site:
        yield site


def test_a_storm_of_kills_loses_no_page_and_doubles_no_row(project, any_manual, redis_url):
    # Given four workers of which one is killed and replaced every second
    seed = secrets.randbelow(10**6)
    sys.stdout.write(f"seed {seed}\n")
    command = (*crawl_of(any_manual), *SLOW, "-s", f"DOWNLOAD_DELAY={DELAY}")

    # When those that are left run to the end
    kills = storm(project, any_manual, command, workers=4, kills=KILLS, chance=Random(seed), enough=ENOUGH)

    # Then all is there, once, and at most what was in flight was fetched again
    damage = judge(project, any_manual, redis_url)
    assert kills >= KILLS / 2
    assert damage.wrong == [], "\n".join(damage.wrong)
    assert damage.refetched <= kills * CONCURRENCY


def test_four_workers_without_kills_fetch_no_page_twice(project, docs_site, redis_url):
    run_to_the_end(project, [project.start(*crawl_of(docs_site), *EAGER) for _ in range(4)])

    damage = judge(project, docs_site, redis_url)
    assert damage.wrong == [], "\n".join(damage.wrong)
    assert damage.refetched == 0


def test_the_same_command_finishes_a_crawl_whose_workers_were_all_killed(project, any_manual, redis_url):
    # Given three workers that are killed at once in the middle
    workers = [project.start(*crawl_of(any_manual), *SLOW) for _ in range(3)]
    until(lambda: len(any_manual.requests()) > 50, workers[0], project)
    kill(*workers)
    assert stored_html(project) < wget_html_urls(any_manual)

    # When the same command runs alone
    done = project.run(*crawl_of(any_manual), *EAGER, timeout=100)

    # Then it says what it goes on with, and finishes it
    assert re.fullmatch(r"resuming: \d+ queued\n", done.stderr)
    damage = judge(project, any_manual, redis_url)
    assert damage.wrong == [], "\n".join(damage.wrong)
    assert damage.refetched <= 3 * CONCURRENCY


@pytest.mark.parametrize("page", ["old", "new"])
def test_a_redirect_in_flight_when_its_worker_dies_arrives_all_the_same(project, redis_url, site, page):
    # Given a worker that dies while it waits for a redirect or for its target
    asked, release = site.hold("site", page)
    command = ("crawl", "links", "-a", f"start_urls={site.start('site')}", *EAGER)
    first = project.start(*command)
    until(asked.is_set, first, project)
    kill(first)
    release()

    # When another worker comes
    project.run(*command)

    # Then the target is stored, and so is what only it links to
    stored = [row["url"].rpartition("/")[2] for row in project.rows("sites")]
    assert sorted(stored) == sorted(STORED)
    assert site.asked("site")["new"] == 1 + (page == "new")
    with frontier_at(redis_url) as frontier:
        assert frontier.check() == []
        assert list(frontier.dead()) == []


def test_a_page_that_is_only_in_the_buffer_of_a_killed_worker_is_fetched_once(project, any_manual, redis_url):
    # Given a worker that has leased ahead and is killed
    first = project.start(*crawl_of(any_manual), *SLOW)
    until(lambda: len(any_manual.requests()) > 20, first, project)
    with frontier_at(redis_url) as frontier:
        leased = frontier.counts()["leased"]
    kill(first)

    # When others go on
    run_to_the_end(project, [project.start(*crawl_of(any_manual), *EAGER) for _ in range(2)])

    # Then only what was in flight is fetched again, and nothing is blamed for the death but that
    assert leased > CONCURRENCY
    assert refetched(any_manual).total() <= CONCURRENCY


def holders(redis_url):
    """The process numbers of the workers that hold requests."""
    with frontier_at(redis_url) as frontier, redis.Redis.from_url(redis_url, protocol=2) as client:
        return [
            process_of(token)[1]
            for token in frontier.tokens()
            if client.exists(Keys("links").of("leases", token))
        ]


def test_what_a_killed_worker_held_is_back_while_nobody_has_asked_for_its_end(project, redis_url, site):
    # Given a worker that waits for the only page there is, beside another
    project.warm = False  # its parent is this process, which waits for nobody
    asked, release = site.hold("site", "index")
    command = ("crawl", "links", "-a", f"start_urls={site.start('site')}", *EAGER, *ENDLESS)
    first = project.start(*command)
    until(asked.is_set, first, project)
    second = project.start(*command)

    # When it is killed and stays a zombie, as under a container's first process that waits for nobody
    first.send_signal(signal.SIGKILL)
    release()
    second.communicate(timeout=60)

    # Then the other has finished the crawl, whose leases do not end by themselves
    assert second.returncode == 0, project.errors(second)
    assert psutil.Process(first.pid).status() == psutil.STATUS_ZOMBIE
    assert sorted(row["url"].rpartition("/")[2] for row in project.rows("sites")) == sorted(STORED)


def test_what_a_killed_worker_of_one_command_held_is_done_by_the_others(project, redis_url, site):
    # Given a command of three workers, one of which waits for the only page there is
    asked, release = site.hold("site", "index")
    command = ("crawl", "links", "-a", f"start_urls={site.start('site')}", *EAGER, *ENDLESS)
    process = project.start(*command, "--workers", "3")
    until(asked.is_set, process, project)
    (holder,) = holders(redis_url)

    # When it is killed
    os.kill(holder, signal.SIGKILL)
    release()
    output, _ = process.communicate(timeout=60)

    # Then the others finish the crawl, whose leases do not end by themselves
    assert output.startswith("ended early (a worker died): "), output
    assert process.returncode == 2, project.errors(process)
    assert sorted(row["url"].rpartition("/")[2] for row in project.rows("sites")) == sorted(STORED)


def test_the_end_of_a_worker_is_asked_for_while_those_before_it_go_on(project, site):
    asked, release = site.hold("site", "index")
    command = ("crawl", "links", "-a", f"start_urls={site.start('site')}", *EAGER, "--workers", "3")
    process = project.start(*command)
    until(asked.is_set, process, project)
    *others, last = sorted(child.pid for child in psutil.Process(process.pid).children())

    os.kill(last, signal.SIGKILL)

    until(lambda: not psutil.pid_exists(last), process, project)
    assert all(psutil.pid_exists(other) for other in others)
    release()
    process.communicate(timeout=60)
