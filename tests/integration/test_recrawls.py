"""Stored pages are asked for again, and what has not changed stays as it is."""

import json
import os
import signal
import time
from datetime import UTC, datetime, timedelta

import pytest
import redis
from sqlalchemy import text

from scraping_project.items import Link
from scraping_project.storage.engine import connect
from scraping_project.storage.migrate import migrate
from scraping_project.storage.reading import recrawls
from scraping_project.storage.transactions import writing
from scraping_project.storage.writing.writer import Writer
from tests.support.fast_crawl import FAST
from tests.support.hostile_server import hostile_server, redirect, whole
from tests.support.storage_truth import NOON, assert_rollups_are_true, site

KEY = "links:start_urls"
DATE = "Tue, 01 Jul 2025 12:00:00 GMT"
PAGES = {"index.html": ["a.html", "b.html"], "a.html": ["c.html"], "b.html": [], "c.html": ["index.html"]}


def write(root, name, links):
    (root / name).write_text(f"<title>{name}</title>" + "".join(f"<a href='/{link}'>x</a>" for link in links))


@pytest.fixture(name="root")
def the_files_of_a_site(tmp_path):
    root = tmp_path / "site"
    root.mkdir()
    for name, links in PAGES.items():
        write(root, name, links)
        os.utime(root / name, (1_750_000_000, 1_750_000_000))
    return root


@pytest.fixture(name="served")
def a_site(root, nginx):
    return nginx(root)


@pytest.fixture(name="client")
def a_client(redis_url):
    with redis.Redis.from_url(redis_url, protocol=2, decode_responses=True) as client:
        yield client


@pytest.fixture(name="on")
def project_on_each_database(project, database_url):
    project.env["DATABASE_URL"] = database_url
    return project


def until(condition, process, project):
    """Waits until the condition holds while the process lives; pytest's timeout is the bound."""
    while not condition():
        assert process.poll() is None, project.errors(process)
        time.sleep(0.05)


def end(process):
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)


def sites_of(project, base):
    return {row["url"].removeprefix(base): row for row in project.rows("sites")}


def asked(served):
    return sorted(
        (request.uri, request.status) for request in served.requests() if "robots" not in request.uri
    )


def ledger(project):
    return json.loads(project.run("frontier", "links", "--json").stdout)


def crawl_and_recrawl(project, served, change, *between):
    """Crawls the site, changes it and has a waiting worker recrawl it; gives the sites before and after."""
    project.run("crawl", "links", *FAST, "-a", f"start_urls={served.url}index.html")
    before = sites_of(project, served.url)
    change()
    for command in between:
        project.run(*command)
    served.forget()

    done = project.run("recrawl", "links", "--older-than", "0s")
    assert done.stdout == "pushed 4 seeds (4 conditional) to links:start_urls\n"
    worker = project.start("crawl", "links", *FAST)

    def is_done():
        after = sites_of(project, served.url)
        return len(after) == 5 and all(
            after[url]["last_scraped"] > before[url]["last_scraped"] for url in before
        )

    until(is_done, worker, project)
    until(lambda: ledger(project)["leased"] == 0, worker, project)
    end(worker)
    return before, sites_of(project, served.url)


def test_a_recrawl_fetches_what_has_changed_and_what_that_leads_to(on, served, root, database_url):
    def change():
        write(root, "a.html", ["c.html", "new.html"])
        write(root, "new.html", ["b.html"])

    before, after = crawl_and_recrawl(on, served, change)

    # The server was asked for each page once
    unchanged = ["b.html", "c.html", "index.html"]
    assert asked(served) == [
        ("/a.html", 200), ("/b.html", 304), ("/c.html", 304), ("/index.html", 304), ("/new.html", 200),
    ]  # fmt: skip
    # What has not changed was only asked for
    for url in unchanged:
        assert after[url] == before[url] | {"last_scraped": after[url]["last_scraped"]}
        assert (after[url]["status_code"], after[url]["title"]) == (200, url)
    # What has changed is stored, and so is what is new
    changed, new = after["a.html"], after["new.html"]
    assert json.loads(changed["links"]) == [f"{served.url}c.html", f"{served.url}new.html"]
    assert changed["last_changed"] == changed["last_scraped"] > before["a.html"]["last_changed"]
    assert changed["first_scraped"] == before["a.html"]["first_scraped"]
    assert (changed["depth"], new["depth"], new["title"]) == (1, 2, "new.html")
    # Each has its log
    logs = [log for log in on.rows("scrape_logs") if log["status_code"] == 304]
    assert {(log["status"], log["reason"], log["site_id"]) for log in logs} == {
        ("success", None, before[url]["id"]) for url in unchanged
    }
    engine = connect(database_url)
    assert_rollups_are_true(engine)
    engine.dispose()


