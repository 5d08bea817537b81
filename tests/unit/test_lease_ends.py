"""What is said of a request that can't be written down, of what takes its place, and of who asked for it."""

import pytest
from scrapy import Request
from scrapy.http import Response

from scraping_project.attempts import lease_ends
from scraping_project.attempts.registry import Attempts
from scraping_project.frontier.messages import End, Leased, Push, blob
from scraping_project.frontier.outgoing import Outgoing

TARGET = Push("1", "a.example", 0, blob(b"target"))
PAGE = Leased(7, 1, 1, 0, "a.example", 0, b"page")


class Work:
    """A leased page whose callback asked for a request that can't be written down, which moved."""

    def __init__(self):
        self.attempts, self.outgoing = Attempts(), Outgoing()
        self.page = self.begin(leased=PAGE)
        self.kept = self.keep(self.page)
        self.kept.successor = TARGET

    def begin(self, **fields):
        request = Request("https://a.example/")
        self.attempts.begin(request, "id", 1, **fields)
        attempt = self.attempts.of(request)
        attempt.result = Response(request.url)
        return attempt

    def keep(self, origin):
        origin.kept += 1
        return self.begin(origin=origin)

    def end(self, *attempts):
        for attempt in attempts:
            for end in self.attempts.leases_that_end(attempt, None):
                lease_ends.add(self.outgoing, *end)


@pytest.fixture(name="work")
def a_page_that_waits():
    return Work()


def test_its_successor_is_pushed_in_the_step_that_ends_the_page_which_never_goes_first(work):
    work.end(work.page)
    assert not work.outgoing

    work.end(work.kept)

    assert work.outgoing.push == [TARGET]
    assert (work.outgoing.ack_parents, work.outgoing.ack) == ([End(PAGE.id, PAGE.delivery)], [])


def test_of_one_that_such_a_request_asked_for_too(work):
    work.kept.successor = None
    last = work.keep(work.kept)
    last.successor = TARGET
    work.end(work.page, work.kept, last)

    assert work.outgoing.push == [TARGET]
    assert work.outgoing.ack_parents == [End(PAGE.id, PAGE.delivery)]


def test_without_a_successor_the_page_asked_for_nothing(work):
    work.kept.successor = None
    work.end(work.page, work.kept)

    assert work.outgoing == Outgoing(ack=[End(PAGE.id, PAGE.delivery)])


def test_of_one_that_nobody_s_callback_asked_for(work):
    orphan = work.begin()
    orphan.successor = TARGET
    work.end(orphan)

    assert work.outgoing == Outgoing(push=[TARGET])


@pytest.mark.parametrize("ended", [False, True])
def test_not_when_others_have_the_page_and_ask_for_it_again(work, ended):
    if ended:
        work.end(work.page)
        work.attempts.lose_held()
    else:
        work.page.leased = None
    work.end(work.kept)

    assert not work.outgoing


def test_not_when_it_was_left_for_the_page_to_ask_again(work):
    work.kept.result = None
    work.end(work.page, work.kept)

    assert work.outgoing == Outgoing(release=[End(PAGE.id, PAGE.delivery)])


def test_not_of_a_request_whose_own_lease_is_with_others(work):
    work.page.leased, work.page.successor, work.page.kept = None, TARGET, 0
    work.end(work.page)

    assert not work.outgoing
