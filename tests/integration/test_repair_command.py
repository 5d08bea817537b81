"""``scrapy frontier NAME repair`` as an operator gives it, after what can happen to a Redis."""

import json

import pytest
import redis

from scraping_project.frontier.keys import Keys
from tests.support.frontier_worker import dump
from tests.support.kill_storm import frontier_at
from tests.support.small_site import STORED, small_site

FAST = ("-s", "DOWNLOAD_DELAY=0", "-s", "CONCURRENT_REQUESTS_PER_DOMAIN=4", "-s", "ROBOTSTXT_OBEY=0")


@pytest.fixture(name="site")
def a_small_site():
    with small_site() as site:
        yield site


@pytest.fixture(name="client")
def client_of_redis(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        yield client


def crawl(project, site, *arguments, case="site", **options):
    return project.run("crawl", "links", "-a", f"start_urls={site.start(case)}", *FAST, *arguments, **options)


def repair(project, *options, name="links", **more):
    return project.run("frontier", name, "repair", *options, **more)


def go_back_to(client, saved):
    client.flushall()
    for key, value in saved.items():
        client.restore(key, 0, value)


def stored(project, case="site"):
    urls = [row["url"] for row in project.rows("sites")]
    return sorted(url.rpartition("/")[2] for url in urls if f"/{case}/" in url)


def logged(project):
    return sorted(row["url"] for row in project.rows("scrape_logs") if row["status"] != "retried")


@pytest.fixture(name="database")
def project_on_each_database(project, database_url):
    project.env["DATABASE_URL"] = database_url


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("emptied", [False, True])
def test_a_repaired_crawl_is_resumed_by_its_command_and_asks_for_no_stored_page(
    project, site, client, emptied
):
    # Given a crawl that came a good way further than its Redis says
    crawl(project, site, "-a", "max_pages=2")
    saved = {} if emptied else dump(client)
    crawl(project, site, "-a", "max_pages=9")
    done = stored(project)
    go_back_to(client, saved)

    # When it is repaired twice and goes on
    before = dump(client)
    would = repair(project, "--dry-run").stdout
    unchanged = dump(client) == before
    first, second = repair(project).stdout, repair(project).stdout
    asked = site.asked("site")
    crawl(project, site)

    # Then what is stored was asked for once, and all is there once
    again = site.asked("site") - asked
    assert unchanged
    assert would.replace("would repair", "repaired") == first.replace(", ledger clean", "")
    assert first.startswith("repaired: ")
    assert second == "nothing to repair, ledger clean\n"
    assert [page for page in again if page in done] == []
    assert stored(project) == sorted(STORED)
    assert len(logged(project)) == len(set(logged(project)))
    with frontier_at(client_url(client)) as frontier:
        assert frontier.check() == []
        assert frontier.counts()["pages"] == len(STORED)
        assert frontier.counts()["done"] == len(logged(project)) + frontier.counts().get(
            "filtered:redirect known", 0
        )


def client_url(client):
    path = client.connection_pool.connection_kwargs
    return f"unix://{path['path']}" if "path" in path else f"redis://{path['host']}:{path['port']}"


def test_the_links_of_a_seed_that_redis_forgot_are_not_lost(project, site, client, redis_url):
    # Given a crawl that waits for seeds, and a seed that came after the moment to which Redis goes back
    crawl_seeds = ("crawl", "links", *FAST)
    client.lpush(Keys("links").seeds, site.start("first"))
    project.run(*crawl_seeds, "-a", "max_pages=5")
    saved = dump(client)
    client.lpush(Keys("links").seeds, site.start("second"))
    while "e" not in stored(project, "second"):
        with frontier_at(redis_url) as frontier:
            pages = frontier.counts()["pages"]
        project.run(*crawl_seeds, "-a", f"max_pages={pages + 2}")
    go_back_to(client, saved)

    # When it is repaired and goes on
    asked = site.asked("second")
    done = stored(project, "second")
    repair(project)
    project.run(*crawl_seeds, "-a", f"max_pages={2 * len(STORED)}")

    # Then both seeds' pages are all there
    assert stored(project, "first") == stored(project, "second") == sorted(STORED)
    assert [page for page in site.asked("second") - asked if page in done] == []


def test_a_repair_of_a_crawl_at_work_finds_nothing_and_disturbs_nobody(project, site, client):
    # Given workers at work, and one page that keeps them
    asked, release = site.hold("site", "e")
    command = ("crawl", "links", "-a", f"start_urls={site.start('site')}", *FAST)
    workers = [project.start(*command) for _ in range(2)]
    assert asked.wait(30)

    # When the crawl is repaired meanwhile
    while "g" not in stored(project):
        pass
    said = repair(project).stdout
    release()

    # Then each page was asked for once
    assert said == "nothing to repair, ledger clean\n"
    for worker in workers:
        worker.communicate(timeout=30)
    assert stored(project) == sorted(STORED)
    twice = [page for page, times in site.asked("site").items() if times > 1]
    assert twice == ["flaky"]  # which fails when it is asked first


def test_a_crawl_with_rules_comes_back_with_them(project, site, client):
    crawl(project, site, "-a", "max_depth=1", "-a", "max_pages=2")
    client.flushall()
    repair(project)

    refused = crawl(project, site, "-a", "max_depth=2", check=False)
    crawl(project, site, "-a", "max_depth=1")
    assert refused.returncode == 2
    assert "has other rules" in refused.stderr
    assert stored(project) == ["a", "b", "c", "index", "missing", "new"]


def test_a_frontier_that_redis_forgot_is_found_by_the_name_that_the_database_knows(project, site, client):
    crawl(project, site, "-a", "max_pages=2", "-a", "frontier=mine")
    client.flushall()

    assert repair(project, name="mine").stdout.startswith("repaired: 2 pages")
    assert json.loads(project.run("frontier", "mine", "--json").stdout)["done"] == 2


def test_a_crawl_that_had_finished_is_not_brought_back(project, site, client):
    crawl(project, site)
    client.flushall()

    assert "nothing to repair" in repair(project).stdout
    assert client.dbsize() == 0


@pytest.fixture(name="two_crawls")
def ids_of_two_crawls_of_which_the_former_is_in_redis(project, site, client):
    crawl(project, site, "-a", "max_pages=2")
    saved = dump(client)
    client.flushall()
    crawl(project, site, "-a", "max_pages=3")
    go_back_to(client, saved)
    runs = sorted(project.rows("runs"), key=lambda row: row["started_at"])
    return [row["crawl_id"] for row in runs]


def test_of_two_crawls_the_operator_says_which(project, site, client, two_crawls):
    older, newer = two_crawls

    unsaid = repair(project, check=False)
    assert (unsaid.returncode, unsaid.stderr.count("\n")) == (2, 1)
    assert older in unsaid.stderr
    assert f"--crawl {newer}" in unsaid.stderr
    other = repair(project, "--crawl", newer, check=False)
    assert other.returncode == 2
    assert "clear" in other.stderr
    assert repair(project, "--crawl", older).stdout == "nothing to repair, ledger clean\n"

    project.run("frontier", "links", "clear")
    cleared = repair(project, check=False)
    assert cleared.returncode == 2
    assert f"was cleared: bring a crawl back with repair --crawl {newer}" in cleared.stderr
    found = json.loads(repair(project, "--crawl", newer, "--json").stdout)
    assert (found["done"], found["wrong"]) == (3, [])


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("links", "repair"), "neither Redis nor the database knows a crawl of 'links'"),
        (("links", "repair", "--crawl", "no"), "the database knows no crawl no"),
        (("links", "repair", "more"), "'more' is one word too many"),
        (("links", "check", "--dry-run"), "--dry-run belongs to repair"),
        (("links", "--crawl", "x"), "--crawl belongs to repair"),
        (("a:b", "repair"), "no frontier name"),
        (("lnks", "repair"), "there is no frontier 'lnks', nor any other"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(project, redis_url, arguments, word):
    done = project.run("frontier", *arguments, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert word in done.stderr


def test_a_spider_whose_requests_are_not_plain_links_is_refused(project, site, client):
    project.run("crawl", "outline", "-a", f"start_urls={site.start('site')}", *FAST, check=False)

    refused = repair(project, name="outline", check=False)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "'outline' can't be repaired" in refused.stderr
