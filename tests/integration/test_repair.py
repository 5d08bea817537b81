"""What a repair makes of a database and a frontier that do not agree, case by case."""

import pytest
from scrapy import Request
from scrapy.settings import Settings

from scraping_project import settings
from scraping_project.frontier.connection import connect
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.messages import Push, blob
from scraping_project.frontier.pending_requests import PendingRequests
from scraping_project.http import serialization
from scraping_project.items import Link
from scraping_project.repair.ledger_editor import DryLedgerEditor, FrontierLedgerEditor
from scraping_project.repair.repair import Repair
from scraping_project.repair.request_rebuilder import RequestRebuilder
from scraping_project.storage.writing.writer import Writer
from spiders.links import LinksSpider
from spiders.outline import OutlineSpider
from tests.support.frontier_worker import LONG, Worker, dump, ledger_of, nack
from tests.support.storage_truth import log, site

CRAWL = "links-20260101T120030-abcdef"
SITE = "http://a.example/"
PROJECT = {name: value for name, value in vars(settings).items() if name.isupper()}


@pytest.fixture(name="server")
def one_server(redis_servers):
    with connect(redis_servers("redis").url) as client:
        client.flushall()
        yield client


@pytest.fixture(name="crawl")
def crawl_of_the_links_spider(server, sqlite):
    crawl = Crawl(server, sqlite)
    yield crawl
    assert crawl.frontier.check() == []


class Crawl:
    """A frontier that has begun the crawl, its database, and the repair of the one by the other."""

    def __init__(self, server, database):
        self.server = server
        self.database = database
        self.frontier = Frontier(server, Keys("links"))
        self.worker = Worker(self.frontier)
        self.rules = {}
        self.settings = {}
        self._minutes = 0

    def store(self, path, number, *links, status_code=200, **changes):
        """The row of an answer, and its site with its links."""
        self._minutes += 1
        url = SITE + path
        links = [Link(link if "://" in link else SITE + link) for link in links]
        depth = changes.pop("depth", 0)
        stored = site(url, self._minutes, links=links, depth=depth, status_code=status_code)
        values = {"url": url, "site_url": url, "crawl_id": CRAWL, "status_code": status_code} | changes
        self.write(stored, log(f"{values['crawl_id']}:{number}:1", self._minutes, **values))

    def write(self, *records):
        writer = Writer(self.database)
        for record in records:
            writer.append(record)
        writer.commit()

    def push(self, *paths, **fields):
        self.worker.push(*(self.request(path, **fields) for path in paths))

    def request(self, path, **fields):
        request = Request(SITE + path, **fields)
        number = "" if request.dont_filter else RequestRebuilder.number(request.url)
        return Push(number, "a.example", 0, blob(serialization.encode(request, LinksSpider())))

    def lease(self, most=100):
        return self.worker.lease(most, turn=most)

    def paths_left(self):
        """Ends all that waits, as a worker would meet it; returns the paths."""
        leased = self.lease()
        self.worker.ack(*leased)
        return [self.decoded(each).url.removeprefix(SITE) for each in leased]

    def decoded(self, leased):
        return serialization.decode(leased.payload, LinksSpider())

    def repair(self, *seeds, dry=False, dead=()):
        mender = Worker(self.frontier, seeds="")
        books = FrontierLedgerEditor(self.frontier, mender.token, mender.joined.epoch)
        if dry:
            books = DryLedgerEditor(self.frontier)
        rebuilt = RequestRebuilder(LinksSpider(**self.rules), Settings(PROJECT | self.settings))
        waiting = PendingRequests(self.server, self.frontier.keys).read(dead)
        try:
            found = Repair(self.database, CRAWL, books, rebuilt, lambda *_: None).run(seeds, waiting)
        finally:
            self.frontier.leave(mender.token)
        return found.marked, found.ended, found.put_back


def test_pages_are_done_and_what_they_lead_to_is_put_back(crawl):
    crawl.store("a", 1, "b", "c", "http://other.example/")
    crawl.store("b", 2, "a", "d")

    assert crawl.repair() == (2, 0, 2)
    assert crawl.repair() == (0, 0, 0)
    assert ledger_of(crawl.frontier) | {"discovered": 4, "done": 2, "queued": 2} == ledger_of(crawl.frontier)
    assert crawl.frontier.counts()["pages"] == 2
    assert crawl.paths_left() == ["c", "d"]


def test_a_dry_run_counts_the_same_and_changes_nothing(crawl):
    crawl.push("b")
    crawl.store("a", 1, "b", "c")
    crawl.store("b", 2, "c", "d")
    crawl.store("c", 3, "e", status="failed", status_code=404, reason="http_404")
    before = dump(crawl.server)

    would = crawl.repair(dry=True)
    after = {key: value for key, value in dump(crawl.server).items() if b"gone" not in key}
    assert after == before
    assert crawl.repair() == would == (2, 1, 1)


