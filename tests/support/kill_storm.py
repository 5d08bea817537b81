"""A storm of kills over the workers of one crawl, and the judgement over what it left."""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from subprocess import Popen

import redis

from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.keys import Keys
from testing.servers import NginxServer
from tests.support.oracle import wget_html_urls
from tests.support.project import Project

CONCURRENCY = 8
#: Requests after which a storm over PostgreSQL's manual abates.
ENOUGH = 900
#: Slow enough that all workers together need three quarters of a minute for PostgreSQL's manual.
SLOW = (
    "-s", "DOWNLOAD_DELAY=0.04",
    "-s", f"CONCURRENT_REQUESTS={CONCURRENCY}",
    "-s", f"CONCURRENT_REQUESTS_PER_DOMAIN={CONCURRENCY}",
    "-s", "FRONTIER_LEASE=4",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """What a crawl with kills did worse than one without; ``wrong`` is empty when nothing was lost."""

    wrong: list[str]
    lost: int
    refetched: int


def crawl_of(site: NginxServer) -> tuple[str, ...]:
    return ("crawl", "links", "-a", f"start_urls={site.url}index.html")


def storm(
    project: Project,
    site: NginxServer,
    command: tuple[str, ...],
    *,
    workers: int,
    kills: int,
    chance: Random,
    enough: int = ENOUGH,
) -> int:
    """Kills a worker and starts another again and again, then lets all end; returns the number of kills.

    No worker is started near the end: one that comes when all is done begins the next crawl.
    """
    running = [project.start(*command) for _ in range(workers)]
    killed = 0
    while killed < kills:
        time.sleep(chance.uniform(0.5, 1.5))
        if len(site.requests()) > enough:
            break
        victim = chance.randrange(workers)
        kill(running[victim])
        killed += 1
        running[victim] = project.start(*command)
    run_to_the_end(project, running)
    return killed


def kill(*workers: Popen[str]) -> None:
    """Sends SIGKILL to all before it waits for any."""
    for worker in workers:
        worker.send_signal(signal.SIGKILL)
    for worker in workers:
        worker.communicate()


def run_to_the_end(project: Project, workers: list[Popen[str]], timeout: float = 100) -> None:
    for worker in workers:
        worker.communicate(timeout=timeout)
    codes = [worker.returncode for worker in workers]
    assert codes == [0] * len(workers), [project.errors(worker) for worker in workers]


@contextmanager
def frontier_at(redis_url: str, name: str = "links") -> Iterator[Frontier]:
    with redis.Redis.from_url(redis_url, protocol=2) as client:
        yield Frontier(client, Keys(name))


def stored_html(project: Project) -> set[str]:
    return {
        row["url"]
        for row in project.rows("sites")
        if row["status_code"] == 200 and row["content_type"] == "text/html"
    }


def refetched(site: NginxServer) -> Counter[str]:
    """How many times more than once each page was asked for; robots.txt is no page."""
    asked = Counter(request.uri for request in site.requests() if "Wget" not in request.user_agent)
    del asked["/robots.txt"]
    return Counter({path: count - 1 for path, count in asked.items() if count > 1})


def judge(project: Project, site: NginxServer, redis_url: str) -> Damage:
    """Compares what is stored with Wget's word, the log with the ledger, and the ledger with the keys."""
    again = refetched(site).total()
    expected, stored = wget_html_urls(site), stored_html(project)
    logs = project.rows("scrape_logs")
    wrong = [f"lost: {url}" for url in expected - stored] + [f"strange: {url}" for url in stored - expected]
    wrong += [f"{n} rows: {url}" for url, n in Counter(row["url"] for row in logs).items() if n > 1]
    answered = {row["url"] for row in logs if row["status"] == "success"}
    wrong += [f"not logged as success: {url}" for url in expected - answered]
    wrong += [f"{row['status']}: {row['url']}" for row in logs if row["status"] not in {"success", "failed"}]
    with frontier_at(redis_url) as frontier:
        wrong += frontier.check()
        wrong += [f"dead: {letter.letter}" for letter in frontier.dead()]
        done = frontier.counts().get("done", 0)
    if len(logs) != done:
        wrong.append(f"{len(logs)} log rows of {done} requests done")
    return Damage(wrong=wrong, lost=len(expected - stored), refetched=again)


def ledger(counts):
    return {
        name: counts.get(name, 0) for name in ("discovered", "queued", "delayed", "leased", "done", "dead")
    }
