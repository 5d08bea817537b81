"""A storm of kills over workers whose items' files wait for their site's turn, and the judgement over it."""

import subprocess
import time
from collections import Counter
from random import Random

from tests.cluster.kill_storm import CONCURRENCY, Damage, frontier_at, kill
from tests.cluster.polite_sites import Answer, Site, Visit, short
from tests.conftest import Project

PAGES, FILES = 40, 2  # files of each page
#: Seconds: the delay is shorter than an answer takes, so a slot that is given back is free at once.
DELAY, LATENCY = 0.1, 0.25
#: Visits, of three for each page, after which none is killed any more.
ENOUGH = 2 * PAGES
#: Seconds that a crawl without kills takes about half a minute of.
PATIENCE = 150


def answer(visit: Visit) -> Answer:
    """An index of pages, each with its files."""
    if visit.path == "/robots.txt":
        return Answer(status=404, after=LATENCY)
    if visit.path == "/":
        return Answer("".join(f"<a href=/{number}>to</a>" for number in range(PAGES)), after=LATENCY)
    files = "".join(f"<img src={visit.path}/{number}.png>" for number in range(FILES))
    return Answer(files, after=LATENCY)


def crawl_of(project: Project, site: Site) -> tuple[str, ...]:
    settings = {
        "SPIDER_MODULES": "tests.cluster.spiders_for_faults.filing",
        "FILES_STORE": str(project.directory / "files"),
        "DOWNLOAD_DELAY": str(DELAY),
        "CONCURRENT_REQUESTS": str(CONCURRENCY),
    }
    said = [part for name, value in settings.items() for part in ("-s", f"{name}={value}")]
    return ("crawl", "filing", "-a", f"start={site.url()}", *said)


def storm(project: Project, site: Site, *, workers: int, kills: int, chance: Random) -> tuple[int, bool]:
    """Kills a worker and starts another again and again; returns how often, and whether the crawl ended."""
    command = crawl_of(project, site)
    running = [project.start(*command) for _ in range(workers)]
    killed, deadline = 0, time.monotonic() + PATIENCE
    while killed < kills and time.monotonic() < deadline:
        time.sleep(chance.uniform(1.0, 3.0))
        if len(site.visits) > ENOUGH:
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


def judge(project: Project, site: Site, redis_url: str, *, ended: bool) -> Damage:
    """Compares what was asked for and logged with what the site has, and the ledger with the keys."""
    pages = {site.url()} | {site.url(f"/{number}") for number in range(PAGES)}
    logs = Counter((row["url"], row["status"]) for row in project.rows("scrape_logs"))
    wrong = [] if ended else [f"stands still: {len(site.visits)} visits"]
    wrong += [f"{row}: {count} rows" for row, count in logs.items() if count > 1 or row[1] != "success"]
    lost = pages - {url for url, _ in logs}
    files = {path for path in site.paths() if path.endswith(".png")}
    stored = len(list((project.directory / "files").rglob("*.png")))
    if not len(files) == stored == PAGES * FILES:
        wrong.append(f"{PAGES * FILES} files: {len(files)} asked for, {stored} stored")
    wrong += [f"a gap of {gap:.3f} s" for gap in short([visit.began for visit in site.visits], DELAY)]
    with frontier_at(redis_url, "filing") as frontier:
        wrong += frontier.check() if ended else []
        wrong += [f"dead: {letter.letter}" for letter in frontier.dead()]
    asked = Counter(path for path in site.paths() if not path.endswith((".png", ".txt")))
    again = sum(count - 1 for count in asked.values())
    return Damage(wrong=[*wrong, *(f"lost: {url}" for url in lost)], lost=len(lost), refetched=again)
