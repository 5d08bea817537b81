"""``scrapy frontier NAME slot``: what an operator says of a slot, and that all workers heed it."""

import json

import pytest
import redis

from scraping_project.cli.frontier_verbs.slot import _host_of
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.messages import Ask
from testing.polite_sites import Answer, gaps, links, site
from tests.support.fast_crawl import CLOSED
from tests.support.frontier_worker import Worker, push
from tests.support.project import until

SLOT = "127.0.0.1"
DELAY, PAGES = 0.05, 40


@pytest.fixture(name="asked")
def a_chain_of_pages():
    """Each of forty pages links to a leaf and to its successor, but for the last."""

    def answer(visit):
        number = visit.path.removeprefix("/")
        if not number.isdecimal() or int(number) >= PAGES:
            return Answer(status=200 if number.startswith("leaf") else 404)
        return links(f"/{int(number) + 1}", f"/leaf-{number}")

    with site(answer) as asked:
        yield asked


@pytest.fixture(name="client")
def a_client(redis_url):
    with redis.Redis.from_url(redis_url, protocol=2) as client:
        yield client


@pytest.fixture(name="known")
def a_slot_in_use(client):
    """A worker that holds a slot, has asked it for one page, and left others queued."""
    worker = Worker(Frontier(client, Keys("links")))
    worker.push(*(push(number, "a.example", priority=number % 2) for number in range(5)))
    worker.step(want=1, turn=1, robots=True, delay_ms=1_000, cap=1)
    ask = Ask("a.example", need=1, sent_ms=0, delay_ms=1_000, crawl_delay_ms=2_000, after_ms=90_000)
    worker.step(asks=[ask], robots=True)
    return worker


def slot(project, *arguments, **options):
    return project.run("frontier", "links", "slot", *arguments, **options).stdout


def shown(project, *arguments):
    return json.loads(slot(project, *arguments, "--json"))


def crawl(project, asked, *arguments, delay=DELAY):
    slow = ("-s", f"DOWNLOAD_DELAY={delay}", "-s", "ROBOTSTXT_OBEY=0")
    return project.start("crawl", "links", *slow, "-a", f"start_urls={asked.url('/0')}", *arguments)


def shortest_gap(visits):
    return min(gaps(visit.began for visit in visits))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("a.example", "b.example"), "'b.example' is one word too many"),
        (("",), "name a host"),
        (("--pause",), "of which slot? Name it: scrapy frontier links slot example.com --pause"),
        (("a.example", "--pause", "--resume"), "not allowed with argument"),
        (("a.example", "--block", "--unblock"), "not allowed with argument"),
        (("a.example", "--forget", "--pause"), "takes no other option"),
        (("a.example", "--forget", "--delay", "1"), "takes no other option"),
        (("a.example", "--delay"), "--delay"),
        (("a.example", "--delay", "soon"), "--delay"),
        (("a.example", "--delay=-1"), "from 0 to 86400"),
        (("a.example", "--delay", "nan"), "from 0 to 86400"),
        (("a.example", "--delay", "86401"), "from 0 to 86400"),
        (("a.example", "--bogus"), "no option --bogus"),
        (("a.example",), "no Redis answers"),
    ],
)
def test_bad_input_is_refused_in_one_line_with_exit_code_2(project, arguments, word):
    done = project.run("frontier", "links", "slot", *arguments, env={"REDIS_URL": CLOSED}, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert word in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("verb", [(), ("pause",), ("check",)])
@pytest.mark.parametrize("option", [("--pause",), ("--delay", "0"), ("--forget",)])
def test_the_options_of_a_slot_belong_to_no_other_verb(project, verb, option):
    done = project.run("frontier", "links", *verb, *option, env={"REDIS_URL": CLOSED}, check=False)

    assert done.returncode == 2
    assert f"{option[0]} belongs to slot" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "name",
    ["", " ", "a b", "http://", "a/b", "a.example/x", "user@a.example", "a..example", "a.example:x", "::zz"],
)
def test_what_is_no_host_is_refused_in_one_line(name, capsys):
    with pytest.raises(SystemExit, match="2"):
        _host_of(name)

    line = capsys.readouterr().err
    assert "is no slot: name a host" in line
    assert line.count("\n") == 1


