"""robots.txt, as the sites see it: once for all workers, and obeyed when it can't be had."""

import asyncio
from collections import Counter
from threading import Event

import pytest

from testing.polite_sites import Answer, links, site
from testing.servers import LOOPBACK, free_port
from tests.support.kill_storm import run_to_the_end
from tests.support.polite_crawls import PATIENCE, all_joined, crawls

EAGER = ("DOWNLOAD_DELAY=0", "CONCURRENT_REQUESTS_PER_DOMAIN=8")


def crawl(project, url, *settings, check=False):
    arguments = [part for setting in (*EAGER, *settings) for part in ("-s", setting)]
    return project.run("crawl", "links", "-a", f"start_urls={url}", *arguments, check=check)


def ends(project):
    """How the attempts ended, in their order."""
    rows = sorted(project.rows("scrape_logs"), key=lambda row: row["attempt"])
    return [(row["status"], row["reason"]) for row in rows]


def test_eight_workers_fetch_a_robots_txt_once(project, redis_url):
    # Given a site that waits with its robots.txt for eight workers
    paths, ready = [f"/{number}" for number in range(120)], Event()

    async def answer(visit):
        if visit.path == "/robots.txt":
            await asyncio.to_thread(ready.wait, PATIENCE)
            return Answer("User-agent: *\nDisallow: /7")
        return links(*paths) if visit.path == "/" else Answer(after=0.4)

    with site(answer) as asked:
        workers = crawls(project, 8, [asked.url()], *EAGER)
        all_joined(redis_url, workers, project)
        ready.set()
        run_to_the_end(project, workers)

    # Then several fetch pages, and all obey the one
    assert Counter(asked.paths()) == Counter(
        ["/robots.txt", "/", *(path for path in paths if not path.startswith("/7"))]
    )
    assert len({visit.agent for visit in asked.pages()}) > 1
    forbidden = [row for row in project.rows("scrape_logs") if row["reason"] == "robots"]
    assert len(forbidden) == sum(path.startswith("/7") for path in paths)


@pytest.mark.parametrize("status", [503, 429])
def test_nothing_is_asked_of_a_site_that_cannot_say_what_is_allowed(project, status):
    with site(lambda _: Answer(status=status)) as asked:
        crawl(project, asked.url())
        assert set(asked.paths()) == {"/robots.txt"}
    assert ends(project) == [("retried", "robots"), ("retried", "robots"), ("filtered", "robots")]


def test_a_site_that_is_not_there_is_refused_and_not_forbidden(project):
    crawl(project, f"http://{LOOPBACK}:{free_port()}/")
    assert [reason for _, reason in ends(project)] == ["refused"] * 3


@pytest.mark.parametrize(("hops", "allowed"), [(5, False), (6, True)])
def test_five_redirects_of_a_robots_txt_are_followed(project, hops, allowed):
    def answer(visit):
        if visit.path == "/":
            return Answer()
        hop = int(visit.path.rpartition("-")[2]) if "-" in visit.path else 0
        if hop < hops:
            return Answer(status=302, headers=(f"Location: /robots-{hop + 1}",))
        return Answer("User-agent: *\nDisallow: /")

    with site(answer) as asked:
        crawl(project, asked.url())
        assert ("/" in asked.paths()) == allowed
        assert len(asked.paths()) == 7 if allowed else 6
    assert [reason for _, reason in ends(project)] == ([None] if allowed else ["robots"])


def test_a_host_that_asks_for_too_much_patience_is_left_alone(project):
    def answer(visit):
        rules = "User-agent: *\nCrawl-delay: 61"
        return Answer(rules if visit.path == "/robots.txt" else "")

    with site(answer) as asked:
        crawl(project, asked.url())
        assert asked.paths() == ["/robots.txt"]
    assert ends(project) == [("filtered", "robots")]


def test_a_robots_txt_is_read_by_our_own_name_whatever_user_agent_is_sent(project):
    rules = "User-agent: browser\nDisallow: /\n\nUser-agent: scraping_project\nDisallow: /private\n"

    def answer(visit):
        if visit.path == "/robots.txt":
            return Answer(rules)
        return links("/private", "/public") if visit.path == "/" else Answer()

    with site(answer) as asked:
        crawl(project, asked.url(), "USER_AGENT=browser", check=True)
        assert asked.paths() == ["/robots.txt", "/", "/public"]
        assert {visit.agent for visit in asked.visits} == {"browser"}
