"""``scrapy frontier``: what it shows of a crawl, and what an operator's verbs do to one that runs."""

import json

import pytest
import redis

from scraping_project.cli.frontier_verbs import registry
from scraping_project.frontier.connection import connect
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.inventory import exists
from scraping_project.frontier.keys import Keys
from scraping_project.http import serialization
from tests.support.fast_crawl import CLOSED, FAST, IMPATIENT, crawl
from tests.support.frontier_worker import Worker, burial, ledger_of, push
from tests.support.hostile_server import hostile_server
from tests.support.project import until
from tests.support.seeded_crawl import KEY, end, fetched, waiting

LEDGER = {"discovered", "queued", "delayed", "leased", "done", "dead", "filtered"}
REFUSED = ("http://127.0.0.1:1/a", "http://127.0.0.1:1/b", "http://localhost:1/c")
MORE = " and 2 more: scrapy frontier lists them\n"
VERBS = ("check", "dead", "requeue", "clear", "pause", "resume")


@pytest.fixture(name="site")
def a_chain_of_pages(tmp_path, nginx):
    root = tmp_path / "site"
    root.mkdir()
    for number in range(60):
        (root / f"{number}.html").write_text(f"<a href={number + 1}.html>x</a><a href=l{number}.html>l</a>")
        (root / f"l{number}.html").write_text("leaf")
    return nginx(root)


@pytest.fixture(name="dead")
def a_crawl_with_three_dead_letters(project):
    with hostile_server() as server:
        seeds = (f"{server.url}/missing", f"{server.url}/false-gzip", *REFUSED)
        crawl(project, "-a", f"start_urls={','.join(seeds)}", "-s", "RETRY_TIMES=0")
        yield f"{server.url}/false-gzip"


@pytest.fixture(name="held")
def a_frontier_with_a_request_and_a_dead_letter(redis_url):
    with connect(redis_url) as server:
        frontier = Frontier(server, Keys("links"))
        worker = Worker(frontier)
        bury(worker, "http://a.example/")
        worker.push(push(1))
        yield frontier


def bury(worker, *urls, **letter):
    """Dead letters of these URLs, as those of refused seeds are."""
    letter = json.dumps({"reason": "parse"} | letter).encode()
    worker.push(*(push(None, priority=9, payload=serialization.of_refused(url)) for url in urls))
    worker.step(bury=[burial(leased, letter) for leased in worker.lease(len(urls))])


def frontier(project, *arguments, **options):
    return project.run("frontier", "links", *arguments, **options)


def ledger(project, *name):
    line = project.run("frontier", *(name or ("links",)), "--json").stdout
    assert line.count("\n") == 1
    return json.loads(line)


@pytest.fixture(name="seed")
def what_pushes_a_seed(redis_url):
    with connect(redis_url) as server:
        yield lambda *names: [server.lpush(f"{name}:start_urls", "http://a.example/") for name in names]


def standings(project):
    return [json.loads(line) for line in project.run("frontier", "--json").stdout.splitlines()]


def standing(name, **numbers):
    none = dict.fromkeys(("queued", "delayed", "leased", "done", "dead", "workers", "seeds"), 0)
    return {"name": name, "paused": False} | none | numbers


def letters(project, *options):
    lines = frontier(project, "dead", "--json", *options).stdout.splitlines()
    return {letter["url"]: letter["reason"] for letter in map(json.loads, lines)}


def slow_crawl(project, site, *arguments):
    slow = ("-s", "DOWNLOAD_DELAY=0.05", "-s", "ROBOTSTXT_OBEY=0")
    return project.start("crawl", "links", *slow, "-a", f"start_urls={site.url}0.html", *arguments)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "no Redis answers"),
        (("a:b",), "no frontier name"),
        (("links", "bogus"), "'check', 'dead'"),
        (("links", "check", "dead"), "'dead' is one word too many: see scrapy frontier links check --help"),
        (("--bogus",), "no option --bogus"),
        (("links", "--bogus"), "no option --bogus"),
        (("links", "pause", "--bogus"), "no option --bogus: see scrapy frontier links pause --help"),
        (("--domain", "a.example"), "scrapy frontier NAME dead --domain"),
        (("links", "--reason", "parse", "dead"), "scrapy frontier links dead --reason"),
        (("links", "dead", "--reason"), "--reason"),
        (("links", "dead", "--domain", "http://a.example/"), "no domain"),
        (("links",), "no Redis answers"),
    ],
)
def test_bad_input_is_refused_in_one_line_with_exit_code_2(project, arguments, word):
    done = project.run("frontier", *arguments, env={"REDIS_URL": CLOSED}, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert word in done.stderr
    assert done.stderr.count("\n") == 1
    assert "sesame" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("clear", "--domain", "a.example"), "--domain belongs to dead and requeue"),
        (("pause", "--reason", "parse"), "--reason belongs to dead and requeue"),
        (("slot", "a.example", "--url", "http://a.example/"), "--url belongs to dead and requeue"),
        (("--domain", "a.example"), "--domain belongs to dead and requeue"),
        (("requeue", "--domain", ""), "--domain is empty"),
        (("requeue", "--reason", ""), "--reason is empty"),
        (("requeue", "--url", ""), "--url is empty"),
    ],
)
def test_a_part_of_a_frontier_is_never_taken_for_all_of_it(project, held, arguments, word):
    before = ledger_of(held)

    done = frontier(project, *arguments, check=False)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert word in done.stderr
    assert ledger_of(held) == before
    assert (before["queued"], before["dead"]) == (1, 1)
    assert not held.counts().get("paused")


