"""One politeness for all workers, as the sites see it: gaps, windows, permits, and what sites ask for."""

import asyncio
import math
import time
from collections import Counter
from email.utils import formatdate
from threading import Event

import pytest

from testing.polite_sites import (
    HOSTS,
    SLACK,
    Answer,
    busiest,
    excess,
    gaps,
    links,
    numbered,
    short,
    site,
    stop_and_kill,
)
from tests.support.kill_storm import kill, run_to_the_end
from tests.support.polite_crawls import PATIENCE, all_joined, crawl, crawls
from tests.support.project import until

DELAY = 0.5
PAGES = 12
RETRY_AFTER = 3


def indexes(asked):
    return [asked.url(host=host) for host in asked.hosts]


def began(asked):
    """When the requests of each host arrived."""
    return [[visit.began for visit in asked.of(host)] for host in asked.hosts]


def assert_polite(times, delay, *, stops=0):
    """At most one gap is too short for each SIGSTOP, and no window has more than the delay allows."""
    assert all(times)
    assert sum(len(short(each, delay)) for each in times) <= stops, [short(each, delay) for each in times]
    assert sum(math.ceil(excess(each, delay)) for each in times) <= stops


@pytest.mark.parametrize(
    ("pages", "robots", "delay"), [(PAGES, "", DELAY), (4, "User-agent: *\nCrawl-delay: 2", 2)]
)
def test_four_workers_ask_five_hosts_no_oftener_than_one_may(project, pages, robots, delay):
    with site(numbered(pages, robots), HOSTS) as asked:
        run_to_the_end(project, crawls(project, 4, indexes(asked), f"DOWNLOAD_DELAY={DELAY}"))

    assert list(map(len, began(asked))) == [pages + 2] * 5  # the index and robots.txt
    assert_polite(began(asked), delay)


def test_workers_that_are_killed_and_stopped_break_no_gap(project):
    with site(numbered(200), HOSTS) as asked:
        # Given four workers
        workers = crawls(project, 4, indexes(asked), f"DOWNLOAD_DELAY={DELAY}")
        until(lambda: all(began(asked)), workers[0], project)

        # When some are killed, and others stopped for longer and for less than they have permits
        start = lambda: crawl(project, indexes(asked), f"DOWNLOAD_DELAY={DELAY}")  # noqa: E731  shorter
        kills, stops = stop_and_kill(workers, start, time.monotonic() + 12)
        kill(*workers)

    # Then the sites have noticed none of it
    assert kills
    assert_polite(began(asked), DELAY, stops=stops)


def test_a_worker_whose_clock_is_hours_off_breaks_no_gap(project, clock_off_by):
    clocks = ({}, clock_off_by("+2h"), clock_off_by("-2h"))

    with site(numbered(PAGES), HOSTS) as asked:
        delay = f"DOWNLOAD_DELAY={DELAY}"
        run_to_the_end(project, [crawl(project, indexes(asked), delay, env=clock) for clock in clocks])

    assert list(map(len, began(asked))) == [PAGES + 2] * 5
    assert_polite(began(asked), DELAY)


def test_a_request_that_leaves_late_on_a_busy_machine_holds_back_the_next(project):
    spider = ("crawl", "stalling", "-s", "SPIDER_MODULES=tests.cluster.spiders_for_faults.stalling")

    with site(numbered(PAGES), HOSTS[:1]) as asked:
        project.run(*spider, "-a", f"start_urls={asked.url()}", "-s", f"DOWNLOAD_DELAY={DELAY}")

    assert list(map(len, began(asked))) == [PAGES + 2]
    assert_polite(began(asked), DELAY)


def a_date_in(seconds):
    return formatdate(math.ceil(time.time() + seconds), usegmt=True)


