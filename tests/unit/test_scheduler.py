"""What the scheduler queues for the frontier, what it asks for, and what it hands out."""

import time

import pytest
from scrapy import Request, Spider
from scrapy.http import Response

from scraping_project.core.scheduler import Scheduler
from scraping_project.core.slot_queues import MOST, TURN
from scraping_project.frontier.messages import GRANTED, MAX_PRIORITY, Grant, Leased, Step
from scraping_project.http import serialization
from tests.support.noting_frontier import NotingFrontier, crawler_of, reply, session_of

URL = "https://a.example/"


class Links(Spider):
    name = "links"


class Lab:
    """A scheduler and its session, with a slot that may send."""

    def __init__(self, folder, *, lease_ms=60_000, **settings):
        self.spider = Links()
        self.crawler = crawler_of(folder, self.spider, **settings)
        self.frontier = NotingFrontier()
        self.session = session_of(self.crawler, self.frontier, lease_ms=lease_ms)
        self.scheduler = Scheduler(self.crawler, self.session)
        self.scheduler.open(self.spider)
        self.outgoing = self.session.worker.outgoing
        self.attempts = self.session.log.attempts

    def stat(self, name):
        return self.crawler.stats.get_value(name)

    def lease(self, *payloads):
        leased = [
            Leased(number, 1, 1, 0, "a.example", 0, payload, armed=True)
            for number, payload in enumerate(payloads, start=1)
        ]
        grant = Grant("a.example", len(leased), 5_000, 0, 0, GRANTED)
        self.session._commits._take_in(reply(*leased, grants=[grant]), STEP, time.monotonic())

    def attempt(self, request):
        """Has a request handed out that was leased."""
        self.lease(serialization.encode(request, self.spider))
        handed = self.scheduler.next_request()
        return self.attempts.of(handed)

    def replaced(self, attempt, replacement):
        self.attempts.replace(attempt, replacement)
        assert self.scheduler.enqueue_request(replacement)
        return attempt.successor


STEP = Step(token="t", epoch=1, sequence=1, lease_ms=1)


@pytest.fixture(name="lab_of")
def labs(tmp_path):
    made = []

    def build(**settings):
        made.append(Lab(tmp_path, **settings))
        return made[-1]

    yield build
    for lab in made:
        lab.session.lifecycle._database.dispose()


@pytest.fixture(name="lab")
def a_lab(lab_of):
    return lab_of()


@pytest.mark.parametrize(("concurrency", "most"), [(0, MOST), (8, 8)])
def test_a_concurrency_of_nought_is_as_much_as_a_worker_holds(lab_of, concurrency, most):
    lab = lab_of(CONCURRENT_REQUESTS=concurrency)
    lab.session.clocks.of("a.example")
    demand = lab.scheduler.demand(0.0, 0.25)
    (ask,) = demand["asks"]

    assert (ask.want, ask.arm, demand["arm_new"]) == (TURN, 2 * most, 2 * most)


def test_a_link_that_is_surely_known_is_counted_and_not_pushed(lab):
    assert lab.scheduler.enqueue_request(Request(URL))
    assert not lab.scheduler.enqueue_request(Request(URL))

    assert [push.slot for push in lab.outgoing.push] == ["a.example"]
    assert lab.outgoing.filtered == {"duplicate": 1}
    assert lab.stat("frontier/filtered/duplicate") == 1


def test_a_link_that_is_not_filtered_is_pushed_each_time(lab):
    for _ in range(2):
        assert lab.scheduler.enqueue_request(Request(URL, dont_filter=True))

    assert [push.fingerprint for push in lab.outgoing.push] == ["", ""]


def test_a_retry_takes_the_place_of_its_request_after_the_backoff(lab_of):
    lab = lab_of(RETRY_BACKOFF_BASE=3.0)
    attempt = lab.attempt(Request(URL))
    attempt.wire = Response(URL, status=503)
    again = attempt.request.replace(dont_filter=True)
    again.meta["retry_times"] = 2

    successor = lab.replaced(attempt, again)

    assert (successor.fingerprint, lab.outgoing.push) == ("", [])
    assert attempt.retry_in_ms >= 9_000


def test_a_redirect_takes_the_place_of_its_request_through_the_dupe_filter(lab):
    successor = lab.replaced(lab.attempt(Request(URL)), Request(f"{URL}new"))

    assert successor.fingerprint
    assert lab.outgoing.push == []


def test_a_redirect_to_a_page_of_its_own_chain_passes_the_dupe_filter(lab):
    attempt = lab.attempt(Request(f"{URL}new", meta={"redirect_urls": [URL]}))

    assert lab.replaced(attempt, Request(URL)).fingerprint == ""


def test_a_request_that_cannot_be_written_down_stays_in_this_process(lab):
    request = Request(URL, meta={"handle": object()})

    assert lab.scheduler.enqueue_request(request)

    assert lab.outgoing.push == []
    assert lab.stat("frontier/unstorable") == 1
    assert lab.scheduler.next_request() is request


def test_a_request_that_is_too_large_is_refused_once(lab_of):
    lab = lab_of(FRONTIER_REQUEST_MAXSIZE=1_000)
    large = Request(URL, body=b"x" * 2_000, method="POST")

    assert not lab.scheduler.enqueue_request(large)
    assert not lab.scheduler.enqueue_request(large)

    assert len(lab.outgoing.refuse) == 1
    assert lab.outgoing.filtered == {"duplicate": 1}
    assert lab.stat("frontier/too_large") == 1


def test_a_priority_that_no_record_has_room_for_becomes_the_nearest(lab):
    lab.scheduler.enqueue_request(Request(URL, priority=2**40))

    assert [push.priority for push in lab.outgoing.push] == [MAX_PRIORITY]
    assert lab.stat("frontier/priorities_moved") == 1


def test_what_no_spider_can_resume_is_buried_and_the_next_is_handed_out(lab):
    lab.lease(b"no request", serialization.encode(Request(URL), lab.spider))

    assert lab.scheduler.next_request().url == URL
    assert [burial.id for burial in lab.outgoing.bury] == [1]


def test_nothing_is_handed_out_beyond_the_pages_that_the_crawl_may_have(lab_of):
    lab = lab_of(RUN_ARGUMENTS={"max_pages": "1"})
    payload = serialization.encode(Request(URL), lab.spider)
    lab.lease(payload, payload)

    assert lab.scheduler.next_request() is not None
    assert lab.scheduler.next_request() is None


def test_nothing_is_handed_out_when_the_leases_may_have_lapsed(lab_of):
    lab = lab_of(lease_ms=0)
    lab.lease(serialization.encode(Request(URL), lab.spider))

    assert lab.scheduler.has_pending_requests()
    assert lab.scheduler.next_request() is None


def test_a_scheduler_that_closes_asks_for_nothing_and_gives_back_what_it_holds(lab):
    attempt = lab.attempt(Request(URL))
    lab.crawler.engine._slot.inprogress.add(attempt.request)
    lab.crawler.engine.begin_to_close()

    lab.lease(serialization.encode(Request(URL), lab.spider))

    assert "want" not in lab.scheduler.demand(0.0, 0.25)
    assert [end.id for end in lab.outgoing.release] == [1]


def test_what_is_dropped_is_handed_out_no_more_and_may_be_asked_for_again(lab):
    lab.scheduler.enqueue_request(Request(URL))
    lab.lease(serialization.encode(Request(URL), lab.spider))

    lab.scheduler.drop()

    assert lab.scheduler.next_request() is None
    assert lab.scheduler.idle
    assert lab.scheduler.enqueue_request(Request(URL))
