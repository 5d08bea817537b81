"""Redis and the database go away and come back in mid-crawl: nothing is lost, and it is said once."""

import signal

import pytest
import redis

from testing import servers
from tests.support.fast_crawl import IMPATIENT
from tests.support.project import until
from tests.support.slow_crawl import PAGES, chain_of_pages, ended, slow_crawl


@pytest.fixture(name="site")
def a_chain_of_pages_and_many_leaves(tmp_path, nginx):
    return nginx(chain_of_pages(tmp_path / "site"))


def assert_everything_was_stored(project, site):
    found = {row["url"].removeprefix(site.url) for row in project.rows("sites") if row["status_code"] == 200}
    assert found == {f"{kind}{number}.html" for kind in ("", "l", "m") for number in range(PAGES // 3)}


def test_a_crawl_outlives_a_restart_of_redis(project, site, redis_server):
    process = slow_crawl(project, site, env={"REDIS_URL": redis_server.url})
    until(lambda: len(site.requests()) > 20, process, project)

    redis_server.kill()
    until(lambda: "Redis does not answer" in project.errors(process), process, project)
    redis_server.start()

    ended(process, project)
    assert_everything_was_stored(project, site)
    assert project.errors(process).count("Redis does not answer") == 1
    assert project.errors(process).count("Redis answers again") == 1


def test_a_crawl_outlives_a_redis_that_is_full(project, site, redis_server):
    process = slow_crawl(project, site, env={"REDIS_URL": redis_server.url})
    until(lambda: len(site.requests()) > 20, process, project)

    with redis.Redis.from_url(redis_server.url, protocol=2) as client:
        client.config_set("maxmemory", 1)
        until(lambda: "Redis does not answer" in project.errors(process), process, project)
        client.config_set("maxmemory", 0)

    ended(process, project)
    assert_everything_was_stored(project, site)
    assert project.errors(process).count("Redis answers again") == 1


def test_a_crawl_may_be_ended_while_redis_is_away_and_loses_nothing(project, site, redis_server):
    process = slow_crawl(project, site, *IMPATIENT, env={"REDIS_URL": redis_server.url})
    until(lambda: len(site.requests()) > 20, process, project)
    redis_server.kill()
    until(lambda: "Redis does not answer" in project.errors(process), process, project)

    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 130, project.errors(process)
    assert output.startswith("interrupted: ")
    assert "Traceback" not in project.errors(process)
    assert [run["reason"] for run in project.rows("runs")] == ["shutdown"]
    redis_server.start()
    ended(slow_crawl(project, site, *IMPATIENT, env={"REDIS_URL": redis_server.url}), project)
    assert_everything_was_stored(project, site)


def test_a_crawl_whose_scripts_redis_has_forgotten_goes_on(project, site, redis_server):
    process = slow_crawl(project, site, env={"REDIS_URL": redis_server.url})
    until(lambda: len(site.requests()) > 20, process, project)

    with redis.Redis.from_url(redis_server.url, protocol=2) as client:
        client.script_flush()

    ended(process, project)
    assert_everything_was_stored(project, site)
    assert project.errors(process) == ""


def test_three_workers_outlive_a_restart_of_redis(project, site, redis_server):
    process = slow_crawl(project, site, "--workers", "3", env={"REDIS_URL": redis_server.url})
    until(lambda: len(site.requests()) > 20, process, project)

    redis_server.stop()
    redis_server.start()

    ended(process, project)
    assert_everything_was_stored(project, site)


def test_a_crawl_outlives_a_restart_of_the_database(project, site):
    with servers.mariadb_server() as database:
        project.env["DATABASE_URL"] = database.database()
        process = slow_crawl(project, site)
        until(lambda: len(site.requests()) > 20, process, project)

        database.kill()
        until(lambda: "Nothing can be stored" in project.errors(process), process, project)
        database.start()

        ended(process, project)
        assert_everything_was_stored(project, site)
    assert project.errors(process).count("Nothing can be stored") == 1
    assert project.errors(process).count("The database takes rows again: the crawl goes on") == 1


def test_a_request_that_can_not_be_stored_is_crawled_by_the_worker_that_made_it(project, tmp_path, site):
    spiders = tmp_path / "more_spiders"
    spiders.mkdir()
    (spiders / "__init__.py").touch()
    (spiders / "lambdas.py").write_text(
        "from scrapy import Request, Spider\n"
        "class Lambdas(Spider):\n"
        "    name = 'lambdas'\n"
        "    async def start(self):\n"
        f"        yield Request('{site.url}l0.html', callback=lambda response: None)\n"
        f"        yield Request('{site.url}l1.html', meta={{'thing': object()}})\n"
        "    def parse(self, response):\n"
        "        return None\n"
    )
    env = {"PYTHONPATH": str(tmp_path)}

    done = project.run(
        "crawl", "lambdas", "-s", "SPIDER_MODULES=more_spiders", "-s", "DOWNLOAD_DELAY=0", env=env
    )

    assert "make it a method of the spider" in done.stderr
    assert {row["url"] for row in project.rows("sites")} == {f"{site.url}l0.html", f"{site.url}l1.html"}


FAULTY = """
from scraping_project.frontier.frontier import Frontier
from spiders.links import LinksSpider

steps = iter(range(100))
checkpoint = Frontier.checkpoint


def fail_at_the_third(self, step):
    if next(steps) == 2:
        raise TypeError("a fault of this program")
    return checkpoint(self, step)


Frontier.checkpoint = fail_at_the_third


class Faulty(LinksSpider):
    name = "faulty"
"""


def test_a_fault_of_the_checkpoint_ends_the_run_and_gives_back_what_it_held(
    project, site, redis_url, tmp_path
):
    (tmp_path / "faulty_spiders.py").write_text(FAULTY)
    modules = ("-s", "SPIDER_MODULES=faulty_spiders", "-s", "DOWNLOAD_DELAY=0.03")
    arguments = ("crawl", "faulty", *modules, "-a", f"start_urls={site.url}0.html")
    faulty = project.run(*arguments, env={"PYTHONPATH": str(tmp_path)}, check=False)
    assert faulty.returncode == 1
    assert "ended early (fault)" in faulty.stdout
    assert "a fault of this program" in faulty.stderr
    with redis.Redis.from_url(redis_url, protocol=2) as server:
        assert not server.exists("{faulty:start_urls}:workers")
        assert int(server.hget("{faulty:start_urls}:crawl", "queued")) > 0
