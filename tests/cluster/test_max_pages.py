"""Workers with max_pages get just so many pages between them, and all end then."""

import asyncio
import signal
from collections import Counter
from threading import Event

import pytest

from testing.polite_sites import Answer, links, site
from tests.support.kill_storm import frontier_at, run_to_the_end
from tests.support.project import until

MOST, PAGES = 60, 400
SETTINGS = (
    "-s", "DOWNLOAD_DELAY=0", "-s", "CONCURRENT_REQUESTS_PER_DOMAIN=24", "-s", "RETRY_TIMES=1"
)  # fmt: skip


def answering():
    """Pages that take a moment: some fail once, some always, some are missing, and some move to others."""
    asked = Counter()

    def answer(visit):
        asked[visit.path] += 1
        if visit.path == "/":
            return links(*(f"/{number}" for number in range(PAGES)))
        if visit.path == "/robots.txt":
            return Answer(status=404)
        number = int(visit.path[1:])
        if number % 5 == 0 and asked[visit.path] == 1:
            return Answer(status=500, after=0.02)
        if number % 7 == 1:
            return Answer(status=0)
        if number % 7 == 2:
            return Answer(status=302, headers=(f"Location: /{(number + 1) % PAGES}",))
        return Answer("<title>a page</title>", status=404 if number % 7 == 3 else 200, after=0.02)

    return answer


def crawl(project, asked, *arguments):
    return project.start("crawl", "links", *SETTINGS, "-a", f"start_urls={asked.url()}", *arguments)


def answered(project):
    rows = project.rows("scrape_logs")
    return [row["url"] for row in rows if row["status_code"] and row["status"] != "retried"]


@pytest.mark.parametrize("delay", ["0", "0.02"])
def test_three_workers_get_as_many_pages_as_one_would(project, redis_url, delay):
    with site(answering()) as asked:
        limits = ("-a", f"max_pages={MOST}", "-s", f"DOWNLOAD_DELAY={delay}")
        workers = [crawl(project, asked, *limits) for _ in range(3)]
        run_to_the_end(project, workers, timeout=60)

    urls = answered(project)
    assert len(urls) == len(set(urls)) == MOST
    assert len(project.rows("sites")) == MOST
    ends = Counter((row["outcome"], row["reason"]) for row in project.rows("runs"))
    assert ends == {("finished", "max_pages"): 3}
    with frontier_at(redis_url) as frontier:
        counts = frontier.counts()
        assert (counts["pages"], counts["leased"]) == (MOST, 0)
        assert counts["queued"] > 0
        assert frontier.check() == []
        assert frontier.tokens() == []


def test_a_greater_max_pages_goes_on_to_just_so_many(project, redis_url):
    with site(answering()) as asked:
        for most in (7, 40):
            workers = [crawl(project, asked, "-a", f"max_pages={most}") for _ in range(2)]
            run_to_the_end(project, workers, timeout=60)
            assert len(answered(project)) == most


def test_a_worker_that_is_told_to_end_leaves_its_places_to_the_others(project, redis_url):
    # Given a worker that waits for a page, with all others that may be answered in its buffer
    asked_for, go_on = Event(), Event()

    async def answer(visit):
        if visit.path in ("/", "/robots.txt"):
            return at_once[visit.path]
        if not asked_for.is_set():
            asked_for.set()
            await asyncio.to_thread(go_on.wait, 60)
        return Answer("<title>a page</title>")

    at_once = {"/": links(*(f"/{number}" for number in range(PAGES))), "/robots.txt": Answer(status=404)}
    limits = ("-a", "max_pages=10", "-s", "CONCURRENT_REQUESTS=1")
    with site(answer) as asked, frontier_at(redis_url) as frontier:
        first = crawl(project, asked, *limits)
        until(asked_for.is_set, first, project)
        until(lambda: frontier.counts().get("leased") == 9, first, project)
        second = crawl(project, asked, *limits)
        until(lambda: len(frontier.tokens()) == 2, second, project)

        # When it is told to end
        first.send_signal(signal.SIGTERM)

        # Then the other gets them, and the last is the one that the first waits for
        until(lambda: frontier.counts().get("pages") == 9, second, project)
        assert (first.poll(), second.poll()) == (None, None)
        go_on.set()
        second.communicate(timeout=60)
        first.communicate(timeout=60)

    assert (first.returncode, second.returncode) == (130, 0), project.errors(second)
    assert len(answered(project)) == 10
