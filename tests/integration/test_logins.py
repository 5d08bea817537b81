"""A login in a URL goes out as Authorization for that request, and stands in nothing that people read."""

import json
from base64 import b64encode
from pathlib import Path

import pytest
import redis

from tests.support.fast_crawl import FAST
from tests.support.hostile_server import HTML, hostile_server, redirect, whole
from tests.support.project import until
from tests.support.seeded_crawl import end, waiting

KEY = "links:start_urls"
SECRET = "canary-in-the-coal-mine"
LOGIN = f"miner:{SECRET}"
ENCODED = b64encode(LOGIN.encode()).decode()
BASIC = f"Authorization: Basic {ENCODED}"
#: What a page tells others to log in with.
THEIRS = f"theirs:{SECRET}"
AS_TOLD = f"Authorization: Basic {b64encode(THEIRS.encode()).decode()}"
SPIDERS = {"PYTHONPATH": str(Path(__file__).with_name("login_spiders"))}
#: What leaves rows, letters and lines of all kinds.
VERBOSE = ("-s", "LOG_LEVEL=DEBUG", "-s", "RETRY_TIMES=1", *FAST)
BUSY = whole("503 Busy", b"")


def asked(server):
    """The path of each request, and whether it brought the login, in the order of paths."""
    return sorted((request.split(" ")[1], BASIC in request) for request in server.requests)


def host_of(server):
    return server.url.removeprefix("http://")


def with_login(server, path, login=LOGIN):
    return f"http://{login}@{host_of(server)}{path}"


def assert_nowhere(project, *outputs):
    """The secret is in no file of the project's, in no output, and in no export."""
    files = [path for path in project.data_dir.rglob("*") if path.is_file()]
    texts = {str(path): path.read_bytes().decode("latin-1") for path in files}
    texts |= {str(number): output for number, output in enumerate(outputs)}
    for table in ("sites", "logs", "links"):
        texts[table] = project.run("export", table).stdout
    texts["dead"] = project.run("frontier", "links", "dead", "--json").stdout
    texts["ledger"] = project.run("frontier", "links").stdout
    found = [name for name, text in texts.items() if SECRET in text or ENCODED in text]
    assert found == []
    assert any("scraping.db" in name for name in texts)


def assert_not_in_redis(client, *, payloads):
    """Nothing but so many dead requests' payloads holds the login, and these hold it as a header."""
    held = {key.decode(): content(client, key) for key in client.scan_iter()}
    assert [key for key, text in held.items() if SECRET in text] == []
    assert sum(text.count(ENCODED) for text in held.values()) == payloads
    assert held


def content(client, key):
    read = {
        b"string": lambda: client.get(key),
        b"hash": lambda: client.hgetall(key),
        b"list": lambda: client.lrange(key, 0, -1),
        b"set": lambda: client.smembers(key),
        b"zset": lambda: client.zrange(key, 0, -1),
    }
    return str(read[client.type(key)]())


@pytest.fixture(name="client")
def a_client(redis_url):
    with redis.Redis.from_url(redis_url, protocol=2) as client:
        yield client


def test_a_login_goes_where_it_was_meant_to_and_stands_nowhere(project, client):
    elsewhere = {"/landed": whole("200 OK", b"<title>landed</title>", HTML)}
    page = b"<title>x</title><a href=//" + LOGIN.encode() + b"@%s/linked>x</a>"
    with hostile_server(elsewhere) as other, hostile_server({}) as server:
        server._answers |= {
            "/": whole("200 OK", page % host_of(server).encode(), HTML),
            "/linked": whole("200 OK", b"<title>linked</title>", HTML),
            "/busy": BUSY,
            "/away": redirect(with_login(other, "/landed", THEIRS).encode()),
            "/here": redirect(b"/there"),
            "/there": whole("200 OK", b"", HTML),
            "/given": redirect(with_login(server, "/taken", THEIRS).encode()),
            "/taken": whole("200 OK", b"", HTML),
        }
        paths = ("/", "/busy", "/away", "/here", "/given", "/reset")
        start_urls = ",".join(with_login(server, path) for path in paths)
        run = project.run("crawl", "links", "-a", f"start_urls={start_urls}", *VERBOSE)

    assert asked(server) == [
        ("/", True), ("/away", True), ("/busy", True), ("/busy", True), ("/given", True), ("/here", True),
        ("/linked", False), ("/reset", True), ("/reset", True), ("/robots.txt", False), ("/taken", True),
        ("/there", True),
    ]  # fmt: skip
    assert asked(other) == [("/landed", False), ("/robots.txt", False)]
    assert [AS_TOLD in request for request in other.requests] == [
        " /landed " in each for each in other.requests
    ]
    everything = "".join(server.requests + other.requests)
    assert "@" not in "".join(line for line in everything.splitlines() if line.startswith("Referer"))
    assert {row["reason"] for row in project.rows("scrape_logs")} == {None, "http_503", "reset"}
    (row,) = project.rows("runs")
    assert f"http://***@{host_of(server)}/busy" in str(row["arguments"])
    assert "Crawled (200)" in run.stderr
    assert_nowhere(project, run.stdout, run.stderr)
    assert_not_in_redis(client, payloads=1)