@pytest.mark.parametrize("verb", ["pause", "resume", "clear", "slot"])
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_what_may_be_said_of_a_spider_before_its_first_crawl(project, verb, options):
    done = frontier(project, verb, *options)

    for line in done.stdout.splitlines() if options else ():
        json.loads(line)


def test_a_pause_before_the_first_crawl_is_shown_and_holds(project):
    frontier(project, "pause")

    assert ledger(project)["paused"]
    assert standings(project) == [standing("links", paused=True)]


@pytest.mark.parametrize("verb", ["show", "check", "dead", "requeue"])
def test_a_spiders_frontier_that_is_yet_to_begin_has_nothing_to_show(project, verb):
    done = frontier(project, verb, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "scrapy: there is no frontier 'links' yet: `scrapy crawl links` begins it\n"


@pytest.mark.parametrize("verb", [(), *((verb,) for verb in (*VERBS, "show", "slot", "repair"))])
def test_a_name_that_is_not_there_is_refused_with_those_that_are(project, held, seed, verb, redis_url):
    seed("linsk", "another")

    done = project.run("frontier", "lnks", *verb, check=False)

    known = "scrapy: there is no frontier 'lnks': there are links, linsk, another\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", known)
    with connect(redis_url) as server:
        assert not exists(server, Keys("lnks"))


def test_of_many_names_no_more_are_said_than_a_line_holds(project, held, seed):
    seed(*(f"shop-{number:02}" for number in range(11)))

    done = project.run("frontier", "lnks", check=False)

    assert done.stderr.endswith("links, " + ", ".join(f"shop-{number:02}" for number in range(9)) + MORE)


def test_all_frontiers_are_listed_with_what_they_hold(project, held, seed):
    seed("another", "another")
    project.run("frontier", "another", "pause")

    assert standings(project) == [
        standing("another", seeds=2, paused=True),
        standing("links", queued=1, dead=1, workers=1),
    ]
    lines = [line.split() for line in project.run("frontier").stdout.splitlines()]
    assert lines == [
        ["name", "queued", "delayed", "leased", "done", "dead", "workers", "seeds", "paused"],
        ["another", "0", "0", "0", "0", "0", "0", "2", "yes"],
        ["links", "1", "0", "0", "0", "1", "1", "0", "no"],
    ]


def test_a_frontier_that_was_cleared_is_listed_no_more_and_is_still_known(project, held):
    held.leave(*held.tokens())
    frontier(project, "clear")

    assert standings(project) == []
    assert ledger(project)["discovered"] == 0


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_without_any_frontier_one_line_says_how_to_begin(project, options):
    done = project.run("frontier", *options)

    line = "no frontier yet: `scrapy crawl links -a start_urls=https://example.com/` begins one\n"
    assert (done.stdout, done.stderr) == (("", line) if options else (line, ""))


def test_seeds_that_wait_make_a_frontier(project, seed):
    seed("links")

    assert standings(project) == [standing("links", seeds=1)]
    assert ledger(project)["discovered"] == 0


def test_scrapys_options_are_taken_before_and_after_the_verb(project, held, tmp_path):
    log = tmp_path / "log"
    scrapys = ("-L", "DEBUG", "-s", f"LOG_FILE={log}", "--pidfile", str(tmp_path / "pid"))
    shown = [
        project.run("frontier", *before, "links", *between, "dead", "--reason", "parse", *after).stdout
        for before, between, after in (
            (("--json", *scrapys), (), ()),
            ((), (*scrapys, "--json"), ()),
            ((), (), ("--json", *scrapys)),
        )
    ]

    assert len(set(shown)) == 1
    assert json.loads(shown[0])["url"] == "http://a.example/"
    assert (tmp_path / "pid").read_text().strip().isdigit()


