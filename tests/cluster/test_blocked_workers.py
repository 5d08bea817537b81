"""Callbacks that hold the interpreter lock for longer than a lease: no heartbeat, so others take over."""

from collections import Counter

import pytest

from tests.support.kill_storm import frontier_at, kill, ledger, refetched, run_to_the_end
from tests.support.project import until

LEASE = 1.5
CONCURRENCY = 4
PAGES = 60
HOLD = 5
ARGUMENTS = (
    "-s", "SPIDER_MODULES=tests.cluster.spiders_for_faults.blocking",
    "-s", "DOWNLOAD_DELAY=0.02",
    "-s", f"CONCURRENT_REQUESTS={CONCURRENCY}",
    "-s", f"CONCURRENT_REQUESTS_PER_DOMAIN={CONCURRENCY}",
    "-s", f"FRONTIER_LEASE={LEASE}",
    "-s", "ROBOTSTXT_OBEY=0",
)  # fmt: skip


@pytest.fixture(name="site")
def many_leaves_of_which_one_blocks(tmp_path, nginx):
    root = tmp_path / "site"
    root.mkdir()
    leaves = [f"{number}.html" if number != HOLD else "hold.html" for number in range(PAGES)]
    (root / "index.html").write_text("".join(f"<a href={leaf}>leaf</a>" for leaf in leaves))
    for leaf in leaves:
        (root / leaf).write_text("leaf")
    return nginx(root)


@pytest.fixture(name="hold")
def file_that_ends_the_block(tmp_path):
    return tmp_path / "hold"


def crawl(project, site, hold):
    command = ("crawl", "links", "-a", f"start_urls={site.url}index.html", *ARGUMENTS)
    return project.start(*command, env={"HOLD_UNTIL": str(hold), "BLOCK_SECONDS": "0"})


def beside(hold, what):
    path = hold.with_name(f"{hold.name}.{what}")
    return path.read_text().splitlines() if path.exists() else []


def blocked(project, site, hold):
    """Starts a worker and returns it once it holds its interpreter's lock."""
    worker = crawl(project, site, hold)
    until(lambda: beside(hold, "held"), worker, project)
    return worker


def assert_each_page_has_its_rows_once(project, site, redis_url):
    stored = Counter(row["url"].removeprefix(site.url) for row in project.rows("sites"))
    assert len(stored) == PAGES + 1
    assert set(stored.values()) == {1}
    logs = [(row["url"].removeprefix(site.url), row["status"]) for row in project.rows("scrape_logs")]
    assert sorted(logs) == sorted((page, "success") for page in stored)
    with frontier_at(redis_url) as frontier:
        assert frontier.check() == []
        assert list(frontier.dead()) == []
        assert frontier.counts()["done"] == PAGES + 1


def test_what_a_worker_without_a_heartbeat_holds_is_done_by_another_and_once(project, redis_url, site, hold):
    # Given a worker that can't extend its leases, and another one
    first = blocked(project, site, hold)
    second = crawl(project, site, hold)

    # When the other has taken over and finished, and the first goes on
    run_to_the_end(project, [second], timeout=40)
    with frontier_at(redis_url) as frontier:
        before = ledger(frontier.counts())
    asked = len(site.requests())
    hold.touch()
    run_to_the_end(project, [first], timeout=40)

    # Then what it says is refused as a whole, and every page has one row
    assert "others have its requests" in project.errors(first)
    with frontier_at(redis_url) as frontier:
        assert ledger(frontier.counts()) == before
    assert_each_page_has_its_rows_once(project, site, redis_url)

    # And it has begun nothing more, though it had more leased: what it asks for now was on its way
    assert set(beside(hold, "begun")) == {"held back"}
    assert len(site.requests()) - asked < CONCURRENCY
    assert refetched(site).total() <= 2 * CONCURRENCY


def test_a_worker_that_was_taken_for_dead_goes_on_with_others(project, redis_url, site, hold):
    # Given a worker that is reaped while another one still has work
    first = blocked(project, site, hold)
    with frontier_at(redis_url) as frontier:
        (token,) = frontier.tokens()
        second = crawl(project, site, hold)
        until(lambda: token not in frontier.tokens(), second, project)

    # When it goes on, then both end, and nothing is lost or doubled
    hold.touch()
    run_to_the_end(project, [first, second], timeout=40)
    assert "others have its requests" in project.errors(first)
    assert set(beside(hold, "begun")) == {"held back"}
    assert_each_page_has_its_rows_once(project, site, redis_url)


def test_a_block_that_ends_before_anyone_looks_costs_nothing(project, redis_url, site, hold):
    # Given a worker that is alone and blocked for longer than a lease
    worker = blocked(project, site, hold)
    with frontier_at(redis_url) as frontier:
        before = frontier.counts()["leased"]
        assert before > CONCURRENCY
    until_lapsed(worker, redis_url, project)

    # When it goes on
    hold.touch()
    run_to_the_end(project, [worker], timeout=40)

    # Then it still has what it had
    assert project.errors(worker) == ""
    assert refetched(site).total() == 0
    assert_each_page_has_its_rows_once(project, site, redis_url)


def until_lapsed(worker, redis_url, project):
    with frontier_at(redis_url) as frontier:
        (token,) = frontier.tokens()
        score, now = frontier._server.zscore, frontier._server.time
        until(lambda: score(frontier.keys.of("workers"), token) < now()[0] * 1000, worker, project)


def test_a_worker_that_dies_while_it_is_blocked_costs_what_it_had_in_flight(project, redis_url, site, hold):
    first = blocked(project, site, hold)
    kill(first)

    run_to_the_end(project, [crawl(project, site, hold)], timeout=40)

    assert refetched(site).total() <= 2 * CONCURRENCY
    assert_each_page_has_its_rows_once(project, site, redis_url)