def test_a_frontier_that_has_forgotten_the_pages_fetches_each_once_all_the_same(project, served, root):
    def change():
        write(root, "c.html", ["index.html", "new.html"])
        write(root, "new.html", ["b.html"])

    crawl_and_recrawl(project, served, change, ("frontier", "links", "clear"))

    assert asked(served) == [
        ("/a.html", 304), ("/b.html", 304), ("/c.html", 200), ("/index.html", 304), ("/new.html", 200),
    ]  # fmt: skip


def test_a_page_that_is_as_it_was_stays_so_in_other_people_s_spiders(project, served, client):
    worker = project.start("crawl", "outline", *FAST)
    client.lpush("outline:start_urls", f"{served.url}index.html")
    until(lambda: "waiting" in project.errors(worker), worker, project)
    until(lambda: len(project.rows("sites")) == len(PAGES), worker, project)
    before = sites_of(project, served.url)

    project.run("recrawl", "outline", "--older-than", "0s")
    is_later = lambda row: row["last_scraped"] > before["index.html"]["last_scraped"]  # noqa: E731  one line
    until(lambda: sum(map(is_later, project.rows("sites"))) == len(PAGES), worker, project)
    end(worker)

    after = sites_of(project, served.url)
    assert after == {url: row | {"last_scraped": after[url]["last_scraped"]} for url, row in before.items()}
    assert {row["content_hash"] is None or row["etag"] is None for row in before.values()} == {False}
    codes = [log["status_code"] for log in project.rows("scrape_logs") if log["status"] == "success"]
    assert sorted(codes) == [200] * 4 + [304] * 4
    assert len(project.rows("outlines")) == 4


def test_a_recrawled_page_that_moved_to_another_host_is_left_as_it_was_found_through_a_link(project, client):
    with hostile_server() as server:
        away = f"http://localhost:{server.port}/good"
        with hostile_server({"/moved": redirect(away.encode()), "/end": whole("200 OK", b"end")}) as moved:
            store(project, site(f"{moved.url}/moved", depth=1), site(f"{moved.url}/end", minutes=1))
            project.run("recrawl", "links", "--older-than", "0s")
            worker = project.start("crawl", "links", *FAST)
            until(lambda: ledger(project)["done"] == 2, worker, project)
            end(worker)
            assert ledger(project)["filtered"] == {"offsite": 1}
            assert "/moved" in moved.paths()
            assert server.requests == []


def store(project, *rows):
    """Stores rows in the project's database."""
    engine = connect(project.database_url)
    migrate(engine)
    writer = Writer(engine)
    for row in rows:
        writer.append(row)
    writer.commit()
    engine.dispose()


def seeds(client, key=KEY):
    """Returns the seeds in the order in which workers take them."""
    return [json.loads(raw) for raw in client.lrange(key, 0, -1)[::-1]]


def url(number):
    return f"http://{'ab'[number % 2]}.example/{number}"


def test_a_seed_carries_what_the_page_was_answered_with_and_the_oldest_come_first(project, client):
    store(
        project,
        site(url(3), 3, status_code=404, etag='"gone"', links=[Link("http://x.example/")]),
        site(url(1), 1, etag='"1"', last_modified=DATE, depth=2),
        site(url(2), 2, last_modified=DATE, depth=0),
        site(url(0), 0, status_code=304, etag='"nobody has its content"'),
    )

    done = project.run("recrawl", "links", "--older-than", "1d")

    assert done.stdout == "pushed 4 seeds (2 conditional) to links:start_urls\n"
    assert done.stderr == ""
    assert seeds(client) == [
        {"url": url(0), "dont_filter": True},
        {
            "url": url(1),
            "dont_filter": True,
            "headers": {"If-None-Match": '"1"', "If-Modified-Since": DATE},
            "meta": {"depth": 2},
        },
        {"url": url(2), "dont_filter": True, "headers": {"If-Modified-Since": DATE}},
        {"url": url(3), "dont_filter": True},
    ]


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        (["--older-than", "2h"], [2, 3, 4, 5]),
        (["--older-than", "150m"], [3, 4, 5]),
        (["--older-than", "2h", "--domain", "A.example"], [2, 4]),
        (["--status", "failed"], [0, 3]),
        (["--status", "failed", "--older-than", "10800s"], [3]),
        (["--status", "failed", "--domain", "b.example"], [3]),
        (["--older-than", "1w"], []),
    ],
)
def test_old_failed_and_of_a_domain(project, client, options, numbers):
    rows = (
        site(url(hours), scraped_at=datetime.now(UTC) - timedelta(hours=hours, seconds=1),
             status_code={0: 500, 3: 404}.get(hours, 200))
        for hours in range(6)
    )  # fmt: skip
    store(project, *rows)

    project.run("recrawl", "links", *options)

    assert sorted(int(seed["url"].rpartition("/")[2]) for seed in seeds(client)) == numbers


