"""A worker that dies before or after any of its effects, or misses an effect's answer, loses nothing.

Memory dies with the process, so a kill at any instant leaves what a kill at one of these points leaves.
"""

import json
import subprocess
import sys
from collections import Counter, defaultdict
from contextlib import ExitStack, contextmanager
from itertools import count

import pytest
from sqlalchemy import MetaData, Table, create_engine, select

from tests.cluster.kill_storm import frontier_at
from tests.cluster.small_site import STORED, small_site
from tests.conftest import ROOT
from tests.servers import dies_with_us

RUNNERS = 2
LIKE_SIGKILL = 137
#: Below that the small site needs fewer effects than any crawl did.
FEWEST_EFFECTS = 10


class Lab:
    """Runs cases on a few runners at once."""

    def __init__(self, directory, redis_url, site, runners):
        self.directory, self.redis_url, self.site, self._runners = directory, redis_url, site, runners

    def run(self, cases):
        """Runs each (number of the effect, when); returns the exit codes by case."""
        codes = {}
        for first in range(0, len(cases), len(self._runners)):
            batch = list(zip(cases[first:], self._runners, strict=False))
            for (at, when), runner in batch:
                case = {"at": at, "when": when, "frontier": name_of(at, when)}
                case |= {"start": self.site.start(name_of(at, when))}
                case |= {"directory": str(self.directory / name_of(at, when))}
                runner.stdin.write(json.dumps(case) + "\n")
                runner.stdin.flush()
            codes |= {case: json.loads(runner.stdout.readline()) for case, runner in batch}
        return codes

    def effects(self, at, when):
        return (self.directory / name_of(at, when) / "first.effects").read_text().splitlines()

    def rows(self, case, table):
        engine = create_engine(f"sqlite:///{self.directory / case / 'scraping.db'}")
        try:
            with engine.connect() as connection:
                columns = Table(table, MetaData(), autoload_with=connection)
                return [dict(row) for row in connection.execute(select(columns)).mappings()]
        finally:
            engine.dispose()


def name_of(at, when):
    return f"{when}-{at}"


@pytest.fixture
def lab(tmp_path, redis_url):
    with small_site() as site, ExitStack() as stack:
        runners = [stack.enter_context(runner(redis_url)) for _ in range(RUNNERS)]
        yield Lab(tmp_path, redis_url, site, runners)


@contextmanager
def runner(redis_url):
    command = [sys.executable, "-W", "error", "-m", "tests.cluster.crash_runner", redis_url]
    with subprocess.Popen(
        dies_with_us(command), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.stdin.close()


def all_of(lab, when):
    """Runs effect number 1, 2, 3 ... until a crawl ends before its number comes."""
    codes = {}
    for first in count(1, 2 * RUNNERS):
        some = lab.run([(at, when) for at in range(first, first + 2 * RUNNERS)])
        codes |= some
        if any(len(lab.effects(*case)) < case[0] for case in some):
            return codes
    raise AssertionError


def wrongs(lab, case, codes):
    """What a case has lost, doubled or left."""
    name = name_of(*case)
    found = [f"exit codes {codes}"] if codes[-1] != 0 else []
    by_crawl = defaultdict(list)
    for row in lab.rows(name, "scrape_logs"):
        by_crawl[row["crawl_id"]].append((row["url"].rpartition("/")[2], row["status"], row["attempt"]))
    for rows in by_crawl.values():
        found += wrong_rows(rows)
    sites = sorted(row["url"].rpartition("/")[2] for row in lab.rows(name, "sites"))
    found += [f"sites: {sites}"] if sites != sorted(STORED) else []
    with frontier_at(lab.redis_url, name) as frontier:
        found += frontier.check()
        found += [f"dead: {letter.letter}" for letter in frontier.dead()]
        found += [f"{key}: {n}" for key, n in frontier.counts().items() if n and key in OPEN]
    crashed = len(codes) > 1
    asked = lab.site.asked(name) - Counter({"flaky": 1})
    found += [f"fetched {n} times: {page}" for page, n in asked.items() if n > 1 + crashed]
    return [f"{name} ({lab.effects(*case)[case[0] - 1 : case[0]]}): {wrong}" for wrong in found]


OPEN = ("queued", "delayed", "leased")


def wrong_rows(rows):
    """One last row a page; one before it, where the page had to be tried again."""
    ends = sorted((page, status) for page, status, _ in rows if status != "retried")
    expected = sorted((page, "failed" if page == "missing" else "success") for page in STORED)
    wrong = [f"rows: {ends}"] if ends != expected else []
    retried = [(page, attempt) for page, status, attempt in rows if status == "retried"]
    return wrong + ([f"retried: {retried}"] if retried not in ([], [("flaky", 1)]) else [])


@pytest.mark.parametrize("when", ["before", "after", "reply"])
def test_a_fault_at_any_effect_loses_and_doubles_nothing(lab, when):
    codes = all_of(lab, when)

    reached = {case: codes[case] for case in codes if len(lab.effects(*case)) >= case[0]}
    sys.stdout.write(f"{len(reached)} effects\n")
    assert len(reached) >= FEWEST_EFFECTS
    if when != "reply":
        assert {codes[0] for codes in reached.values()} == {LIKE_SIGKILL}
    assert [wrong for case in codes for wrong in wrongs(lab, case, codes[case])] == []
