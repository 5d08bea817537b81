"""Two nodes, one Redis, one MariaDB: releases, kills, restarts; in the end every run and page is right."""

import json
import math
import re
import sys
from collections import Counter
from threading import Lock

import pytest
from sqlalchemy import create_engine, text

from testing.polite_sites import Answer, links, site
from testing.servers import mariadb_server, redis_server
from tests.support.scrapyd_server import Scrapyd, build, client, node_root

#: Links of a page, to those that follow it.
WIDTH = 10
LOGIN = {"SCRAPYD_USERNAME": "crawler", "SCRAPYD_PASSWORD": "canary-scrapyd"}
#: Places of each node: fewer than runs, so that some wait.
PLACES = 4
SLOW, FAST = ("-s", "DOWNLOAD_DELAY=0.3"), ("-s", "DOWNLOAD_DELAY=0")
EAGER = ("-s", "FRONTIER_LEASE=4", "-s", "RUN_HEARTBEAT=1")
LOGGED = """
    SELECT substring_index(crawl_id, '-', 1), url, count(*) FROM scrape_logs WHERE status = 'success'
    GROUP BY 1, 2
"""


class Book:
    """Pages that go on until the test closes them: no crawl is done before, however busy this machine is."""

    def __init__(self):
        self._furthest, self._end, self._lock = 0, math.inf, Lock()

    def answer(self, visit):
        if visit.path == "/robots.txt":
            return Answer(status=404)
        number = int(visit.path.removeprefix("/"))
        with self._lock:
            self._furthest = max(self._furthest, number)
            if number > self._end:
                return Answer()
        return links(*(f"/{page}" for page in range(number + 1, number + 1 + WIDTH)))

    def close(self):
        """Makes the furthest page the last that has links; returns how many pages every crawl must find."""
        with self._lock:
            self._end = self._furthest
            return 1 + self._end + WIDTH


class Cluster:
    """Two nodes that share Redis and MariaDB, and the commands of somebody who uses them."""

    def __init__(self, directory, project, redis, mariadb):
        self.project = project
        self.root = node_root(directory / "root")
        conf = self.root / "scrapyd.conf"
        conf.write_text(re.sub(r"max_proc = \d+", f"max_proc = {PLACES}", conf.read_text()))
        self.egg = build(self.root, directory / "project.egg")
        servers = {"REDIS_URL": redis.url, "DATABASE_URL": mariadb.database()}
        self.settings = servers | LOGIN | {"ALLOW_PRIVATE_ADDRESSES": "true", "SCRAPYD_STOP_SECONDS": "15"}
        self.nodes = []
        for name in "ab":
            (directory / name).mkdir()
            self.nodes.append(Scrapyd(directory / name, self.root, **self.settings))
        self.env = self.settings | {"SCRAPYD_URLS": ",".join(node.url for node in self.nodes)}

    def scrapy(self, *arguments):
        return self.project.run(*arguments, env=self.env)

    def start(self, seed, frontier, *more):
        """Start runs of a crawl; returns their ids."""
        seed = f"start_urls={seed}"
        told = self.scrapy("run", "links", "-a", seed, "-a", f"frontier={frontier}", *EAGER, "--json", *more)
        return [json.loads(line)["id"] for line in told.stdout.splitlines()]

    def release(self, node, version):
        target = {"SCRAPYD_URL": node.url} | LOGIN
        words = ("cluster", "--egg", str(self.egg), "--version", version)
        done = client("scrapyd-deploy", *words, root=self.root, **target)
        assert done.returncode == 0, done.stdout + done.stderr

    def outcomes(self, run_ids=()):
        return {row.id: row.outcome for row in self.nodes[0].known(*run_ids)}

    def running(self, run_ids):
        return {run_id for run_id, outcome in self.outcomes(run_ids).items() if outcome == "running"}

    def wait_for_outcomes(self, run_ids, *outcomes):
        self.nodes[0].wait_for(lambda: set(self.outcomes(run_ids).values()) <= set(outcomes))

    def stored(self):
        """Returns how many sites there are, and how often each crawl logged each page as a success."""
        engine = create_engine(self.settings["DATABASE_URL"])
        with engine.connect() as connection:
            sites = connection.execute(text("SELECT count(*), count(DISTINCT url) FROM sites")).one()
            logged = connection.execute(text(LOGGED)).all()
            crawls = connection.scalar(text("SELECT count(DISTINCT crawl_id) FROM scrape_logs"))
        engine.dispose()
        return tuple(sites), Counter((crawl, count) for crawl, _, count in logged), crawls

    def starts(self):
        """Returns how often each run began to crawl, by the logs of the nodes."""
        logs = [
            (node, path)
            for node in self.nodes
            for path in (node.data_dir / "scrapyd" / "logs").rglob("*.log")
            if "Spider opened" in path.read_text()
        ]
        return Counter(path.stem for node, path in logs if f"run {path.stem} is" not in node.log.read_text())