def test_a_slot_that_is_refused_is_not_ordered_about(project):
    done = project.run("frontier", "links", "slot", "a b", "--pause", check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert "is no slot: name a host" in done.stderr
    assert slot(project) == ""


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Example.COM", "example.com"),
        ("https://user@Example.com:8080/a?b#c", "example.com"),
        ("example.com:80", "example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]:80", "::1"),
        ("0:0::1", "::1"),
        ("http://[::1]/", "::1"),
    ],
)
def test_a_slot_is_named_as_the_workers_name_it(said, name):
    assert _host_of(said) == name


def test_a_host_may_be_said_in_any_case_and_as_a_url(project):
    assert slot(project, "https://Example.com:8080/a", "--pause") == "example.com: paused\n"


def test_a_slot_that_somebody_named_otherwise_is_taken_as_it_stands(project, client):
    Worker(Frontier(client, Keys("links"))).push(push(1, "My API"))

    assert slot(project, "My API", "--pause") == "My API: paused\n"
    own = ("-s", 'DOWNLOAD_SLOTS={"Own": {"delay": 1}}')
    assert slot(project, "Own", "--block", *own) == "Own: blocked\n"


def test_by_domain_a_slot_is_the_registered_domain(project):
    assert (
        slot(project, "www.example.co.uk", "--pause", "-s", "FRONTIER_SLOT_BY=domain")
        == "example.co.uk: paused\n"
    )


def test_what_is_said_adds_to_what_was_said_until_it_is_taken_back(project, client):
    frontier = Frontier(client, Keys("links"))
    steps = [
        (("--delay", "2.5"), "delay 2.5 s", {"delay": 2500}),
        (("--pause",), "delay 2.5 s, paused", {"delay": 2500, "paused": True}),
        (("--block", "--resume"), "delay 2.5 s, blocked", {"delay": 2500, "blocked": True}),
        (("--delay", "0"), "delay 0 s, blocked", {"delay": 0, "blocked": True}),
        (("--unblock",), "delay 0 s", {"delay": 0}),
        (("--forget",), "no order", None),
        (("--resume",), "no order", None),
    ]
    for options, text, order in steps:
        assert slot(project, "a.example", *options) == f"a.example: {text}\n"
        assert frontier.orders().get("a.example") == order


def test_the_slots_of_which_something_was_said_are_listed(project):
    assert slot(project) == ""
    slot(project, "b.example", "--block")
    slot(project, "a.example", "--delay", "1", "--pause")

    assert slot(project) == "a.example: delay 1 s, paused\nb.example: blocked\n"
    assert [json.loads(line) for line in slot(project, "--json").splitlines()] == [
        {"slot": "a.example", "delay": 1.0, "paused": True, "blocked": False},
        {"slot": "b.example", "delay": None, "paused": False, "blocked": True},
    ]


def test_a_slot_shows_its_clock_and_its_queue(project, known):
    slot(project, "a.example", "--delay", "7")

    clock = shown(project, "a.example")

    assert clock["order"] == {"delay": 7.0, "paused": False, "blocked": False}
    assert (clock["slot"], clock["delay"], clock["crawl_delay"], clock["adaptive"]) == (
        "a.example",
        2.0,
        2.0,
        None,
    )
    assert (clock["holders"], clock["queued"]) == ({known.token: 1}, 4)
    assert clock["sent_ago"] >= 0
    assert 0 < clock["retry_after"] <= 90


