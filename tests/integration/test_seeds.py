"""A worker without start URLs waits for seeds in Redis."""

import asyncio
import json
import signal
import subprocess
import time

import pytest
import redis
import redis.asyncio

from scraping_project.frontier.keys import Keys
from scraping_project.frontier.seeds import SeedQueue
from tests.integration.test_crawl_command import FAST

KEY = "links:start_urls"


@pytest.fixture(name="site")
def a_site_of_single_pages(tmp_path, nginx):
    root = tmp_path / "site"
    root.mkdir()
    for name in "abcdefgh":
        (root / name).write_text("page")
    return nginx(root)


@pytest.fixture(name="client")
def a_client(redis_url):
    with redis.Redis.from_url(redis_url, protocol=2) as client:
        yield client


def until(condition, process, project):
    """Waits until the condition holds while the process lives; pytest's timeout is the bound."""
    while not condition():
        assert process.poll() is None, project.errors(process)
        time.sleep(0.05)


def waiting(project, *arguments, **options):
    process = project.start("crawl", "links", *FAST, "-s", "ROBOTSTXT_OBEY=0", *arguments, **options)
    until(lambda: "waiting for seeds" in project.errors(process), process, project)
    return process


def fetched(site):
    return [request.uri for request in site.requests()]


def end(process):
    process.send_signal(signal.SIGTERM)
    return process.communicate(timeout=30)[0]


def test_a_waiting_worker_says_how_to_push_a_seed_and_the_command_works(project, site, redis_url):
    process = waiting(project)
    port = redis_url.split(":")[2].split("/")[0]

    assert project.errors(process) == f"waiting for seeds: redis-cli lpush {KEY} https://example.com/\n"
    subprocess.run(
        ["redis-cli", "-p", port, "lpush", KEY, f"{site.url}a?x=1&y=2"], check=True, capture_output=True
    )

    until(lambda: fetched(site) == ["/a?x=1&y=2"], process, project)
    until(lambda: len(project.rows("sites")) == 1, process, project)
    assert end(process).startswith("interrupted: 1 page, 0 links")
    assert process.returncode == 130


def test_json_seeds_may_be_posts_known_ones_are_filtered_and_dont_filter_fetches_again(project, site, client):
    process = waiting(project)
    seeds = [
        f"{site.url}a",
        f"{site.url}a",
        json.dumps({"url": f"{site.url}a", "dont_filter": True}),
        json.dumps({"url": f"{site.url}b?q", "headers": {"User-Agent": "mine"}, "meta": {"page": 1}}),
        f"{site.url}h",
    ]
    for seed in seeds:
        client.lpush(KEY, seed)

    until(lambda: len(fetched(site)) == 4, process, project)
    end(process)

    assert sorted(fetched(site)) == ["/a", "/a", "/b?q", "/h"]
    assert {request.uri for request in site.requests() if request.user_agent == "mine"} == {"/b?q"}


BAD = [
    b"nonsense",
    b"",
    b"\xff\xfe",
    b"http://a.example/\x00",
    b"x" * 100_000,
    b'{"url": "http://a.example/", "callback": "parse"}',
    b'{"url": "http://a.example/", "meta": {"proxy": "http://x"}}',
    b'{"url": "http://a.example/", "meta": {"a": ' + b"[" * 10_000 + b"]" * 10_000 + b"}}",
    b'{"url": "http://a.example/", "method": "G T"}',
    b'{"url": "http://a.example/", "headers": {"a b": "x"}}',
]


@pytest.mark.parametrize("database", ["sqlite", "mariadb"])
def test_bad_seeds_leave_a_dead_row_each_and_the_worker_goes_on(project, site, client, database, request):
    if database == "mariadb":
        project.env["DATABASE_URL"] = request.getfixturevalue("mariadb_url")
    process = waiting(project)
    client.lpush(KEY, *BAD, f"{site.url}a")

    until(lambda: len(project.rows("scrape_logs")) == len(BAD) + 1, process, project)

    end(process)
    rows = [row for row in project.rows("scrape_logs") if row["status"] == "dead"]
    assert [row["reason"] for row in rows] == ["undecodable"] * len(BAD)
    assert fetched(site) == ["/a"]
    assert "Traceback" not in project.errors(process)


def test_a_worker_that_is_ended_gives_back_what_it_has_taken(project, site, client):
    process = waiting(project)

    end(process)
    client.lpush(KEY, f"{site.url}a")

    assert process.returncode == 130
    assert [key for key in client.keys("*") if key.startswith(KEY.encode())] == [KEY.encode()]
    second = waiting(project)
    until(lambda: fetched(site) == ["/a"], second, project)
    end(second)


def test_a_waiting_worker_outlives_a_restart_of_redis_and_says_so_once(project, site, redis_server):
    process = waiting(project, env={"REDIS_URL": redis_server.url})
    redis_server.kill()
    until(lambda: "Redis does not answer" in project.errors(process), process, project)

    redis_server.start()
    with redis.Redis.from_url(redis_server.url, protocol=2) as client:
        client.lpush(KEY, f"{site.url}a")

    until(lambda: fetched(site) == ["/a"], process, project)
    until(lambda: "Redis answers again" in project.errors(process), process, project)
    end(process)
    assert project.errors(process).count("Redis does not answer") == 1
    assert project.errors(process).count("Redis answers again") == 1
    assert "Traceback" not in project.errors(process)


def test_a_waiting_worker_may_be_ended_while_redis_is_away(project, redis_server):
    process = waiting(project, env={"REDIS_URL": redis_server.url})
    redis_server.kill()
    until(lambda: "Redis does not answer" in project.errors(process), process, project)

    end(process)

    assert process.returncode == 130
    assert "Traceback" not in project.errors(process)


def test_another_frontier_waits_under_its_own_name(project, client):
    process = waiting(project, "-a", "frontier=mine")

    assert "lpush mine:start_urls" in project.errors(process)
    end(process)


async def take_one_and_give_back(redis_url):
    async with redis.asyncio.from_url(redis_url, protocol=2) as server:
        queue = SeedQueue(server, Keys("links"), lambda: "worker")
        seeds = aiter(queue)
        taken = await anext(seeds)
        await seeds.aclose()
        await queue.give_back()
        return taken


def test_a_seed_that_was_taken_and_not_queued_is_given_back_to_be_the_next(redis_url, client):
    client.lpush(KEY, "first", "second")

    taken = asyncio.run(take_one_and_give_back(redis_url))

    assert taken == b"first"
    assert client.lrange(KEY, 0, -1) == [b"second", b"first"]
    assert client.keys("*") == [KEY.encode()]