def test_a_login_outlives_the_worker_that_pushed_it(project):
    # Given a run that ends with a request in the queue
    answers = {path: whole("200 OK", b"", HTML) for path in ("/a", "/b")}
    with hostile_server(answers) as server:
        crawl = ("crawl", "links", *FAST, "-a")
        first = f"start_urls={with_login(server, '/a')},{with_login(server, '/b')}"
        project.run(*crawl, first, "-a", "max_pages=1", "-s", "CONCURRENT_REQUESTS=1")
        (page,) = set(server.paths()) - {"/robots.txt"}

        # When another, that knows no password, resumes the crawl
        second = first.replace(SECRET, "forgotten")
        run = project.run(*crawl, second)

    # Then the request goes out as it was pushed
    assert "resuming: 1 queued" in run.stderr
    assert set(asked(server)) == {("/robots.txt", False), ("/a", True), ("/b", True)}
    assert page in ("/a", "/b")


def test_two_logins_for_one_url_are_one_request(project):
    with hostile_server({"/a": whole("200 OK", b"", HTML)}) as server:
        urls = [with_login(server, "/a"), with_login(server, "/a", "second:user"), f"{server.url}/a"]
        project.run("crawl", "links", *FAST, "-a", f"start_urls={','.join(urls)}")

    assert server.paths().count("/a") == 1


def test_a_run_with_other_logins_is_told_of_none(project):
    with hostile_server({}) as server:
        crawl = ("crawl", "links", *FAST, "-a", "frontier=links", "-a", "max_pages=1", "-a")
        project.run(*crawl, f"start_urls={with_login(server, '/a')},{with_login(server, '/b')}")
        run = project.run(*crawl, f"start_urls={server.url}/c", check=False)

    assert run.returncode == 2
    assert f"http://***@{host_of(server)}/a" in run.stderr
    assert SECRET not in run.stderr


def test_whatever_a_spider_asks_for_brings_its_login(project, client):
    paths = ("/", "/directly", "/followed", "/kept", "/fails", "/own")
    with hostile_server({path: whole("200 OK", b"", HTML) for path in paths}) as server:
        arguments = ("-a", f"host={host_of(server)}", "-a", f"password={SECRET}", "-a", "frontier=links")
        asking = ("crawl", "asking", "-s", "SPIDER_MODULES=asking", *VERBOSE, *arguments)
        run = project.run(*asking, env=SPIDERS)

    assert asked(server) == [
        ("/", True), ("/directly", True), ("/fails", True), ("/followed", True), ("/kept", True),
        ("/own", False), ("/robots.txt", False),
    ]  # fmt: skip
    assert [row["reason"] for row in project.rows("scrape_logs") if row["status"] == "dead"] == ["callback"]
    assert "Failed at http://***@" in run.stderr
    assert_nowhere(project, run.stdout, run.stderr)
    assert_not_in_redis(client, payloads=1)


def test_a_seed_may_hold_a_login_and_one_that_is_refused_tells_nothing_of_it(project, client):
    with hostile_server({path: whole("200 OK", b"", HTML) for path in ("/a", "/b", "/c")}) as server:
        process = waiting(project, "-s", "LOG_LEVEL=DEBUG")
        good = [with_login(server, "/a"), json.dumps({"url": with_login(server, "/b"), "dont_filter": True})]
        bad = [
            f"ftp://{LOGIN}@h.example/",
            f"http://{LOGIN}@h.example/ x",
            f"http://{LOGIN}/w@h.example/",
            json.dumps({"url": f"http://{LOGIN}@h.example/", "unknown": 1}),
            json.dumps({"url": f"http://{LOGIN}@h.example/", "priority": 2**40}).replace("/", "\\/"),
            json.dumps({"url": "http://h.example/", "headers": {"Authorization": BASIC, "Host": "x"}}),
        ]
        client.lpush(KEY, *bad, *good)
        until(lambda: len(project.rows("scrape_logs")) == len(bad) + len(good), process, project)
        client.lpush(KEY, f"{server.url}/b", f"{server.url}/c")  # the first is known by now
        until(lambda: len(project.rows("scrape_logs")) == len(bad) + len(good) + 1, process, project)
        output = end(process)

    assert asked(server) == [("/a", True), ("/b", True), ("/c", False)]
    assert [row["status"] for row in project.rows("scrape_logs")].count("dead") == len(bad)
    assert_nowhere(project, output, project.errors(process))
    assert_not_in_redis(client, payloads=0)


def test_a_priority_that_does_not_fit_is_moved_to_the_nearest_that_does(project):
    paths = ("/", "/0", "/1", "/2", "/3")
    with hostile_server({path: whole("200 OK", b"", HTML) for path in paths}) as server:
        hasty = ("crawl", "hasty", "-s", "SPIDER_MODULES=asking", "-a", f"host={host_of(server)}")
        run = project.run(*hasty, "-s", "DOWNLOAD_DELAY=0", "-s", "ROBOTSTXT_OBEY=0", env=SPIDERS)

    assert server.paths() == ["/", "/1", "/2", "/3", "/0"]
    assert run.stderr.count(f"it counts as -{2**31 - 1}") == 1
    assert "can't be written down" not in run.stderr