@pytest.mark.parametrize(("status", "wording"), [(429, str), (503, a_date_in)])
def test_all_workers_wait_for_as_long_as_a_site_asks_for(project, status, wording):
    paths = [f"/{number}" for number in range(12)]

    def answer(visit):
        if visit.path == "/robots.txt":
            return Answer(status=404)
        if visit.path == "/3" and len(asked.of(path="/3")) == 1:
            return Answer(status=status, headers=(f"Retry-After: {wording(RETRY_AFTER)}",))
        return links(*paths) if visit.path == "/" else Answer()

    with site(answer) as asked:
        run_to_the_end(project, crawls(project, 3, [asked.url()], "DOWNLOAD_DELAY=0.2"))

    refused = asked.of(path="/3")[0]
    later = [visit.began for visit in asked.visits if visit.began > refused.began]
    assert min(later) >= refused.ended + RETRY_AFTER - SLACK
    assert Counter(asked.paths()) == Counter(["/robots.txt", "/", *paths, "/3"])


def test_without_a_delay_a_retry_after_is_heard_by_all_within_a_second(project, redis_url):
    paths = [f"/{number}" for number in range(60)]

    async def answer(visit):
        if visit.path == "/robots.txt":
            return Answer(status=404)
        if visit.path == "/20" and len(asked.of(path="/20")) == 1:
            return Answer(status=429, headers=(f"Retry-After: {RETRY_AFTER}",))
        return links(*paths) if visit.path == "/" else Answer(after=0.1)

    with site(answer) as asked:
        settings = ("DOWNLOAD_DELAY=0", "CONCURRENT_REQUESTS_PER_DOMAIN=4")
        run_to_the_end(project, crawls(project, 4, [asked.url()], *settings))

    refused = asked.of(path="/20")[0].ended
    meanwhile = [at - refused for at in (visit.began for visit in asked.visits) if at > refused + 1]
    assert min(meanwhile) >= RETRY_AFTER - SLACK


def test_without_a_delay_no_more_are_in_flight_than_one_worker_may_have(project, redis_url):
    # Given a slow site, which waits with its first answer for four workers
    paths, ready = [f"/{number}" for number in range(80)], Event()

    async def answer(visit):
        if visit.path == "/robots.txt":
            await asyncio.to_thread(ready.wait, PATIENCE)
            return Answer(status=404)
        return links(*paths) if visit.path == "/" else Answer(after=0.15)

    with site(answer) as asked:
        settings = ("DOWNLOAD_DELAY=0", "CONCURRENT_REQUESTS_PER_DOMAIN=3")
        workers = crawls(project, 4, [asked.url()], *settings)
        all_joined(redis_url, workers, project)
        ready.set()
        run_to_the_end(project, workers)

    # Then they have three requests in flight together, and as many workers as that take part
    assert busiest(asked.visits) == 3
    assert len({visit.agent for visit in asked.pages()}) >= 3


def test_no_more_are_in_flight_than_a_worker_may_have_however_many_sites_come_due(project):
    # Given more sites than that, all of whose delays end while it waits for slow answers
    hosts = [f"127.0.0.{number}" for number in range(11, 31)]
    paths = [f"/{number}" for number in range(3)]

    def answer(visit):
        if visit.path == "/robots.txt":
            return Answer(status=404)
        return links(*paths) if visit.path == "/" else Answer(after=0.4)

    with site(answer, hosts) as asked:
        urls = [asked.url(host=host) for host in hosts]
        run_to_the_end(project, crawls(project, 1, urls, "DOWNLOAD_DELAY=0.3", "CONCURRENT_REQUESTS=4"))

    assert busiest(asked.visits) == 4
    assert Counter(asked.paths()) == {path: len(hosts) for path in ("/robots.txt", "/", *paths)}


def test_a_host_that_does_not_answer_holds_up_no_other(project):
    # Given a host that answers nothing until the others are done
    slow, *fast = HOSTS
    paths, done = [f"/{number}" for number in range(15)], Event()

    async def answer(visit):
        if visit.host == slow:
            await asyncio.to_thread(done.wait, PATIENCE)
        elif len([each for each in asked.pages() if each.host != slow]) == len(fast) * (len(paths) + 1):
            done.set()
        if visit.path == "/robots.txt":
            return Answer(status=404)
        return links(*paths) if visit.path == "/" else Answer()

    with site(answer, HOSTS) as asked:
        urls = [asked.url(host=host) for host in HOSTS]
        run_to_the_end(project, crawls(project, 2, urls, "DOWNLOAD_DELAY=0.1"))

    # Then they get done, and that host after them
    assert Counter(asked.paths()) == {path: len(HOSTS) for path in ("/robots.txt", "/", *paths)}