def test_for_people_a_slot_is_a_line_a_word(project, known):
    lines = dict(line.split(maxsplit=1) for line in slot(project, "a.example").splitlines())

    assert (lines["slot"], lines["order"], lines["delay"], lines["adaptive"]) == (
        "a.example",
        "no order",
        "2 s",
        "not known",
    )
    assert (lines["queued"], lines["holders"]) == ("4", f"{known.token} (1)")
    assert lines["sent"].endswith(" s ago")
    assert lines["retry-after"].endswith(" s left")


def test_a_slot_that_nobody_knows_shows_nothing(project):
    clock = shown(project, "a.example")

    assert (clock["sent_ago"], clock["delay"], clock["holders"], clock["queued"]) == (None, 0, {}, 0)
    assert "Traceback" not in slot(project, "a.example")


def test_a_paused_slot_is_sent_nothing_until_it_is_resumed(project, asked):
    process = crawl(project, asked)
    until(lambda: len(asked.visits) > 10, process, project)

    slot(project, SLOT, "--pause")
    until(lambda: not shown(project, SLOT)["holders"] and ledger(project)["leased"] == 0, process, project)
    paths = asked.paths()
    assert ledger(project)["queued"] > 0
    assert process.poll() is None
    assert asked.paths() == paths

    slot(project, SLOT, "--resume")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, project.errors(process)
    assert output.startswith("finished: 80 pages")


def test_a_longer_delay_holds_from_the_next_request_and_a_shorter_one_too(project, asked):
    process = crawl(project, asked, "-a", "max_pages=60")
    until(lambda: len(asked.visits) > 10, process, project)

    slot(project, SLOT, "--delay", "0.5")
    until(lambda: shown(project, SLOT)["delay"] == 0.5, process, project)
    before = len(asked.visits)
    until(lambda: len(asked.visits) >= before + 6, process, project)
    assert shortest_gap(asked.visits[before + 1 :]) >= 0.45

    slot(project, SLOT, "--delay", "0")
    output, _ = process.communicate(timeout=60)
    assert output.startswith("finished") or "max_pages" in output, project.errors(process)
    assert shortest_gap(asked.visits[-10:]) < 0.45


def test_a_delay_holds_for_all_workers_together(project, asked):
    slot(project, SLOT, "--delay", "0.3")
    workers = [crawl(project, asked, "-a", "max_pages=16", delay=0) for _ in range(2)]
    for process in workers:
        process.communicate(timeout=60)
        assert process.returncode == 0, project.errors(process)

    assert len(asked.visits) >= 16
    assert shortest_gap(asked.visits) >= 0.27


def test_a_blocked_slot_s_requests_end_unsent_as_filtered(project, asked):
    process = crawl(project, asked, delay=1)
    until(lambda: len(asked.visits) >= 3, process, project)

    slot(project, SLOT, "--block")
    process.communicate(timeout=60)

    assert process.returncode == 0, project.errors(process)
    sent = len(asked.visits)
    assert sent < PAGES
    logs = [row for row in project.rows("scrape_logs") if row["status"] == "filtered"]
    assert logs
    assert {(row["reason"], row["status_code"]) for row in logs} == {("guard", None)}
    assert ledger(project)["filtered"]["guard"] == len(logs)
    assert ledger(project)["done"] == sent + len(logs)
    assert "Traceback" not in project.errors(process)


def test_what_already_waits_in_the_downloader_of_a_blocked_slot_is_not_sent(project, asked):
    """The page waits there for the delay after its robots.txt."""
    process = project.start(
        "crawl", "links", "-s", "DOWNLOAD_DELAY=6", "-a", f"start_urls={asked.url('/0')}", "-a", "max_depth=0"
    )
    until(lambda: asked.paths() == ["/robots.txt"], process, project)

    slot(project, SLOT, "--block")
    process.communicate(timeout=60)

    assert asked.paths() == ["/robots.txt"]
    (row,) = project.rows("scrape_logs")
    assert (row["status"], row["reason"]) == ("filtered", "guard")


def ledger(project):
    return json.loads(project.run("frontier", "links", "--json").stdout)
