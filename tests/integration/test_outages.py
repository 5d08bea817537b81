"""Redis and the database go away and come back in mid-crawl: nothing is lost, and it is said once."""

import pytest
import redis

from tests import servers
from tests.integration.test_seeds import until

PAGES = 150


@pytest.fixture(name="site")
def a_chain_of_pages_and_many_leaves(tmp_path, nginx):
    """Serves pages of which each links to the next and to two leaves, so that the queue is always in use."""
    root = tmp_path / "site"
    root.mkdir()
    for number in range(PAGES // 3):
        (root / f"{number}.html").write_text(
            f"<a href={number + 1}.html>n</a><a href=l{number}.html>l</a><a href=m{number}.html>m</a>"
        )
        (root / f"l{number}.html").write_text("leaf")
        (root / f"m{number}.html").write_text("leaf")
    return nginx(root)


def slow_crawl(project, site, *arguments, **options):
    slow = ("-s", "DOWNLOAD_DELAY=0.03", "-s", "ROBOTSTXT_OBEY=0")
    return project.start("crawl", "links", *slow, "-a", f"start_urls={site.url}0.html", *arguments, **options)


def assert_everything_was_stored(project, site):
    found = {row["url"].removeprefix(site.url) for row in project.rows("sites") if row["status_code"] == 200}
    assert found == {f"{kind}{number}.html" for kind in ("", "l", "m") for number in range(PAGES // 3)}


def ended(process, project):
    output, _ = process.communicate(timeout=90)
    assert process.returncode == 0, project.errors(process)
    assert "Traceback" not in project.errors(process)
    return output


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


def test_a_request_that_redis_took_by_half_is_not_lost(project, tmp_path, nginx, redis_url):
    # Given a tree of pages, so that those that are being fetched always lead to new ones
    root = tmp_path / "tree"
    root.mkdir()
    for number in range(63):
        below = (2 * number + 1, 2 * number + 2)
        (root / f"{number}.html").write_text("".join(f"<a href={n}.html>x</a>" for n in below if n < 63))
    site = nginx(root)
    process = slow_crawl(project, site, "-s", "CONCURRENT_REQUESTS=2")
    with redis.Redis.from_url(redis_url, protocol=2) as client:
        # and a queue that refuses requests, so that only the mark in the dupe filter is made
        until(lambda: client.zcard("links:requests") > 2, process, project)
        with client.pipeline() as pipe:
            pipe.rename("links:requests", "aside")
            pipe.set("links:requests", "x")
            pipe.scard("links:dupefilter")
            known = pipe.execute()[-1]
        until(lambda: client.scard("links:dupefilter") > known, process, project)

        # When it takes them again
        client.rename("aside", "links:requests")

    # Then those are crawled, too
    ended(process, project)
    assert len(project.rows("sites")) == 63


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
        until(lambda: "the crawl pauses" in project.errors(process), process, project)
        database.start()

        ended(process, project)
        assert_everything_was_stored(project, site)
    assert project.errors(process).count("the crawl pauses") == 1
    assert project.errors(process).count("the crawl goes on") == 1


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
    assert "keep meta and cb_kwargs to plain data" in done.stderr
    assert {row["url"] for row in project.rows("sites")} == {f"{site.url}l0.html", f"{site.url}l1.html"}
