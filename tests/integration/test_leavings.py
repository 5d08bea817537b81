"""Every way in which a request leaves Scrapy: where the ledger has it then, and what its rows say."""

import json
import signal
from collections import Counter

import msgspec
import pytest
import redis

from scraping_project.frontier.keys import Keys
from tests.support.empty_redis import emptied
from tests.support.hostile_server import hostile_server, redirect, whole
from tests.support.leaving_crawl import ANSWERED, GOOD, QUICK, UNHEARD, ledger, rows, run
from tests.support.project import Project, until

STRICT = {"DOWNLOAD_TIMEOUT": "5", "DOWNLOAD_MAXSIZE": "1500000"}
ROBOTS = whole("200 OK", b"User-agent: *\nDisallow: /forbidden\n", b"Content-Type: text/plain\r\n")

DONE, DEAD, LOCAL = "done", "dead", "in no ledger"
BROKEN = ("dead", "callback", 200, 0)
RESET = ("retried", "reset", None, 0)

#: Path or URL -> where the ledger has it, and the rows of its attempts: status, reason, code, records.
LEFT = {
    "/returns": (DONE, [ANSWERED]),
    "/missing": (DONE, [("failed", "http_404", 404, 0)]),
    "/large": (DEAD, [("dead", "too_large", None, 0)]),
    "/silent": (DEAD, [("retried", "timeout", None, 0), ("dead", "timeout", None, 0)]),
    "/forbidden": (DONE, [("filtered", "robots", None, 0)]),
    "gopher://127.0.0.1/": (DONE, [("filtered", "guard", None, 0)]),
    "/moved": (DONE, [ANSWERED]),
    "/moves-to-known": (DONE, []),
    "/moves-offsite": (DONE, []),
    "/refreshed": (DONE, [ANSWERED]),
    "/cached": (DONE, [ANSWERED]),
    "/instead": (DONE, [ANSWERED]),
    "/refused-by-us": (DONE, []),
    "/reset/no-errback": (DEAD, [RESET, ("dead", "reset", None, 0)]),
    "/reset/handled": (DEAD, [RESET, ("dead", "reset", None, 1)]),
    "/reset/mishandled": (DEAD, [RESET, ("dead", "reset", None, 0)]),
    "/reset/answered": (DONE, [ANSWERED]),
    "/after-reset": (DONE, [ANSWERED]),
    "/reset/ignored": (DEAD, [("dead", "reset", None, 0)]),
    "/input-breaks": (DEAD, [BROKEN]),
    "/input-breaks/handled": (DONE, [ANSWERED]),
    "/output-breaks": (DEAD, [BROKEN]),
    "/output-breaks-late": (DEAD, [("dead", "callback", 200, 1)]),
    "/forgiven": (DONE, [ANSWERED]),
    "/raises": (DEAD, [BROKEN]),
    "/raises_late": (DEAD, [("dead", "callback", 200, 1)]),
    "/runs_out_of_memory": (DEAD, [BROKEN]),
    "/drops": (DONE, [UNHEARD]),
    "/breaks_the_pipeline": (DEAD, [("dead", "pipeline", 200, 0)]),
    "/follows": (DONE, [UNHEARD]),
    "/goes-on": (DONE, [UNHEARD]),
    "/again": (DONE, [ANSWERED, ANSWERED]),
    "/by-lambda": (LOCAL, [ANSWERED]),
    "/odd-meta": (LOCAL, [ANSWERED]),
}
SHOWN = {
    "/large",
    "/silent",
    "/missing",
    "/reset",
    "/refused-by-us",
}  # how, the server says or nobody is asked
MOVES = {
    "/moves": redirect(b"/moved"),
    "/moves-to-known": redirect(b"/returns"),
    "/moves-offsite": redirect(b"http://localhost:1/"),
}


def answers():
    """What the server says, beside what it shows of its own."""
    paths = {path for path in LEFT if path.startswith("/") and not path.startswith(tuple(SHOWN))}
    return dict.fromkeys(paths, GOOD) | MOVES | {"/robots.txt": ROBOTS}


def done(project, name):
    """How many are done; unlike the ledger, while the crawl runs."""
    return json.loads(project.run("frontier", name, "--json").stdout)[DONE]


