"""A storm of kills over workers whose items' files wait for their site's turn, and the judgement over it."""

import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from testing.polite_sites import HOSTS as ALL_HOSTS
from testing.polite_sites import Answer, Site, Visit, short, site
from tests.support.kill_storm import CONCURRENCY, Damage, frontier_at, kill
from tests.support.project import Project

HOSTS = ALL_HOSTS[:3]
PAGES, FILES = 30, 2  # files of each page
#: Seconds: the delay is shorter than an answer takes, so a slot that is given back is free at once.
DELAY, LATENCY = 0.1, 0.4
#: Visits, of three for each page, after which none is killed any more.
ENOUGH = 2 * PAGES
#: Seconds; a crawl without kills takes about half a minute.
PATIENCE = 150


@contextmanager
def pages_with_files() -> Iterator[Site]:
    """Serves an index and pages on several hosts, whose files all lie on the first of them."""

    def answer(visit: Visit) -> Answer:
        if visit.path == "/robots.txt":
            return Answer(status=404, after=LATENCY)
        if visit.path == "/":
            return Answer("".join(f"<a href={url}>to</a>" for url in pages_of(asked)), after=LATENCY)
        files = (asked.url(f"{visit.path}/{number}.png") for number in range(FILES))
        return Answer("".join(f"<img src={url}>" for url in files), after=LATENCY)

    with site(answer, HOSTS) as asked:
        yield asked


def pages_of(asked: Site) -> list[str]:
    return [asked.url(f"/{number}", host=HOSTS[number % len(HOSTS)]) for number in range(PAGES)]


def crawl_of(project: Project, asked: Site) -> tuple[str, ...]:
    settings = {
        "SPIDER_MODULES": "tests.cluster.spiders_for_faults.filing",
        "FILES_STORE": str(project.directory / "files"),
        "DOWNLOAD_DELAY": str(DELAY),
        "CONCURRENT_REQUESTS": str(CONCURRENCY),
    }
    said = [part for name, value in settings.items() for part in ("-s", f"{name}={value}")]
    return ("crawl", "filing", "-a", f"start={asked.url()}", *said)


def storm(project: Project, asked: Site, *, workers: int, kills: int, chance: Random) -> tuple[int, bool]:
    """Kills a worker and starts another again and again; returns how often, and whether the crawl ended."""
    command = crawl_of(project, asked)
    running = [project.start(*command) for _ in range(workers)]
    killed, deadline = 0, time.monotonic() + PATIENCE
    while killed < kills and time.monotonic() < deadline:
        time.sleep(chance.uniform(1.0, 3.0))
        if len(asked.visits) > ENOUGH:
            break
        victim = chance.randrange(workers)
        kill(running[victim])
        killed += 1
        running[victim] = project.start(*command)
    try:
        for worker in running:
            worker.communicate(timeout=max(deadline - time.monotonic(), 0.1))
    except subprocess.TimeoutExpired:
        return killed, False
    assert [worker.returncode for worker in running] == [0] * workers, list(map(project.errors, running))
    return killed, True


def judge(project: Project, asked: Site, redis_url: str, *, ended: bool) -> Damage:
    """Compares what was asked for and logged with what the site has, and the ledger with the keys."""
    pages = {asked.url(), *pages_of(asked)}
    logs = Counter((row["url"], row["status"]) for row in project.rows("scrape_logs"))
    wrong = [] if ended else [f"stands still: {len(asked.visits)} visits"]
    wrong += [f"{row}: {count} rows" for row, count in logs.items() if count > 1 or row[1] != "success"]
    lost = pages - {url for url, _ in logs}
    files = {path for path in asked.paths() if path.endswith(".png")}
    stored = len(list((project.directory / "files").rglob("*.png")))
    if not len(files) == stored == PAGES * FILES:
        wrong.append(f"{PAGES * FILES} files: {len(files)} asked for, {stored} stored")
    began = [[visit.began for visit in asked.of(host)] for host in HOSTS]
    wrong += [f"a gap of {gap:.3f} s" for times in began for gap in short(times, DELAY)]
    with frontier_at(redis_url, "filing") as frontier:
        wrong += frontier.check() if ended else []
        wrong += [f"dead: {letter.letter}" for letter in frontier.dead()]
    visits = Counter(path for path in asked.paths() if not path.endswith((".png", ".txt")))
    again = sum(count - 1 for count in visits.values())
    return Damage(wrong=[*wrong, *(f"lost: {url}" for url in lost)], lost=len(lost), refetched=again)
