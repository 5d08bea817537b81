"""When the downloader lets a request onto the wire, and what it records of the answer."""

import asyncio
import time

import pytest
from scrapy import Request
from scrapy.http import Response
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from scraping_project.core import downloader as module
from scraping_project.core.downloader import Downloader
from scraping_project.frontier.messages import BLOCKED, GRANTED, Grant, Leased
from scraping_project.http.failure_reasons import Filtered
from tests.support.noting_frontier import NotingFrontier, crawler_of, session_of

URL = "http://a.example/"
MOST = 2


class Lab:
    """A downloader whose requests go no further than onto the wire."""

    def __init__(self, folder, monkeypatch):
        crawler = crawler_of(
            folder, CONCURRENT_REQUESTS=MOST, DOWNLOADER_MIDDLEWARES={}, DOWNLOAD_HANDLERS={}
        )
        self.session = session_of(crawler, NotingFrontier())
        crawler.get_extension = lambda _: self.session
        monkeypatch.setattr(module, "_schedule_coro", lambda coroutine: coroutine.close())
        monkeypatch.setattr(Downloader, "_start_slot_gc", lambda _: None)
        self.downloader = Downloader(crawler)
        self.attempts = self.session.log.attempts
        self.commits = []
        self.downloader._commit_soon = lambda: self.commits.append(1)

    def clock(self, name="a.example"):
        return self.session.clocks.of(name)

    def grant(self, permits=1, *, delay_ms=0, outcome=GRANTED, name="a.example"):
        now = time.monotonic()
        self.clock(name).take(Grant(name, permits, 60_000, 0, delay_ms, outcome), now, now)

    def queue(self, url=URL):
        """Has a request reach the downloader; returns the slot and what its sender waits for."""
        request = Request(url)
        _, slot = self.downloader._get_slot(request)
        request.meta["download_slot"] = self.downloader.get_slot_key(request)
        self.session.clocks.of(request.meta["download_slot"]).queued += 1
        answered = Deferred()
        slot.queue.append((request, answered))
        return slot, answered

    def attempt(self, **leased):
        request = Request(URL)
        record = Leased(1, 1, 1, 0, "a.example", 0, b"", **leased)
        self.attempts.begin(request, "1", 1, leased=record, clock=self.clock())
        return self.attempts.of(request)


@pytest.fixture(name="lab")
def a_lab(tmp_path, monkeypatch):
    lab = Lab(tmp_path, monkeypatch)
    yield lab
    lab.session.lifecycle._database.dispose()


def test_a_request_waits_for_a_permit_of_its_slot_and_asks_for_one(lab):
    slot, _ = lab.queue()

    lab.downloader._process_queue(slot)
    assert (len(slot.queue), lab.commits) == (1, [1])

    lab.grant()
    lab.downloader._process_queue(slot)
    assert len(slot.queue) == 0


def test_the_second_request_of_a_slot_waits_for_its_delay(lab, monkeypatch):
    calls = []
    monkeypatch.setattr(module, "call_later", lambda delay, *_: calls.append(delay))
    lab.grant(2, delay_ms=5_000)
    slot, _ = lab.queue()
    lab.queue()

    lab.downloader._process_queue(slot)

    assert len(slot.queue) == 1
    assert all(4.0 < delay <= 5.0 for delay in calls)


def test_no_more_are_on_the_wire_than_the_worker_may_have(lab):
    slots = []
    for number in range(MOST + 1):
        lab.grant(name=f"{number}.example")
        slots.append(lab.queue(f"http://{number}.example/")[0])

    for slot in slots:
        lab.downloader._process_queue(slot)
    assert [len(slot.queue) for slot in slots] == [0, 0, 1]

    lab.downloader._on_wire -= 1
    lab.downloader._make_use_of_room()
    assert [len(slot.queue) for slot in slots] == [0, 0, 0]


def test_what_waits_in_a_slot_that_the_operator_blocks_ends_as_filtered(lab):
    slot, answered = lab.queue()
    failed = []
    answered.addErrback(failed.append)
    lab.grant(outcome=BLOCKED)

    lab.downloader._process_queue(slot)

    assert [(type(each.value), each.value.reason) for each in failed] == [(Filtered, "guard")]
    assert lab.clock().queued == 0


@pytest.mark.parametrize(("leased", "reason"), [({"too_many": True}, "budget"), ({}, None)])
def test_a_request_beyond_its_slots_budget_is_not_sent(lab, leased, reason):
    why = module._refusal(lab.attempt(**leased))

    assert (why.reason if why else None) == reason


def test_the_answer_is_recorded_and_its_request_is_known_as_the_same_attempt(lab):
    attempt = lab.attempt()
    redirected = Request(f"{URL}new")
    answer = Response(URL, request=redirected)

    assert lab.downloader._record(answer, attempt) is answer

    assert attempt.result is answer
    assert lab.attempts.of(redirected) is attempt


def test_a_failure_is_recorded_and_its_errback_runs_as_the_attempts(lab):
    attempt = lab.attempt()
    error = OSError("refused")

    async def record():
        lab.downloader._record(Failure(error), attempt)
        return module.asking.get()

    assert asyncio.run(record()) is attempt
    assert attempt.result is error


def test_a_replacement_takes_over_without_the_conditions_of_another_page(lab):
    attempt = lab.attempt()
    replacement = Request(f"{URL}new", headers={"If-None-Match": '"1"'}, meta={"conditional": True})

    lab.downloader._record(replacement, attempt)

    assert lab.attempts.parent(replacement) is attempt
    assert "If-None-Match" not in replacement.headers


def test_a_slot_is_a_host_whatever_the_case_or_the_port(lab):
    assert lab.downloader.get_slot_key(Request("http://A.example:8080/x")) == "a.example"