def letters(project, name):
    lines = project.run("frontier", name, "dead", "--json").stdout.splitlines()
    return {letter["url"]: letter["reason"] for letter in map(json.loads, lines)}


class Left:
    def __init__(self, project, base):
        self._base = base
        self.process = run(project, "leaves", "leaves", "-a", f"base={base}", **QUICK, **STRICT)
        self.rows = rows(project)
        self.ledger = ledger(project, "leaves")
        self.letters = letters(project, "leaves")

    def url(self, path):
        return path if "://" in path else self._base + path


@pytest.fixture(scope="module", name="left")
def one_crawl(tmp_path_factory, shared_redis):
    redis_url = emptied(shared_redis)
    project = Project(tmp_path_factory.mktemp("leaves"), lambda: redis_url)
    try:
        with hostile_server(answers()) as server:
            yield Left(project, server.url)
    finally:
        project.end_all()


@pytest.mark.parametrize("path", LEFT)
def test_each_request_leaves_with_its_rows(left, path):
    assert left.rows.get(left.url(path), []) == LEFT[path][1]


def test_nothing_else_has_a_row(left):
    assert left.rows.keys() == {left.url(path) for path, (_, kinds) in LEFT.items() if kinds}


def test_the_ledger_has_each_request_where_its_end_belongs(left):
    places = Counter(place for place, _ in LEFT.values()) + Counter({DONE: 1})  # /again is two requests
    found = {name: left.ledger[name] for name in ("discovered", "queued", "delayed", "leased", DONE, DEAD)}
    assert found == {
        "discovered": places[DONE] + places[DEAD],
        "queued": 0,
        "delayed": 0,
        "leased": 0,
        DONE: places[DONE],
        DEAD: places[DEAD],
    }


def test_the_dead_letters_are_those_that_will_not_be_tried_again_each_with_its_reason(left):
    dead = {path: kinds for path, (place, kinds) in LEFT.items() if place == DEAD}
    assert left.letters == {left.url(path): kinds[-1][1] for path, kinds in dead.items()}


def test_what_was_never_queued_is_counted_by_why(left):
    known = {"duplicate": 1, "redirect known": 1, "robots": 1, "guard": 1}
    dropped = {"offsite": 2, "depth": 1, "length": 1}
    assert left.ledger["filtered"] == known | dropped


def test_what_can_t_be_written_down_is_named_with_the_fix(left):
    assert left.process.stderr.count("can't be written down and stays with this worker") == 1


@pytest.fixture(name="site")
def a_site_that_answers_everything():
    numbered = [f"/page/{number}" for number in range(12)]
    named = ["/returns", "/hangs_in_its_pipeline", "/never_ends", "/never_begins", "/first", "/second"]
    with hostile_server(dict.fromkeys((*numbered, *named), GOOD)) as server:
        yield server


@pytest.mark.parametrize("times", [1, 2])
def test_what_never_ends_is_given_back_by_a_run_that_is_told_to_end(project, site, times):
    # Given a callback and a pipeline that wait for ever, and an endless generator
    process = run(project, "stays", "stays", "-a", f"base={site.url}", "-L", "INFO", start=True, **QUICK)
    until(lambda: len(site.paths()) == 5, process, project)
    # (a second signal gives back what has its row but isn't acked yet)
    until(lambda: done(project, "stays") == 1, process, project)

    # When the run is told to end, once or with impatience
    for told in range(1, times + 1):
        process.send_signal(signal.SIGTERM)
        until(lambda told=told: project.errors(process).count("SIGTERM") >= told, process, project)
    output, _ = process.communicate(timeout=60)

    # Then they are queued, without a row
    assert process.returncode == 130, project.errors(process)
    assert output.startswith("interrupted: 1 page")
    assert rows(project) == {f"{site.url}/returns": [ANSWERED]}
    left = ledger(project, "stays")
    assert [left[name] for name in ("discovered", "queued", "leased", "done")] == [4, 3, 0, 1]
    assert left["workers"] == []