def test_requests_that_ended_without_a_page_are_done_and_lead_nowhere(crawl):
    crawl.store("gone", 1, "x", status="failed", status_code=404, reason="http_404")
    crawl.write(log(f"{CRAWL}:2:1", url=f"{SITE}no", crawl_id=CRAWL, status="filtered", reason="robots"))
    crawl.store("a", 3, "gone", "no")

    assert crawl.repair() == (3, 0, 0)
    assert crawl.frontier.counts()["pages"] == 2


def test_what_is_to_be_tried_again_and_dead_letters_are_fetched_again(crawl):
    for number, status in enumerate(("retried", "dead"), 1):
        url = f"{SITE}{status}"
        crawl.write(log(f"{CRAWL}:{number}:1", url=url, crawl_id=CRAWL, status=status, reason="timeout"))
    crawl.store("a", 3, "retried", "dead")

    assert crawl.repair() == (1, 0, 2)
    assert crawl.paths_left() == ["retried", "dead"]


def test_new_requests_get_numbers_above_all_that_have_rows(crawl):
    crawl.write(log(f"{CRAWL}:70:1", url=f"{SITE}x", crawl_id=CRAWL, status="retried", reason="timeout"))
    crawl.write(log(f"{CRAWL}:9876543210987:1", url=f"{SITE}y", crawl_id=CRAWL))  # stayed with its worker
    crawl.store("a", 50, "b")

    crawl.repair()
    assert [request.id for request in crawl.lease()] == [71, 72]


def test_requests_that_wait_and_are_done_are_ended_wherever_they_lie(crawl):
    crawl.push("delayed", "held")
    delayed, _ = crawl.lease()
    crawl.worker.step(nack=[nack(delayed, LONG)])
    crawl.push("queued", "other")
    for number, path in enumerate(("delayed", "held", "queued"), 1):
        crawl.store(path, number, f"child-of-{path}")

    assert crawl.repair(dead=[crawl.worker.token]) == (0, 3, 3)
    assert crawl.paths_left() == ["other", *(f"child-of-{path}" for path in ("delayed", "held", "queued"))]


def test_what_a_living_worker_holds_is_left_to_it(crawl):
    crawl.push("held")
    held = crawl.lease()
    crawl.store("held", 1, "child")

    assert crawl.repair() == (0, 0, 1)
    crawl.worker.ack(*held)
    assert crawl.frontier.counts()["done"] == 1
    assert "stale" not in crawl.frontier.counts()


def test_what_is_to_pass_the_dupe_filter_is_ended_by_its_own_rows_alone(crawl):
    crawl.push("again", "retry", dont_filter=True)
    crawl.store("again", 40)
    crawl.store("retry", 2)

    assert crawl.repair() == (2, 1, 0)
    assert crawl.paths_left() == ["again"]


@pytest.mark.parametrize("fields", [{"method": "POST"}, {"body": b"x"}, {"callback": "parse"}])
def test_a_request_that_is_no_plain_one_is_never_ended(crawl, fields):
    spider = LinksSpider()
    fields = {name: getattr(spider, value) if name == "callback" else value for name, value in fields.items()}
    payload = serialization.encode(Request(f"{SITE}a", **fields), spider)
    crawl.worker.push(Push("1", "a.example", 0, blob(payload)))
    crawl.store("a", 1)

    assert crawl.repair() == (1, 0, 0)
    assert crawl.paths_left() == ["a"]


def test_a_number_that_was_given_twice_ends_no_other_page(crawl):
    crawl.push("mine")
    crawl.store("another", 1)

    assert crawl.repair() == (1, 0, 0)
    assert crawl.paths_left() == ["mine"]


def test_a_page_that_another_crawl_has_stored_since_is_fetched_again(crawl):
    crawl.push("known")
    crawl.store("known", 1, "x")
    crawl.store("forgotten", 2, "y", depth=3)
    for path in ("known", "forgotten"):
        failed = {"status_code": 500, "status": "failed", "reason": "http_500"}
        crawl.store(path, 9, depth=3, crawl_id="other", **failed)

    assert crawl.repair() == (0, 0, 1)
    assert crawl.repair() == (0, 0, 0)
    again = crawl.lease()
    assert [crawl.decoded(each).url for each in again] == [f"{SITE}known", f"{SITE}forgotten"]
    assert crawl.decoded(again[1]).meta == {"depth": 3}
    crawl.worker.ack(*again)


def test_seeds_that_are_neither_known_nor_done_are_put_back(crawl):
    crawl.push("known")
    crawl.store("done", 5)

    assert crawl.repair(f"{SITE}known", f"{SITE}done", f"{SITE}lost") == (1, 0, 1)
    assert crawl.paths_left() == ["known", "lost"]


