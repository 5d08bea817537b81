"""A worker without start URLs waits for seeds in Redis."""

import json
import signal
import subprocess
from pathlib import Path

import pytest
import redis

from scraping_project.frontier.keys import Keys
from tests.support.fast_crawl import FAST
from tests.support.hostile_server import hostile_server, redirect, whole
from tests.support.project import until
from tests.support.seeded_crawl import KEY, end, fetched, waiting


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


def test_what_a_page_redirects_to_is_not_asked_for_on_the_conditions_of_that_page(project, client):
    dated = {"If-Modified-Since": "Tue, 01 Jul 2025 12:00:00 GMT", "If-None-Match": '"a"', "X-Own": "y"}
    answers = {"/a": redirect(b"/b"), "/b": whole("200 OK", b"b")}
    with hostile_server(answers) as server:
        process = waiting(project)
        client.lpush(KEY, json.dumps({"url": f"{server.url}/a", "headers": dated}))
        until(lambda: project.rows("sites"), process, project)
        end(process)
        moved, found = server.requests

    assert 'If-None-Match: "a"' in moved
    assert "X-Own: y" in found
    assert "If-" not in found


def test_a_page_that_is_tried_again_is_asked_for_on_the_same_conditions(project, client):
    with hostile_server({"/a": whole("503 Busy", b"")}) as server:
        process = waiting(project, "-s", "RETRY_TIMES=1")
        client.lpush(KEY, json.dumps({"url": f"{server.url}/a", "headers": {"If-None-Match": '"a"'}}))
        until(lambda: project.rows("sites"), process, project)
        end(process)

    assert ['If-None-Match: "a"' in request for request in server.requests] == [True, True]


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
    b'{"url": "http://a.example/", "headers": {"Content-Length": "5"}}',
    b'{"url": "http://a.example/", "headers": {"A": "b\\r\\nHost: c"}}',
    b'{"url": "http://a.example/", "headers": {"A": 5}}',
    b'{"url": "http://a.example/", "method": "CONNECT"}',
    b'{"url": "http://a.example/", "priority": 2147483648}',
    b'{"url": "http://a.example/", "priority": 1' + b"0" * 40 + b"}",
    b'{"url": "http://a.example/", "priority": 1e400}',
    b'{"url": "http://a.example/", "body": {"a": 1}}',
    b'{"url": "http://a.example/", "meta": "a"}',
    b'{"url": "http://a.example/", "meta": {"redirect_reasons": 5}}',
    b'{"url": "http://a.example/", "meta": {"a": 18446744073709551616}}',
    b'{"url": "http://a.example/", "meta": {"a": "\\ud800"}}',
    b'{"url": "http://a.example/", "meta": {"a": ' + b"[" * 400 + b"]" * 400 + b"}}",
    b'{"url": "http://a.example/", "dont_filter": "yes"}',
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
    letters = project.run("frontier", "links", "dead", "--json").stdout.splitlines()
    assert {json.loads(letter)["url"] for letter in letters} == {row["url"] for row in rows}
    assert project.run("frontier", "links", "check").stdout.startswith("clean")