def test_in_full_on_another_frontier(project, client):
    store(project, site(url(1), etag='"1"'))

    done = project.run("recrawl", "links", "--older-than", "1d", "--full", "--frontier", "other")

    assert done.stdout == "pushed 1 seed (0 conditional) to other:start_urls\n"
    assert seeds(client, "other:start_urls") == [{"url": url(1), "dont_filter": True}]


def test_a_dry_run_counts_without_a_redis(project):
    store(project, site(url(1), etag='"1"'), site(url(2)))

    done = project.run(
        "recrawl", "links", "--older-than", "1d", "--dry-run", env={"REDIS_URL": "redis://127.0.0.1:1"}
    )

    assert done.stdout == "would push 2 seeds (1 conditional) to links:start_urls\n"


def test_a_url_that_is_not_whole_is_left_out_and_counted(project, client):
    store(project, site(f"{url(1)}{'x' * 9000}"), site("ftp://a.example/"), site(url(2)))

    done = project.run("recrawl", "links", "--older-than", "1d")

    assert done.stdout == (
        "pushed 1 seed (0 conditional, 2 left out whose URL makes no seed) to links:start_urls\n"
    )
    assert [seed["url"] for seed in seeds(client)] == [url(2)]


def test_many_pages_show_progress(project, client):
    store(project, *(site(f"http://a.example/{number}") for number in range(2500)))

    done = project.run("recrawl", "links", "--older-than", "1d")

    assert done.stdout == "pushed 2500 seeds (0 conditional) to links:start_urls\n"
    assert done.stderr.splitlines() == ["1000 seeds so far", "2000 seeds so far"]
    assert len({seed["url"] for seed in seeds(client)}) == 2500


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "for example"),
        (("links", "quotes", "--older-than", "1d"), "one spider"),
        (("nosuch", "--older-than", "1d"), "there are links"),
        (("links",), "--older-than AGE"),
        (("links", "--older-than"), "--older-than"),
        (("links", "--older-than", "7"), "such as 12h"),
        (("links", "--older-than", "-1d"), "--older-than"),
        (("links", "--older-than", "1.5d"), "such as 12h"),
        (("links", "--older-than", "٣d"), "such as 12h"),
        (("links", "--older-than", "999999999w"), "such as 12h"),
        (("links", "--status", "success"), "failed"),
        (("links", "--status", "failed", "--domain", "http://a.example/"), "no domain"),
        (("links", "--status", "failed", "--domain", ""), "--domain is empty"),
        (("links", "--older-than", ""), "such as 12h"),
        (("links", "--status", "failed", "--frontier", ""), "--frontier is empty"),
        (("links", "--status", "failed", "--frontier", "a:b"), "frontier"),
        (("links", "--status", "failed", "--bogus"), "--bogus"),
    ],
)
def test_bad_input_is_refused_in_one_line_and_nothing_is_pushed(project, client, arguments, word):
    done = project.run("recrawl", *arguments, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert word in done.stderr
    assert done.stderr.count("\n") == 1
    assert client.keys() == []


@pytest.mark.parametrize(
    "env",
    [{"REDIS_URL": "redis://:sesame@127.0.0.1:1/0"}, {"DATABASE_URL": "mysql://u:sesame@127.0.0.1:1/d"}],
)
def test_a_server_that_is_away_is_one_line_and_shows_no_password(project, env):
    done = project.run("recrawl", "links", "--older-than", "1d", env=env, check=False)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "sesame" not in done.stderr


@pytest.mark.parametrize(
    "of", [{}, {"domain": "a.example"}, {"failed": True}, {"domain": "a.example", "failed": True}]
)
def test_pages_of_rows_leave_none_out_and_repeat_none(engine, of, monkeypatch):
    # Given sites many of which were scraped at one instant
    monkeypatch.setattr(recrawls, "PAGE", 7)
    writer = Writer(engine)
    for number in range(60):
        status = (200, 404, 404, 503)[number % 4]
        writer.append(site(f"http://a.example/{number}", number // 20, status_code=status))
    writer.append(site("http://b.example/"))
    writer.commit()
    # When those but the last twenty are streamed, and each is scraped again meanwhile
    urls = []
    for row in recrawls.stream(engine, NOON + timedelta(minutes=2), **of):
        urls.append(row.url)
        with writing(engine) as connection:
            late = {"late": "2026-02-02 00:00:00.000000", "id": row.id}
            connection.execute(text("UPDATE sites SET last_scraped = :late WHERE id = :id"), late)
    # Then each was met once
    wanted = [f"http://a.example/{number}" for number in range(40) if not of.get("failed") or number % 4]
    assert sorted(urls) == sorted(wanted + ([] if of else ["http://b.example/"]))