def test_what_redirects_lead_to_waits_for_its_turn(project):
    # Given a site all of whose pages are redirects to its own pages, and one that redirects to it
    there, here = HOSTS[:2]
    paths = [f"/old/{number}" for number in range(6)]

    def answer(visit):
        if visit.path == "/robots.txt":
            return Answer(status=404)
        if visit.host == there and visit.path == "/":
            return Answer(status=302, headers=(f"Location: {asked.url(host=here)}",))
        if visit.path.startswith("/old"):
            return Answer(status=301, headers=(f"Location: {visit.path.replace('old', 'new')}",))
        return links(*paths) if visit.path == "/" else Answer()

    with site(answer, (there, here)) as asked:
        run_to_the_end(project, crawls(project, 2, [asked.url()], f"DOWNLOAD_DELAY={DELAY}"))

    assert len(asked.of(here)) == 2 + 2 * len(paths)
    assert_polite(began(asked), DELAY)


def test_files_of_items_wait_for_their_turn(project, tmp_path):
    settings = (
        "SPIDER_MODULES=tests.integration.familiar_spiders.files",
        f"FILES_STORE={tmp_path / 'files'}",
    )
    arguments = [part for setting in (*settings, f"DOWNLOAD_DELAY={DELAY}") for part in ("-s", setting)]

    with site(lambda _: Answer("a file")) as asked:
        project.run("crawl", "files", "-a", f"base={asked.url('')}", *arguments)

    assert set(asked.paths()) >= {"/Items/2", "/file.txt", "/no-file.txt"}
    assert_polite(began(asked), DELAY)


def test_a_slot_has_the_delay_of_its_own_setting(project):
    slots = f'DOWNLOAD_SLOTS={{"{HOSTS[0]}": {{"delay": 1}}}}'

    with site(numbered(6), HOSTS) as asked:
        run_to_the_end(project, crawls(project, 2, indexes(asked), "DOWNLOAD_DELAY=0.2", slots))

    patient, *others = began(asked)
    assert_polite([patient], 1)
    assert_polite(others, 0.2)
    assert all(max(each) < max(patient) for each in others)


def test_what_one_worker_has_learnt_of_a_slow_site_the_next_one_obeys(project):
    # Given a site that takes 0.6 s an answer, and a worker that has learnt so
    paths = [f"/{number}" for number in range(40)]

    def answer(visit):
        if visit.path == "/robots.txt":
            return Answer(status=404)
        return links(*paths) if visit.path == "/" else Answer(after=0.6)

    settings = (
        "DOWNLOAD_DELAY=0.05", "CONCURRENT_REQUESTS_PER_DOMAIN=8",
        "AUTOTHROTTLE_ENABLED=1", "AUTOTHROTTLE_START_DELAY=0.1",
    )  # fmt: skip
    with site(answer) as asked:
        first, second = crawls(project, 2, [asked.url()], *settings)
        until(lambda: len(asked.pages()) > 12, first, project)

        # When it is killed
        agent = asked.pages()[-1].agent
        killed, other = (first, second) if agent == "worker-0" else (second, first)
        kill(killed)
        count = len(asked.visits)
        until(lambda: len(asked.visits) > count + 5, other, project)
        kill(other)

    # Then the other one goes on as slowly
    times = [visit.began for visit in asked.visits]
    assert min(gaps(times[count - 1 :])) > DELAY - SLACK
    assert min(gaps(times[:count])) < DELAY


def test_with_autothrottle_the_start_delay_is_between_a_robots_txt_and_the_first_page(project):
    settings = ("DOWNLOAD_DELAY=0", "AUTOTHROTTLE_ENABLED=1", "AUTOTHROTTLE_START_DELAY=2")
    with site(lambda visit: Answer(status=404 if visit.path == "/robots.txt" else 200)) as asked:
        run_to_the_end(project, [crawl(project, [asked.url()], *settings)])

    assert [visit.path for visit in asked.visits] == ["/robots.txt", "/"]
    assert min(gaps([visit.began for visit in asked.visits])) > 2 - SLACK
