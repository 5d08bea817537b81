"""The database is killed in mid-commit, and its connections are cut: no row is lost, none is doubled."""

import secrets
import sys
from random import Random

import pytest

from testing import servers
from tests.support.database_storm import BUSY, cut_connections, storm_over, strange_words
from tests.support.kill_storm import crawl_of, judge, run_to_the_end
from tests.support.project import until


@pytest.fixture(scope="module")
def server():
    with servers.mariadb_server() as server:
        yield server


@pytest.fixture(name="workers")
def two_workers_in_mid_crawl(project, server, sphinx_site):
    server.start()
    project.env["DATABASE_URL"] = server.database()
    workers = [project.start(*crawl_of(sphinx_site), *BUSY) for _ in range(2)]
    until(lambda: len(sphinx_site.requests()) > 10, workers[0], project)
    until(lambda: len(project.rows("runs")) == 2, workers[1], project)
    return workers


def assert_all_is_there_once(project, site, redis_url, workers):
    run_to_the_end(project, workers)
    damage = judge(project, site, redis_url)
    assert damage.wrong == [], "\n".join(damage.wrong)
    assert damage.refetched == 0


@pytest.mark.parametrize("storm", [1, 2, 3])
def test_a_database_that_is_killed_in_commits_loses_and_doubles_no_row(  # noqa: PLR0917 -- by name
    project, sphinx_site, redis_url, server, workers, storm
):
    seed = secrets.randbelow(10**6)
    sys.stdout.write(f"seed {seed}\n")

    killed = storm_over(server, sphinx_site, kills=4, chance=Random(seed))

    assert killed >= 2
    assert_all_is_there_once(project, sphinx_site, redis_url, workers)
    assert strange_words(project, workers) == []


def test_connections_that_are_cut_in_commits_lose_and_double_no_row(project, sphinx_site, redis_url, workers):
    cut = cut_connections(project.database_url, sphinx_site, most=20)

    assert cut > 0
    sys.stdout.write(f"{cut} connections cut\n")
    assert_all_is_there_once(project, sphinx_site, redis_url, workers)