def test_a_run_that_takes_too_much_memory_ends_early_and_the_next_goes_on(project, site):
    done = run(project, "grows", "stays", "-a", f"base={site.url}", "-a", "ballast=too much")

    assert done.stdout.startswith("ended early (memusage_exceeded): ")
    (outcome,) = [(row["outcome"], row["reason"]) for row in project.rows("runs")]
    assert outcome == ("failed", "memusage_exceeded")
    left = ledger(project, "grows")
    assert left["leased"] == 0
    assert left["queued"] == 12 - left["done"] > 0
    run(project, "grows", "stays", "-a", f"base={site.url}", **QUICK)
    assert ledger(project, "grows")["done"] == 12
    assert Counter(site.paths()) == Counter([f"/page/{number}" for number in range(12)] + ["/robots.txt"])


def test_a_start_that_breaks_is_told_and_what_it_yielded_before_is_crawled(project, site):
    done = run(project, "begins", "stays", "-a", f"base={site.url}", **QUICK, check=False)

    assert done.returncode == 1
    assert "Error while reading start items and requests: the start is broken" in done.stderr
    assert rows(project) == {f"{site.url}/first": [ANSWERED]}
    left = ledger(project, "begins")
    assert [left[name] for name in ("discovered", "queued", "leased", "done")] == [1, 0, 0, 1]


SLOW = {"DOWNLOAD_DELAY": "0.3", "CONCURRENT_REQUESTS": "1", "CLOSESPIDER_PAGECOUNT": "1"}


def queued_of(project, site, client):
    """Begins a crawl, ends it early, and returns the key of what it left in its queue."""
    run(project, "grows", "stays", "-a", f"base={site.url}", **SLOW)
    left = ledger(project, "grows")
    assert left["queued"] == 12 - left["done"] > 1
    (key,) = client.scan_iter(Keys("grows").of("*", "queue", "*"))
    return key


@pytest.fixture(name="client")
def a_client(redis_url):
    with redis.Redis.from_url(redis_url, protocol=2) as client:
        yield client


@pytest.mark.parametrize(
    ("spoil", "known"),
    [
        (lambda payload: payload[: len(payload) // 2], False),
        (lambda payload: msgspec.msgpack.encode(msgspec.msgpack.decode(payload) | {"_class": "a.B"}), True),
    ],
    ids=["cut off", "of a class that is no more"],
)
def test_a_queued_request_that_can_t_be_read_is_dead_and_the_others_are_crawled(
    project, site, client, spoil, known
):
    key = queued_of(project, site, client)
    record = client.lindex(key, 0)  # id, attempt, deliveries and deaths in 8 bytes, then the payload
    url = msgspec.msgpack.decode(record[8:])["url"]
    client.lset(key, 0, record[:8] + spoil(record[8:]))

    done = run(project, "grows", "stays", "-a", f"base={site.url}", **QUICK)

    assert "1 failed (undecodable 1)" in done.stdout
    left = ledger(project, "grows")
    assert [left[name] for name in ("queued", "leased", "done", "dead")] == [0, 0, 11, 1]
    assert rows(project)[url if known else ""] == [("dead", "undecodable", None, 0)]
    assert letters(project, "grows") == {url if known else "": "undecodable"}


def test_the_requests_of_a_spider_that_is_no_more_stay_queued_until_it_is_back(project, site, client):
    queued_of(project, site, client)
    before = ledger(project, "grows")

    gone = run(project, "grows", "leaves", "-a", f"base={site.url}", check=False, **QUICK)

    assert (gone.returncode, gone.stdout) == (2, "")
    assert gone.stderr.count("\n") == 1
    assert ledger(project, "grows") == before
    run(project, "grows", "stays", "-a", f"base={site.url}", **QUICK)
    assert ledger(project, "grows")["done"] == 12


def test_what_was_queued_is_crawled_without_waiting_for_scrapy_s_heartbeat(project, site):
    early = {"CONCURRENT_REQUESTS_PER_DOMAIN": "1", "DOWNLOAD_DELAY": "0.3", "CLOSESPIDER_PAGECOUNT": "1"}
    run(project, "heartless", "heartless", "-a", f"base={site.url}", **early)
    assert ledger(project, "heartless")["queued"] > 4  # more than it may begin at once

    run(project, "heartless", "heartless", "-a", f"base={site.url}", **QUICK)

    assert ledger(project, "heartless")["done"] == 12