def test_a_refused_seed_that_is_requeued_is_refused_again_and_never_fetched(project, site, client, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    process = waiting(project)
    client.lpush(KEY, secret.as_uri(), "data:,secret")
    until(lambda: len(project.rows("scrape_logs")) == 2, process, project)

    requeued = project.run("frontier", "links", "requeue").stdout
    client.lpush(KEY, f"{site.url}a")

    assert requeued == "requeued 2 of 2\n"
    until(lambda: len(project.rows("scrape_logs")) == 5, process, project)
    end(process)
    assert [row["url"] for row in project.rows("sites")] == [f"{site.url}a"]
    letters = project.run("frontier", "links", "dead", "--json").stdout.splitlines()
    assert {json.loads(letter)["url"] for letter in letters} == {secret.as_uri(), "data:,secret"}


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


AS_SET, AS_SORTED_SET = ("-s", "REDIS_START_URLS_AS_SET=1"), ("-s", "REDIS_START_URLS_AS_ZSET=1")


@pytest.mark.parametrize(
    ("setting", "push"),
    [
        (AS_SET, ["sadd", KEY]),
        (AS_SORTED_SET, ["zadd", KEY, "0"]),
        ((), ["sadd", KEY]),
        ((), ["zadd", KEY, "5"]),
    ],
)
def test_any_spider_takes_seeds_from_a_set_or_a_sorted_set(project, site, client, setting, push):
    process = waiting(project, *setting)
    if setting:
        assert f"redis-cli {' '.join(push)} https://example.com/" in project.errors(process)

    for name in "ab":
        client.execute_command(*push, f"{site.url}{name}")
    until(lambda: sorted(fetched(site)) == ["/a", "/b"], process, project)
    until(lambda: len(project.rows("sites")) == 2, process, project)

    end(process)
    assert [key for key in client.keys("*") if key.startswith(KEY.encode())] == []
    assert "can't be taken" not in project.errors(process)


def test_the_seeds_of_a_sorted_set_are_crawled_the_highest_score_first(project, site, client):
    client.zadd(KEY, {f"{site.url}{name}": score for score, name in enumerate("abcdefgh")})
    slowly = ("-s", "CONCURRENT_REQUESTS_PER_DOMAIN=1")

    process = waiting(project, *AS_SORTED_SET, *slowly)
    until(lambda: len(fetched(site)) == 8, process, project)

    end(process)
    assert fetched(site) == [f"/{name}" for name in reversed("abcdefgh")]


def test_a_key_that_is_no_kind_of_seeds_is_told_once_and_read_when_it_is_one(project, site, client):
    client.set(KEY, "oops")
    process = waiting(project, *AS_SET)
    until(lambda: "can't be taken" in project.errors(process), process, project)

    client.delete(KEY)
    client.sadd(KEY, f"{site.url}a")
    until(lambda: fetched(site) == ["/a"], process, project)

    end(process)
    assert project.errors(process).count(f"{KEY} is a string, no list, set or sorted set of seeds") == 1


@pytest.mark.parametrize("setting", [(), AS_SET, AS_SORTED_SET])
def test_a_seed_outlives_a_worker_that_is_killed_after_taking_it_and_before_its_push(
    project, site, client, setting
):
    # Given a worker that dies with the seed in its hands
    seeds = [f"{site.url}{name}" for name in "abc"]
    push_as(client, setting, seeds)
    process = feed(project, "-a", "dies=1", *setting)
    assert process.wait(30) == -signal.SIGKILL, project.errors(process)
    (taken,) = client.keys(Keys("links").of("seeds", "*"))
    assert client.llen(taken) > 0
    assert fetched(site) == []

    # When another comes
    second = feed(project, *setting)
    until(lambda: len(fetched(site)) == 3, second, project)
    until(lambda: len(project.rows("sites")) == 3, second, project)

    # Then it crawls them all, each once
    end(second)
    assert sorted(fetched(site)) == ["/a", "/b", "/c"]
    assert client.keys(Keys("links").of("seeds", "*")) == []


def feed(project, *arguments):
    """Starts a worker that takes seeds; with ``-a dies=1`` it kills itself with the first in its hands."""
    command = ("crawl", "dies_with_a_seed", "-s", "SPIDER_MODULES=dies", *FAST, "-a", "frontier=links")
    folder = Path(__file__).with_name("leaving_spiders")
    more = ("-s", "ROBOTSTXT_OBEY=0", *arguments)
    return project.start(*command, *more, env={"PYTHONPATH": str(folder)})


def push_as(client, setting, seeds):
    if setting == AS_SORTED_SET:
        client.zadd(KEY, dict.fromkeys(seeds, 7))
    elif setting == AS_SET:
        client.sadd(KEY, *seeds)
    else:
        client.lpush(KEY, *seeds)


@pytest.mark.parametrize(("setting", "kind"), [((), b"list"), (AS_SET, b"set"), (AS_SORTED_SET, b"zset")])
def test_what_a_dead_worker_took_lies_where_it_lay_once_it_is_reaped(project, site, client, setting, kind):
    # Given a worker that dies with all the seeds there were
    push_as(client, setting, [f"{site.url}a"])
    process = feed(project, "-a", "dies=1", *setting)
    assert process.wait(30) == -signal.SIGKILL, project.errors(process)
    assert client.exists(KEY) == 0

    # When the crawl is cleared
    project.run("frontier", "links", "clear")

    # Then the seed is back, as what it was
    assert client.type(KEY) == kind
    if kind == b"zset":
        assert client.zrange(KEY, 0, -1, withscores=True) == [(f"{site.url}a".encode(), 7.0)]
