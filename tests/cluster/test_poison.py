"""A page that kills whoever parses it costs a few workers and nothing else."""

import time

import pytest
import redis

from tests.support.kill_storm import frontier_at, kill
from tests.support.small_site import STORED, small_site

DEADLY = 9
MOST_DEATHS = 5
OPEN = ("queued", "delayed", "leased")
ARGUMENTS = (
    "-s", "SPIDER_MODULES=tests.cluster.spiders_for_faults.poisoned",
    "-s", "DOWNLOAD_DELAY=0",
    "-s", "CONCURRENT_REQUESTS_PER_DOMAIN=8",
    "-s", "FRONTIER_LEASE=4",
)  # fmt: skip


@pytest.fixture
def site():
    with small_site() as site:
        yield site


def test_a_page_that_kills_its_worker_is_buried_and_all_others_are_stored(project, redis_url, site):
    # Given a worker that is started again whenever it dies
    command = ("crawl", "links", "-a", f"start_urls={site.start('site')}", *ARGUMENTS)
    codes = []
    while not codes or codes[-1] != 0:
        worker = project.start(*command)
        worker.communicate(timeout=60)
        codes.append(worker.returncode)
        assert len(codes) <= MOST_DEATHS + 1, project.errors(worker)

    # Then it dies of nothing but the page, and only so often
    assert set(codes[:-1]) == {DEADLY}
    assert_the_poison_alone_is_dead(project, redis_url, site)


def test_a_page_that_is_all_there_is_to_crawl_is_buried_with_a_row_and_not_crawled_anew(project, site):
    command = ("crawl", "links", "-a", f"start_urls={site.url}/site/b", "-a", "max_depth=0", *ARGUMENTS)
    codes = []
    while not codes or codes[-1] == DEADLY:
        worker = project.start(*command)
        worker.communicate(timeout=60)
        codes.append(worker.returncode)
        assert len(codes) <= MOST_DEATHS + 1, project.errors(worker)

    assert codes == [DEADLY] * MOST_DEATHS + [1], "the last one has nothing to do"
    assert len({row["crawl_id"] for row in project.rows("runs")}) == 1
    (row,) = project.rows("scrape_logs")
    assert (row["status"], row["reason"]) == ("dead", "deliveries")


def test_a_page_that_kills_its_worker_costs_two_workers_no_more_deaths_than_one(project, redis_url, site):
    # Given two workers that wait for seeds, so that neither begins another crawl, and are started again
    running = [project.start("crawl", "links", *ARGUMENTS) for _ in range(2)]
    deaths = 0
    with redis.Redis.from_url(redis_url, protocol=2) as client, frontier_at(redis_url) as frontier:
        client.lpush("links:start_urls", site.start("site"))
        while not (frontier.counts().get("dead") and not any(map(frontier.counts().get, OPEN))):
            for dead in [worker for worker in running if worker.poll() is not None]:
                dead.communicate()
                assert dead.returncode == DEADLY, project.errors(dead)
                running[running.index(dead)] = project.start("crawl", "links", *ARGUMENTS)
                deaths += 1
            time.sleep(0.05)

        # When the page is buried, and its row is stored
        while not [row for row in project.rows("scrape_logs") if row["reason"] == "deliveries"]:
            time.sleep(0.05)

    # Then that took no more deaths
    kill(*running)
    assert deaths <= MOST_DEATHS
    assert_the_poison_alone_is_dead(project, redis_url, site)


def assert_the_poison_alone_is_dead(project, redis_url, site):
    with frontier_at(redis_url) as frontier:
        assert frontier.check() == []
        (dead,) = frontier.dead()
    assert dead.letter["reason"] == "deliveries"
    poison = site.start("site").replace("index", "b")
    (row,) = [row for row in project.rows("scrape_logs") if row["url"] == poison]
    assert (row["status"], row["reason"]) == ("dead", "deliveries")
    stored = [row["url"].rpartition("/")[2] for row in project.rows("sites")]
    assert sorted(stored) == sorted(STORED - {"b"})