@pytest.mark.parametrize(
    ("rules", "settings", "put_back"),
    [
        ({"max_depth": 2}, {}, ["near"]),
        ({"max_depth": 1}, {}, []),
        ({}, {"DEPTH_LIMIT": 2}, ["near"]),
        ({}, {"DEPTH_LIMIT": 1}, []),
        ({}, {"URLLENGTH_LIMIT": len(SITE) + 3}, []),
        ({"allowed_domains": ["b.example"]}, {}, ["http://b.example/", "http://www.b.example:81/"]),
        ({"allowed_domains": ["a.example"]}, {}, ["near"]),
    ],
)
def test_the_rules_of_the_crawl_hold_for_what_is_put_back(crawl, rules, settings, put_back):
    crawl.rules, crawl.settings = rules, settings
    crawl.store("a", 1, "near", "http://b.example/", "http://www.b.example:81/", depth=1)

    assert crawl.repair() == (1, 0, len(put_back))
    assert crawl.paths_left() == put_back


@pytest.mark.parametrize(
    ("settings", "slot", "priority"),
    [
        ({}, "www.b.example.com", 0),
        ({"FRONTIER_SLOT_BY": "domain"}, "example.com", 0),
        ({"FRONTIER_ORDER": "depth"}, "www.b.example.com", -5),
        ({"DEPTH_PRIORITY": 2}, "www.b.example.com", -10),
    ],
)
def test_a_request_is_put_back_into_the_place_it_had(crawl, settings, slot, priority):
    crawl.rules, crawl.settings = {"allowed_domains": ["example.com"]}, settings
    crawl.store("a", 1, "http://www.b.example.com/", depth=4)
    crawl.repair()

    (request,) = crawl.lease()
    assert (request.slot, request.priority, request.attempt) == (slot, priority, 1)
    assert crawl.decoded(request).meta == {"depth": 5}
    crawl.worker.ack(request)


def test_many_pages_with_many_links_are_repaired_in_bounded_steps(crawl):
    names = [f"page-{number}" for number in range(120)]
    for number, name in enumerate(names, 1):
        crawl.store(name, number, *names, *(f"leaf-{number}-{leaf}" for leaf in range(30)))

    assert crawl.repair() == (120, 0, 3_600)
    assert crawl.repair() == (0, 0, 0)


def test_an_interrupted_repair_has_marked_no_page_whose_links_are_unknown(crawl, monkeypatch):
    """Whatever entry is the last: every page that is done then has its links known."""
    crawl.push("b")
    crawl.store("a", 1, "b", "c")
    crawl.store("b", 2, "d")
    crawl.store("d", 3, "e", "a")
    led_to = {"a": ["c"], "b": [], "d": ["e"]}  # what is not done itself
    entries = 0

    class Interrupted(Exception):  # noqa: N818
        pass

    def counting(self, **told):
        nonlocal entries
        entries += 1
        if entries > stop:
            raise Interrupted
        return enter(self, **told)

    enter = FrontierLedgerEditor.enter
    monkeypatch.setattr(FrontierLedgerEditor, "enter", counting)
    for stop in range(12):
        entries = 0
        crawl.frontier.clear()
        crawl.worker = Worker(crawl.frontier)
        crawl.push("b")
        try:
            crawl.repair()
        except Interrupted:
            pass
        else:
            break
        waiting = {crawl.decoded(each).url.removeprefix(SITE) for each in crawl.lease()}
        known = {
            path for path in led_to if crawl.frontier.known([RequestRebuilder.number(SITE + path)]) == "1"
        }
        missing = [
            child
            for path in known - waiting
            for child in led_to[path]
            if crawl.frontier.known([RequestRebuilder.number(SITE + child)]) == "0"
        ]
        assert missing == [], f"interrupted after {stop} entries"
    assert stop > 3


def test_a_spider_that_does_not_say_what_it_follows_can_not_be_repaired():
    with pytest.raises(TypeError, match="does not say"):
        RequestRebuilder(OutlineSpider(), Settings(PROJECT))


def test_a_row_that_was_written_after_the_links_were_put_back_is_not_marked(crawl, monkeypatch):
    crawl.store("a", 1)
    follow = Repair._follow

    def and_then_another(self, answers):
        follow(self, answers)
        crawl.store("late", 2, "child")

    monkeypatch.setattr(Repair, "_follow", and_then_another)
    assert crawl.repair() == (1, 0, 0)
    monkeypatch.undo()
    assert crawl.repair() == (1, 0, 1)


def test_a_request_whose_row_came_late_is_ended_together_with_its_links(crawl, monkeypatch):
    crawl.push("late")
    crawl.store("a", 5)
    mark = Repair._mark

    def and_then_another(self, done):
        mark(self, done)
        crawl.store("late", 1, "child")

    monkeypatch.setattr(Repair, "_mark", and_then_another)
    monkeypatch.setattr(Repair, "_follow_all", lambda _: None)
    assert crawl.repair() == (1, 1, 1)
    assert crawl.paths_left() == ["child"]
