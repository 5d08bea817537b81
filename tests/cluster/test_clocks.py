"""Clocks that are hours off, and Redis's own clock when it is set: leases go by Redis's time alone."""

import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import redis

from scraping_project.frontier.messages import Ask
from testing.polite_sites import HOSTS, numbered, short, site
from testing.servers import RedisServer, find_program, redis_binaries
from tests.support.faketime import preload
from tests.support.frontier_worker import Worker
from tests.support.kill_storm import CONCURRENCY, frontier_at, judge, kill, run_to_the_end
from tests.support.project import until

LEASE = 2
SLOT = "127.0.0.1"
#: What a silent worker has leased, and an order that lets no crawl end before it has.
HELD, PATIENTLY = 5, {"delay": 1000}
HOURS = 2 * 3600
DELAY = 0.5  # s
#: Requests after which a clock is set, out of more than a hundred.
ENOUGH = 40
SLOW = (
    "-s", "DOWNLOAD_DELAY=0.05",
    "-s", f"CONCURRENT_REQUESTS={CONCURRENCY}",
    "-s", f"CONCURRENT_REQUESTS_PER_DOMAIN={CONCURRENCY}",
    "-s", f"FRONTIER_LEASE={LEASE}",
)  # fmt: skip


class MovableRedis(RedisServer):
    """A Valkey whose clock can be set while it runs; Debian's Redis can't be started under faketime."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, redis_binaries()["valkey-9"], {})
        self._shift = directory / "shift"
        self.set_clock(0)

    def _command(self) -> list[str]:
        fake = {
            "LD_PRELOAD": preload(),
            "FAKETIME_TIMESTAMP_FILE": str(self._shift),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        settings = [f"{name}={value}" for name, value in fake.items()]
        return [find_program("env"), *settings, *super()._command()]

    def set_clock(self, seconds: int) -> None:
        """Sets how far the clock is off, at once: the file is read at every look at the clock."""
        new = self._shift.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.rename(self._shift)


@pytest.fixture
def server():
    with TemporaryDirectory(prefix="redis-") as directory, MovableRedis(Path(directory)) as server:
        yield server


def crawl(project, site, **env):
    command = ("crawl", "links", "-a", f"start_urls={site.url}index.html", *SLOW)
    return project.start(*command, env=env)


def assert_whole(project, site, redis_url, *, again):
    damage = judge(project, site, redis_url)
    assert damage.wrong == [], "\n".join(damage.wrong)
    assert damage.refetched <= again


def test_workers_whose_clocks_are_hours_off_keep_their_leases(project, sphinx_site, redis_url, clock_off_by):
    # Given three workers that disagree by four hours
    clocks = ({}, clock_off_by("+2h"), clock_off_by("-2h"))
    workers = [crawl(project, sphinx_site, **clock) for clock in clocks]

    # When they crawl for longer than a lease
    began = time.monotonic()
    run_to_the_end(project, workers)
    sys.stdout.write(f"{time.monotonic() - began:.1f} s\n")

    # Then nobody took anything from another
    started = sorted(row["started_at"] for row in project.rows("runs"))
    assert [round((each - started[0]).total_seconds() / HOURS) for each in started] == [0, 1, 2]
    assert_whole(project, sphinx_site, redis_url, again=0)
    with frontier_at(redis_url) as frontier:
        assert frontier.counts().get("stale", 0) == 0
    assert all("others have its requests" not in project.errors(worker) for worker in workers)


def test_what_a_worker_with_a_wrong_clock_held_is_taken_over_when_it_dies(
    project, sphinx_site, redis_url, clock_off_by
):
    # Given a worker two hours ahead that dies, and one two hours behind
    ahead = crawl(project, sphinx_site, **clock_off_by("+2h"))
    behind = crawl(project, sphinx_site, **clock_off_by("-2h"))
    until(lambda: len(sphinx_site.requests()) > ENOUGH, ahead, project)
    kill(ahead)

    # Then the other does all that is left
    run_to_the_end(project, [behind])
    assert_whole(project, sphinx_site, redis_url, again=CONCURRENCY)


@contextmanager
def workers_in_mid_crawl(project, site, server):
    workers = [crawl(project, site, REDIS_URL=server.url) for _ in range(2)]
    until(lambda: len(site.requests()) > ENOUGH, workers[0], project)
    yield workers
    run_to_the_end(project, workers, timeout=40)


@pytest.mark.parametrize("seconds", [HOURS, -HOURS, 3 * LEASE, -3 * LEASE])
def test_a_clock_of_redis_that_is_set_costs_nothing(project, sphinx_site, server, seconds):
    # Given two workers in mid-crawl, when Redis's clock is set
    with workers_in_mid_crawl(project, sphinx_site, server) as workers:
        server.set_clock(seconds)

    # Then they finish the crawl without it, and nobody was taken for dead
    assert all("others have its requests" not in project.errors(worker) for worker in workers)
    assert_whole(project, sphinx_site, server.url, again=0)


def test_a_clock_of_redis_that_is_set_forward_makes_no_second_holder(project, server):
    # Given four workers on three sites
    with site(numbered(60), HOSTS[:3]) as asked:
        urls = ",".join(asked.url(host=host) for host in asked.hosts)
        command = ("crawl", "links", "-a", f"start_urls={urls}", "-s", f"DOWNLOAD_DELAY={DELAY}")
        workers = [project.start(*command, env={"REDIS_URL": server.url}) for _ in range(4)]

        # When Redis's clock is set forward by more than their permits last, again and again
        for leaps in range(1, 4):
            until_asked_again(asked, workers[0], project)
            server.set_clock(leaps * 8)
        until_asked_again(asked, workers[0], project)
        kill(*workers)

    # Then the sites have not noticed
    began = [[visit.began for visit in asked.of(host)] for host in asked.hosts]
    assert [short(each, DELAY) for each in began] == [[]] * 3


def until_asked_again(asked, worker, project, *, times=8):
    seen = {host: len(asked.of(host)) for host in asked.hosts}
    until(lambda: all(len(asked.of(host)) >= seen[host] + times for host in seen), worker, project)


@pytest.mark.parametrize("seconds", [HOURS, -HOURS])
def test_what_a_silent_worker_holds_is_taken_over_though_the_clock_of_redis_is_set(
    project, sphinx_site, server, seconds
):
    # Given a worker of another host that has leased some requests and is heard of no more
    with frontier_at(server.url) as frontier:
        frontier.order(SLOT, PATIENTLY)
        workers = [crawl(project, sphinx_site, REDIS_URL=server.url) for _ in range(2)]
        until(lambda: frontier.counts().get("queued", 0) > HELD, workers[0], project)
        lease_and_be_silent(frontier, server, workers[0], project)

        # When Redis's clock is set
        server.set_clock(seconds)
        frontier.order(SLOT, {})
        run_to_the_end(project, workers, timeout=40)

        # Then others take it over a few leases later, and finish the crawl
        assert frontier.tokens() == []
    assert_whole(project, sphinx_site, server.url, again=0)


def lease_and_be_silent(frontier, server, worker, project):
    """Takes the site's slot from its holder, and some requests with it."""
    with redis.Redis.from_url(server.url, protocol=2) as client:
        rules = client.hget(frontier.keys.of("crawl"), "rules").decode()
    silent = Worker(frontier, rules=rules, seeds="", lease=LEASE * 1000, token="elsewhere:0:1:1:silent")
    ask = Ask(SLOT, want=HELD, need=1, waits=True, delay_ms=50)
    frontier.order(SLOT, PATIENTLY | {"paused": True})
    until(lambda: b"@" not in b"".join(server_fields(frontier)), worker, project)
    frontier.order(SLOT, PATIENTLY)
    until(lambda: len(silent.step(asks=[ask]).leased) == HELD, worker, project)


def server_fields(frontier):
    """The fields of the slot's clock: permits begin with @."""
    return frontier._server.hkeys(frontier.keys.of("slot", SLOT))
