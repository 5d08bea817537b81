"""A worker that dies before or after any of its effects, or misses an effect's answer, loses nothing.

Memory dies with the process, so a kill at any instant leaves what a kill at one of these points leaves. A
case is named how-when-number, such as ``seeds-after-7``: a crawl whose start comes from Redis, and whose
worker dies after its seventh effect. ``make test`` tries every fourth effect, ``make storm`` each.
"""

import json
import subprocess
import sys
from collections import Counter, defaultdict
from contextlib import ExitStack, contextmanager
from itertools import count, islice

import pytest
from sqlalchemy import create_engine, text

from testing import servers
from testing.servers import dies_with_us
from tests.support import thoroughness
from tests.support.kill_storm import frontier_at
from tests.support.project import ROOT
from tests.support.small_site import STORED, small_site

RUNNERS = 4
LIKE_SIGKILL = 137
#: Below that the small site needs fewer effects than any crawl did.
FEWEST_EFFECTS = 10
HOW = ("urls", "seeds", "pair", "mariadb")
OPEN = ("queued", "delayed", "leased")
#: What ends otherwise than well, by page: see spiders_for_faults/crashing.py.
BAD = {"missing": ("failed", "http_404"), "f": ("dead", "callback"), "nowhere": ("dead", "undecodable")}


class Lab:
    """Runs cases on a few runners at once."""

    def __init__(self, directory, redis_url, mariadb, site, runners):
        self.directory, self.redis_url, self.mariadb = directory, redis_url, mariadb
        self.site, self._runners = site, runners

    def run(self, cases):
        """Runs each (how, when, number of the effect); returns the exit codes by case."""
        codes = {}
        for first in range(0, len(cases), len(self._runners)):
            batch = list(zip(cases[first:], self._runners, strict=False))
            for case, runner in batch:
                runner.stdin.write(json.dumps(self._described(*case)) + "\n")
                runner.stdin.flush()
            codes |= {case: json.loads(runner.stdout.readline()) for case, runner in batch}
        return codes

    def _described(self, how, when, at):
        name = name_of(how, when, at)
        return {
            "how": how,
            "when": when,
            "at": at,
            "frontier": name,
            "start": self.site.start(name),
            "directory": str(self.directory / name),
            "database": self.mariadb() if how == "mariadb" else "",
        }

    def effects(self, case):
        return (self.directory / name_of(*case) / "first.effects").read_text().splitlines()

    def fired(self, case):
        return (self.directory / name_of(*case) / "first.fired").exists()

    def rows(self, case, table, columns):
        """The rows that are of this case, for all on MariaDB share one database."""
        url = f"sqlite:///{self.directory / name_of(*case) / 'scraping.db'}"
        engine = create_engine(self.mariadb() if case[0] == "mariadb" else url)
        try:
            with engine.connect() as connection:
                query = f"SELECT {columns} FROM {table} WHERE url LIKE :ours"
                return list(connection.execute(text(query), {"ours": f"{self.site.url}/{name_of(*case)}/%"}))
        finally:
            engine.dispose()


def name_of(how, when, at):
    return f"{how}-{when}-{at}"


@pytest.fixture(scope="module")
def lab(tmp_path_factory, request):
    directory = tmp_path_factory.mktemp("crashes")
    urls = []

    def mariadb():
        if not urls:
            urls.append(request.getfixturevalue("shared_mariadb").database())
        return urls[0]

    with servers.redis_server() as redis, small_site() as site, ExitStack() as stack:
        runners = [stack.enter_context(runner(redis.url)) for _ in range(RUNNERS)]
        yield Lab(directory, redis.url, mariadb, site, runners)


@contextmanager
def runner(redis_url):
    command = [sys.executable, "-W", "error", "-m", "tests.support.crash_runner", redis_url]
    with subprocess.Popen(
        dies_with_us(command), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.stdin.close()


def all_of(lab, how, when):
    """Runs one effect after another until a crawl ends before its number comes."""
    codes = {}
    step = thoroughness.step()
    numbers = count(thoroughness.first(step), step)
    while True:
        some = lab.run([(how, when, at) for at in islice(numbers, RUNNERS)])
        codes |= some
        last = max(at for _, _, at in some)
        if last > FEWEST_EFFECTS and any(len(lab.effects(case)) < case[2] for case in some):
            return codes


def wrongs(lab, case, codes):
    """What a case has lost, doubled or left."""
    found = [f"exit codes {codes}"] if 0 not in codes else []
    by_crawl = defaultdict(list)
    for url, crawl_id, *row in lab.rows(case, "scrape_logs", "url, crawl_id, status, reason, attempt"):
        by_crawl[crawl_id].append((page_of(url), *row))
    for rows in by_crawl.values():
        found += wrong_rows(rows)
    sites = sorted(page_of(url) for (url,) in lab.rows(case, "sites", "url"))
    found += [f"sites: {sites}"] if sites != sorted(STORED) else []
    with frontier_at(lab.redis_url, name_of(*case)) as frontier:
        found += frontier.check()
        dead = sorted(letter.letter["reason"] for letter in frontier.dead())
        found += [f"dead: {dead}"] if dead != ["callback", "undecodable"] else []
        found += [f"{key}: {n}" for key, n in frontier.counts().items() if n and key in OPEN]
    again = (LIKE_SIGKILL in codes) + max(len(by_crawl), 1)
    asked = lab.site.asked(name_of(*case)) - Counter({"flaky": 1})
    found += [f"fetched {n} times: {page}" for page, n in asked.items() if n > again]
    return [f"{name_of(*case)} ({lab.effects(case)[case[2] - 1 : case[2]]}): {wrong}" for wrong in found]


def page_of(url):
    return url.rpartition("/")[2]


def wrong_rows(rows):
    """One last row a page; one before it, where the page had to be tried again."""
    ends = sorted((page, status, reason) for page, status, reason, _ in rows if status != "retried")
    expected = sorted((page, *BAD.get(page, ("success", None))) for page in {*STORED, *BAD})
    wrong = [f"rows: {ends}"] if ends != expected else []
    retried = [(page, attempt) for page, status, _, attempt in rows if status == "retried"]
    return wrong + ([f"retried: {retried}"] if retried not in ([], [("flaky", 1)]) else [])


@pytest.mark.parametrize("when", ["before", "after", "reply"])
@pytest.mark.parametrize("how", HOW)
def test_a_fault_at_any_effect_loses_and_doubles_nothing(lab, how, when):
    codes = all_of(lab, how, when)

    fired = [case for case in codes if lab.fired(case)]
    sys.stdout.write(f"{len(codes)} runs, {len(fired)} faults\n")
    if when != "reply":
        assert {codes[case][0] for case in fired} == {LIKE_SIGKILL}
    assert [wrong for case in codes for wrong in wrongs(lab, case, codes[case])] == []
    assert len(fired) >= FEWEST_EFFECTS // thoroughness.step()