def test_help_lists_the_verbs_and_each_verb_has_one_of_its_own(project):
    nowhere = {"REDIS_URL": CLOSED}

    overview = [
        project.run("frontier", *words, env=nowhere).stdout for words in (("-h",), ("links", "--help"))
    ]
    assert overview[0] == overview[1]
    for verb in registry.VERBS:
        assert f" {verb.name} " in overview[0]
        taught = project.run("frontier", "links", verb.name, "--help", env=nowhere).stdout
        assert f"usage: scrapy frontier NAME {verb.name} " in taught
        assert f"example: {verb.example}" in taught
        assert "--json" in taught


def test_the_ledger_accounts_for_every_request_and_tells_why_links_were_left_out(project, demo_site):
    crawl(project, "-a", f"start_urls={demo_site}/", "-a", "max_pages=60")

    shown = ledger(project)

    assert shown["queued"] > 0
    assert shown["pages"] == shown["done"] - shown["filtered"].get("robots", 0) == 60
    assert (shown["delayed"], shown["leased"], shown["dead"], shown["workers"]) == (0, 0, 0, [])
    assert shown["discovered"] == sum(shown[name] for name in LEDGER - {"discovered", "filtered"})
    assert shown["filtered"]["duplicate"] > 0
    assert frontier(project, "check").stdout.startswith("clean")
    checked = json.loads(frontier(project, "check", "--json").stdout)
    assert checked == {"clean": True, "wrong": [], "moved": False}


def test_for_people_the_ledger_is_a_line_a_number(project, dead):
    lines = dict(line.split(maxsplit=1) for line in frontier(project).stdout.splitlines())

    assert lines.keys() >= LEDGER
    assert (lines["done"], lines["dead"], lines["paused"]) == ("1", "4", "no")


def test_a_ledger_that_is_wrong_is_told_of_with_exit_code_1(project, dead, redis_url):
    with redis.Redis.from_url(redis_url, protocol=2) as client:
        client.hincrby(Keys("links").of("crawl"), "queued", 1)

    done = frontier(project, "check", check=False)

    assert done.returncode == 1
    assert "WRONG queued: 0 found, 1 in the ledger" in done.stdout


def test_dead_letters_are_listed_by_reason_domain_and_url(project, dead):
    assert letters(project) == dict.fromkeys(REFUSED, "refused") | {dead: "parse"}
    assert letters(project, "--reason", "refused") == dict.fromkeys(REFUSED, "refused")
    assert letters(project, "--reason", "refused", "--domain", "localhost") == {REFUSED[2]: "refused"}
    assert letters(project, "--url", REFUSED[0]) == {REFUSED[0]: "refused"}
    assert letters(project, "--url", "http://nowhere.example/") == {}


def test_for_people_a_dead_letter_is_a_line(project, dead):
    done = frontier(project, "dead", "--url", REFUSED[0])

    assert done.stdout.startswith(f"refused      {REFUSED[0]}  ")
    assert done.stderr == "1 dead letter\n"


def test_a_dead_letter_whose_url_is_none_belongs_to_no_domain(project, held):
    bury(Worker(held), "http://[::1")

    assert letters(project) == {"http://a.example/": "parse", "http://[::1": "parse"}
    assert letters(project, "--domain", "a.example") == {"http://a.example/": "parse"}
    assert letters(project, "--domain", "b.example") == {}
    assert frontier(project, "requeue", "--domain", "a.example").stdout == "requeued 1 of 1\n"


def test_no_dead_letter_steers_the_readers_terminal(project, held):
    bury(Worker(held), "\x1b[2J\x9b\n", message="a\x1b[2Jb\nc")

    listed = frontier(project, "dead", "--reason", "parse").stdout.splitlines()

    assert sorted(listed) == ["parse         [2J    a [2Jb c", "parse        http://a.example/"]


def test_a_reader_of_dead_letters_may_leave_early(project, held):
    bury(Worker(held), *(f"http://a.example/{number:0500}" for number in range(2000)))

    listing = project.start("frontier", "links", "dead")
    assert listing.stdout.readline().startswith("parse")
    listing.stdout.close()

    assert listing.wait(60) == 0
    assert project.errors(listing) == ""


@pytest.mark.parametrize(
    ("options", "number"),
    [
        ((), 4),
        (("--reason", "refused"), 3),
        (("--domain", "localhost"), 1),
        (("--url", REFUSED[1]), 1),
        (("--reason", "dns"), 0),
    ],
)
def test_requeued_letters_are_crawled_again_by_the_next_run(project, dead, options, number):
    assert f"requeued {number} of {number}\n" == frontier(project, "requeue", *options).stdout
    shown = ledger(project)
    assert (shown["queued"], shown["dead"]) == (number, 4 - number)
    assert frontier(project, "check").stdout.startswith("clean")


