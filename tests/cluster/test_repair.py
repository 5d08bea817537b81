"""A repaired frontier fetches nothing again that the database knows, and loses nothing that it does not."""

import json
import re
import shutil
import sys
from collections import Counter

import pytest
import redis

from tests.support.chance import chance
from tests.support.kill_storm import crawl_of, frontier_at, judge, kill, run_to_the_end, stored_html
from tests.support.oracle import wget_html_urls
from tests.support.project import until
from tests.support.traced_crawl import ENOUGH, crawl
from tests.support.traced_redis import TracedRedis

#: Pages that are answered after the moment to which Redis goes back at the latest.
SINCE = 30


@pytest.fixture
def server(tmp_path):
    directory = tmp_path / "redis"
    directory.mkdir()
    with TracedRedis(directory) as server:
        yield server


class Saved:
    """What Redis and the database held at a moment, to go back to."""

    def __init__(self, project, server, directory):
        self._places = {directory / "redis": server.directory / "appendonlydir"}
        self._places[directory / "data"] = project.data_dir
        for copy, place in self._places.items():
            shutil.copytree(place, copy)

    def restore(self):
        for copy, place in self._places.items():
            shutil.rmtree(place)
            shutil.copytree(copy, place)


def interrupted_crawl(project, site, server):
    """Two workers that are killed in the middle; returns how long the append-only file was before that."""
    workers = [crawl(project, site, server) for _ in range(2)]
    until(lambda: len(site.requests()) > ENOUGH, workers[0], project)
    size, pages = server.file.stat().st_size, len(site.requests())
    until(lambda: len(site.requests()) > pages + SINCE, workers[0], project)
    kill(*workers)
    return size


def repair(project, server, *options):
    return project.run("frontier", "links", "repair", *options, env={"REDIS_URL": server.url}).stdout


def resume(project, site, server):
    """Crawls to the end; returns how often each path was asked for."""
    before = asked(site)
    command = (*crawl_of(site), "-s", "DOWNLOAD_DELAY=0", "-s", "CONCURRENT_REQUESTS_PER_DOMAIN=8")
    run_to_the_end(project, [project.start(*command, env={"REDIS_URL": server.url})])
    return asked(site) - before


def asked(site):
    paths = Counter(request.uri for request in site.requests() if "Wget" not in request.user_agent)
    del paths["/robots.txt"]
    return paths


def done_paths(project):
    """The pages that the database has as done."""
    logs = project.rows("scrape_logs")
    return {"/" + row["url"].split("/", 3)[3] for row in logs if row["status"] in {"success", "failed"}}


def assert_whole(project, site, server):
    damage = judge(project, site, server.url)
    assert damage.wrong == [], "\n".join(damage.wrong)


def test_after_a_repair_no_page_is_fetched_again_that_the_database_had_as_done(
    project, sphinx_site, server, tmp_path
):
    # Given a crawl whose Redis is cut off at some place before its end
    size = interrupted_crawl(project, sphinx_site, server)
    server.kill()
    with chance() as random, server.file.open("r+b") as file:
        file.truncate(random.randrange(size // 2, size))
    saved, done = Saved(project, server, tmp_path / "saved"), done_paths(project)

    # When it is resumed as it is
    server.start()
    without = resume(project, sphinx_site, server)

    # Then pages are fetched again, and when it is repaired before, none is
    server.kill()
    saved.restore()
    server.start()
    said = repair(project, server)
    once_more = repair(project, server)
    after = resume(project, sphinx_site, server)
    again = sum(without[path] for path in done)
    sys.stdout.write(f"{again} of {len(done)} pages fetched again without a repair; {said}")
    assert again > 0
    assert [path for path in done if after[path]] == []
    assert re.fullmatch(r"repaired: \d+ pages? known to be done.*, ledger clean\n", said)
    assert once_more == "nothing to repair, ledger clean\n"
    assert_whole(project, sphinx_site, server)


def test_a_repair_while_the_workers_of_a_redis_that_was_set_back_go_on_loses_nothing(
    project, sphinx_site, server
):
    # Given workers that outlive a Redis which goes back in time
    workers = [crawl(project, sphinx_site, server) for _ in range(2)]
    until(lambda: len(sphinx_site.requests()) > ENOUGH, workers[0], project)
    size, pages = server.file.stat().st_size, len(sphinx_site.requests())
    until(lambda: len(sphinx_site.requests()) > pages + SINCE, workers[0], project)
    server.kill()
    with chance() as random, server.file.open("r+b") as file:
        file.truncate(random.randrange(size // 2, size))

    # When it is repaired twice while they work on
    server.start()
    said = [repair(project, server) for _ in range(2)]
    run_to_the_end(project, workers)

    # Then all is there, and the ledger was exact at any time
    sys.stdout.write("".join(said))
    assert all(line.endswith("ledger clean\n") for line in said)
    assert stored_html(project) == wget_html_urls(sphinx_site)
    with frontier_at(server.url) as frontier:
        assert frontier.check() == []
        assert list(frontier.dead()) == []
        assert frontier.counts()["done"] == frontier.counts()["discovered"]


def test_an_emptied_redis_is_filled_again_from_the_database(project, sphinx_site, server):
    # Given a crawl whose Redis has forgotten everything
    interrupted_crawl(project, sphinx_site, server)
    done = done_paths(project)
    with frontier_at(server.url) as frontier, redis.Redis.from_url(server.url) as client:
        crawl_id = frontier.crawl().id
        client.flushall()

    # When it is repaired and the same command goes on
    would = json.loads(repair(project, server, "--dry-run", "--json"))
    with redis.Redis.from_url(server.url) as client:
        assert client.dbsize() == 0
    found = json.loads(repair(project, server, "--json"))
    after = resume(project, sphinx_site, server)

    # Then it is the same crawl, no page is fetched again, and all are there
    assert found == {"done": len(done), "ended": 0, "put_back": would["put_back"], "wrong": []}
    assert would == {name: number for name, number in found.items() if name != "wrong"}
    assert [path for path in done if after[path]] == []
    with frontier_at(server.url) as frontier:
        assert frontier.crawl().id == crawl_id
    assert {row["crawl_id"] for row in project.rows("scrape_logs")} == {crawl_id}
    assert_whole(project, sphinx_site, server)