@pytest.fixture
def cluster(tmp_path, project):
    with redis_server() as redis, mariadb_server() as mariadb:
        cluster = Cluster(tmp_path, project, redis, mariadb)
        cluster.backends = (redis, mariadb)
        with cluster.nodes[0], cluster.nodes[1]:
            yield cluster


@pytest.mark.timeout(480)
def test_ten_runs_on_two_nodes_lose_nothing_whatever_happens_to_the_nodes(cluster):
    book = Book()
    with site(book.answer) as served:
        ill_treat(cluster, book, served.url("/0"))


def ill_treat(cluster, book, seed):
    # Given two nodes of four places each, with a release on both
    a, b = cluster.nodes
    for node in cluster.nodes:
        cluster.release(node, "v1")

    # When ten runs of two crawls are started, then eight run and two wait, half of them on each node
    ten = [*cluster.start(seed, "one", *SLOW, "--workers", "6")]
    ten += cluster.start(seed, "two", *SLOW, "--workers", "4")
    placed = {row.id: row.node for row in a.known(*ten)}
    assert Counter(placed.values()) == {node.url.rstrip("/"): 5 for node in cluster.nodes}
    a.wait_for(lambda: len(cluster.running(ten)) == 2 * PLACES)
    on_a = {run_id for run_id, url in placed.items() if url == a.url.rstrip("/")}
    hit = cluster.running(on_a)
    (stranded,) = on_a - hit

    # When a node is killed in the middle with all that is on it, then its runs are lost
    a.kill_all()
    cluster.wait_for_outcomes(hit, "lost")

    # and what waited there is posted again, to start once, though the node will come back with it, too
    b.wait_for(lambda: stranded in cluster.scrapy("runs", "--repost").stderr)
    assert cluster.outcomes([stranded]) == {stranded: "pending"}

    # When Redis and the database go away and come back, a second version is released, and a run is cancelled
    for server in cluster.backends:
        server.kill()
        server.start()
    cluster.release(b, "v2")
    victim = min(cluster.running(ten))
    assert cluster.scrapy("cancel", victim).stdout == f"run {victim} cancelled\n"

    # and the killed node is back with the second version and takes two more runs
    a.start()
    cluster.release(a, "v2")
    last = [*cluster.start(seed, "one", *SLOW, "--nodes", a.url)]
    last += cluster.start(seed, "two", *SLOW, "--nodes", a.url)
    cluster.wait_for_outcomes(last, "running")

    # and the other node is restarted, and two runs in no hurry any more do what is left
    interrupted = cluster.running(set(placed) - on_a)
    b.stop()
    b.start()
    last += cluster.start(seed, "one", *FAST) + cluster.start(seed, "two", *FAST)
    cluster.wait_for_outcomes(last, "running")
    pages = book.close()

    # Then every run has ended, and each with its own outcome
    closed = ("finished", "cancelled", "lost")
    cluster.wait_for_outcomes((), *closed)
    rows = {row.id: row for row in a.known()}
    sys.stdout.write(
        "".join(f"{row.id} {row.outcome} {row.reason} {row.egg_version}\n" for row in rows.values())
    )
    assert rows.keys() == {*ten, *last}
    assert {rows[run_id].outcome for run_id in hit} == {"lost"}
    assert {rows[run_id].outcome for run_id in {victim, *interrupted}} == {"cancelled"}
    assert {(rows[run_id].outcome, rows[run_id].egg_version) for run_id in last} == {("finished", "v2")}
    assert {rows[run_id].egg_version for run_id in hit} == {"v1"}

    # and every page is stored once, in each crawl, and nothing was started twice
    assert cluster.stored() == ((pages, pages), {("one", 1): pages, ("two", 1): pages}, 2)
    assert set(cluster.starts().values()) == {1}