def test_a_requeued_request_goes_on_counting_its_attempts_under_its_own_id(project, dead):
    base = dead.rpartition("/")[0]
    seeds = (f"{base}/missing", dead, *REFUSED)
    frontier(project, "requeue", "--url", REFUSED[0])

    done = crawl(project, "-a", f"start_urls={','.join(seeds)}", "-s", "RETRY_TIMES=0")

    assert "resuming: 1 queued\n" in done.stderr
    rows = [row for row in project.rows("scrape_logs") if row["url"] == REFUSED[0]]
    assert len(rows) == len({row["task_id"] for row in rows}) == 2
    assert len({row["task_id"].rpartition(":")[0] for row in rows}) == 1
    assert letters(project).keys() == {dead, *REFUSED}


def test_other_seeds_or_rules_than_those_of_an_unfinished_crawl_are_refused_with_the_ways_out(project, site):
    ours = ("-a", f"start_urls={site.url}0.html", "-a", "max_depth=40")
    crawl(project, *ours, "-a", "max_pages=3")

    for others in (
        ("-a", f"start_urls={site.url}1.html", "-a", "max_depth=40"),
        ("-a", f"start_urls={site.url}0.html", "-a", "max_depth=41"),
        ("-a", f"start_urls={site.url}0.html", "-a", "max_depth=40", "-a", "allowed_domains=a.example"),
    ):
        done = crawl(project, *others, check=False)

        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1
        for way_out in ("resume", "scrapy frontier links clear", "-a frontier=NAME"):
            assert way_out in done.stderr
    outcomes = [(row["outcome"], row["reason"]) for row in project.rows("runs")]
    assert sorted(outcomes) == [("failed", "refused")] * 3 + [("finished", "max_pages")]
    assert crawl(project, *ours, "-a", "max_pages=5").stdout.startswith("finished: 2 pages")


def test_a_cleared_frontier_begins_anew_with_other_seeds(project, site, redis_url):
    crawl(project, "-a", f"start_urls={site.url}0.html", "-a", "max_pages=3")

    assert "cleared links: " in frontier(project, "clear").stdout

    assert ledger(project)["discovered"] == 0
    done = crawl(project, "-a", f"start_urls={site.url}50.html")
    assert "resuming" not in done.stderr
    assert len({row["crawl_id"] for row in project.rows("runs")}) == 2


def test_clear_ends_a_run_that_has_start_urls_early(project, site):
    process = slow_crawl(project, site)
    until(lambda: len(fetched(site)) > 10, process, project)

    assert not frontier(project, "clear").stdout.startswith("cleared links: 0")
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 130, (output, project.errors(process), fetched(site), project.rows("runs"))
    assert output.startswith("ended early (cleared): ")
    assert "Traceback" not in project.errors(process)
    assert [(run["outcome"], run["reason"]) for run in project.rows("runs")] == [("cancelled", "cleared")]
    assert ledger(project)["discovered"] == 0


def test_clear_ends_a_run_whose_next_page_waits_for_its_turn(project, site):
    # Given a page that waits behind the robots.txt of its site
    slow = ("-s", "DOWNLOAD_DELAY=4", "-s", "FRONTIER_LEASE=60")
    process = project.start("crawl", "links", "-a", f"start_urls={site.url}1.html", *slow, *IMPATIENT)
    until(lambda: any(request.uri == "/robots.txt" for request in site.requests()), process, project)

    frontier(project, "clear")
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 130, project.errors(process)
    assert output.startswith("ended early (cleared): 0 pages")
    assert ledger(project)["workers"] == []


def test_clear_lets_a_waiting_worker_go_on(project, site, redis_url):
    with redis.Redis.from_url(redis_url, protocol=2) as client:
        process = waiting(project, "-a", "max_depth=0")
        client.lpush(KEY, f"{site.url}1.html")
        until(lambda: len(project.rows("sites")) == 1, process, project)

        frontier(project, "clear")
        for seed in ("1.html", "2.html"):
            client.lpush(KEY, f"{site.url}{seed}")

        until(lambda: sorted(fetched(site)[1:]) == ["/1.html", "/2.html"], process, project)
        until(lambda: ledger(project)["done"] == 2, process, project)
    assert end(process).startswith("interrupted: 3 pages")
    assert len({row["crawl_id"] for row in project.rows("scrape_logs")}) == 2


def test_a_paused_crawl_waits_and_a_resumed_one_goes_on(project, site):
    process = slow_crawl(project, site)
    until(lambda: len(fetched(site)) > 10, process, project)

    assert "what is leased may be sent for 5 s more" in frontier(project, "pause").stdout
    until(lambda: ledger(project)["leased"] == 0, process, project)
    asked, shown = len(fetched(site)), ledger(project)
    assert shown["paused"]
    assert shown["queued"] > 0
    assert process.poll() is None
    assert len(fetched(site)) == asked

    frontier(project, "resume")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, project.errors(process)
    assert output.startswith("finished: 120 pages")


SPIDER = """
from scrapy import Request, Spider

class Page(Spider):
    name = "page"

    async def start(self):
        yield Request("{url}0.html", self.parse_first)

    def parse_first(self, response):
        yield Request(response.urljoin("1.html"), self.{callback})
        yield {{}}

    def {callback}(self, response):
        yield {{}}
"""


def test_a_queued_request_whose_callback_is_gone_is_dead_and_has_a_row(project, tmp_path, site):
    folder = tmp_path / "spiders"
    folder.mkdir()
    code = folder / "page_spider.py"
    command = ("crawl", "page", "-s", "SPIDER_MODULES=page_spider", *FAST)
    env = {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    code.write_text(SPIDER.format(url=site.url, callback="parse_second"))
    project.run(*command, "-s", "CLOSESPIDER_PAGECOUNT=1", env=env)
    assert ledger(project, "page")["queued"] == 1

    code.write_text(SPIDER.format(url=site.url, callback="parse_other"))
    done = project.run(*command, env=env)

    assert "1 failed (undecodable 1)" in done.stdout
    (row,) = [row for row in project.rows("scrape_logs") if row["status"] == "dead"]
    assert (row["url"], row["reason"]) == (f"{site.url}1.html", "undecodable")
    assert "parse_second" in row["error_message"]
    (letter,) = project.run("frontier", "page", "dead", "--json").stdout.splitlines()
    assert (json.loads(letter)["url"], json.loads(letter)["reason"]) == (f"{site.url}1.html", "undecodable")
    assert "/1.html" not in fetched(site)


def test_a_finished_crawl_leaves_no_key_that_lasts(project, site, redis_url):
    keep = ("-s", "FRONTIER_KEEP_FINISHED=600")
    project.run("crawl", "links", "-a", f"start_urls={site.url}1.html", "-a", "max_depth=0", *keep, *FAST)

    with redis.Redis.from_url(redis_url, protocol=2) as client:
        lasts = {key: client.ttl(key) for key in client.scan_iter()}
    assert min(lasts.values()) > 0
    assert all(0 < lasts[key] <= 600 for key in lasts if key.endswith((b":crawl", b":seen:0")))
    assert any(key.endswith(b":seen:0") for key in lasts)


def test_values_of_somebody_else_are_named(project, redis_url):
    other_run = ("crawl", "links", "-a", "start_urls=http://127.0.0.1:9/", "-a", "frontier=links")
    with redis.Redis.from_url(redis_url, protocol=2) as client:
        client.hset("{links:start_urls}:orders", "a.example", "no JSON")
        client.hset(
            "{links:start_urls}:crawl", mapping={"epoch": 1, "dead": 1, "discovered": 1, "foreign": 2}
        )
        client.hset("{links:start_urls}:1:dead", 7, "no JSON")
        client.hset("{links:start_urls}:1:buried", 7, "no record")

        shown = frontier(project)
        assert "a.example: somebody else has written what is no order, and is ignored" in shown.stderr
        assert "{links:start_urls}:foreign:*" in shown.stderr
        assert "foreign    2" in shown.stdout
        assert "a.example: " in frontier(project, "slot").stderr
        dead = frontier(project, "dead")
        assert "7: no dead letter, somebody else has written it" in dead.stderr
        assert "0 dead letters" in dead.stderr
        assert frontier(project, "check").returncode == 0

        client.set("{links:start_urls}:1:slots", "theirs")
        for verb in ("", "check", "clear"):
            refused = frontier(project, *filter(None, [verb]), "--json", check=False)
            assert refused.returncode == 2, verb
            assert "{links:start_urls}:1:slots" in refused.stderr
            assert refused.stderr.count("\n") == 1
        client.delete("{links:start_urls}:1:slots")
        client.set("{links:start_urls}:crawl", "theirs")
        crawl = project.run(*other_run, check=False)
        assert crawl.returncode == 2
        assert "{links:start_urls}:crawl" in crawl.stderr
        assert "Traceback" not in crawl.stderr
