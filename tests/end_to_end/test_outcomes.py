"""Every run ends on record, and truly: whatever ended it."""

import json
import os
import signal
import time

import psutil
import pytest

from testing.servers import free_port
from tests.support.empty_redis import emptied
from tests.support.scrapyd_server import Scrapyd, node_root
from tests.support.small_site import STORED, small_site

SPIDERS = """
import os, resource, signal, sys, time
from scrapy import Request, Spider

class Base(Spider):
    name = None
    frontier = ""

    async def start(self):
        yield Request(self.url, dont_filter=True)

class RaisesInInit(Base):
    name = "raises_in_init"
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        raise ValueError("no start for me")

class RaisesInStart(Base):
    name = "raises_in_start"
    async def start(self):
        raise ValueError("no start for me")
        yield

class Exits(Base):
    name = "exits"
    def parse(self, response):
        sys.stderr.write("the last words\\n")
        sys.stderr.flush()
        os._exit(9)

class Killed(Base):
    name = "killed"
    def parse(self, response):
        os.kill(os.getpid(), signal.SIGKILL)

def take_all_memory():
    # Until no more is given: 200 MB above what the process has, and none of it is touched.
    pages = int(open("/proc/self/statm").read().split()[0])
    limit = pages * resource.getpagesize() + 200_000_000
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    taken = []
    switch = sys.getswitchinterval()
    sys.setswitchinterval(60)  # or another thread is the one that gets none
    try:
        while True:
            taken.append(bytearray(10_000_000))
    except MemoryError:
        taken.clear()
        raise
    finally:
        sys.setswitchinterval(switch)

class StartsOutOfMemory(Base):
    name = "starts_out_of_memory"
    async def start(self):
        take_all_memory()
        yield

class ParsesOutOfMemory(Base):
    name = "parses_out_of_memory"
    def parse(self, response):
        take_all_memory()

class Large(Base):
    name = "large"

class Blocks(Base):
    name = "blocks"
    def parse(self, response):
        time.sleep(600)
"""


@pytest.fixture(scope="module")
def site():
    with small_site() as site:
        yield site


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = node_root(tmp_path_factory.mktemp("root") / "root")
    (root / "spiders" / "ending.py").write_text(SPIDERS)
    return root


@pytest.fixture(scope="module")
def scrapyd(root, tmp_path_factory, shared_redis):
    redis_url = emptied(shared_redis)
    settings = {
        "REDIS_URL": redis_url,
        "SCRAPYD_STOP_SECONDS": "10",
        "ALLOW_PRIVATE_ADDRESSES": "true",
    }
    with Scrapyd(tmp_path_factory.mktemp("scrapyd"), root, **settings) as server:
        yield server


def fast(*more):
    return ["DOWNLOAD_DELAY=0", "RUN_HEARTBEAT=0.2", "FRONTIER_LEASE=2", *more]


def crawl(scrapyd, site, name, **fields):
    """Schedule a run of the links spider on a frontier and a part of the site of its own."""
    fields = {"setting": fast(), "start_urls": site.start(name), "frontier": name} | fields
    return scrapyd.schedule("links", **fields)


def test_a_run_that_ends_well_is_finished_with_its_counts(scrapyd, site):
    run_id = crawl(scrapyd, site, "well")
    row = scrapyd.ended(run_id)
    assert (row.outcome, row.project, row.node) == ("finished", "default", scrapyd.url.rstrip("/"))
    assert row.pages + row.failed == len(STORED)
    assert row.arguments == {"start_urls": site.start("well"), "frontier": "well"}
    assert row.settings == {"DOWNLOAD_DELAY": "0", "RUN_HEARTBEAT": "0.2", "FRONTIER_LEASE": "2"}
    assert row.finished_at >= row.started_at


@pytest.mark.parametrize("spider", ["raises_in_init", "raises_in_start"])
def test_a_spider_that_raises_at_its_start_has_failed_with_the_exception(scrapyd, site, spider):
    row = scrapyd.ended(scrapyd.schedule(spider, url=site.start(spider), setting=fast()))
    assert row.outcome == "failed"
    assert "ValueError: no start for me" in row.error


def test_a_run_that_exits_in_the_middle_has_failed_with_its_last_words(scrapyd, site):
    row = scrapyd.ended(scrapyd.schedule("exits", url=site.start("exits"), setting=fast()))
    assert (row.outcome, row.reason, row.error) == ("failed", "exit 9", "the last words")


def test_a_run_that_the_kernel_kills_is_killed(scrapyd, site):
    row = scrapyd.ended(scrapyd.schedule("killed", url=site.start("killed"), setting=fast()))
    assert (row.outcome, row.reason) == ("killed", "SIGKILL: from outside, or out of memory")


def test_a_spider_that_gets_no_memory_at_its_start_has_failed_with_the_exception(scrapyd, site):
    row = scrapyd.ended(scrapyd.schedule("starts_out_of_memory", url=site.start("memory"), setting=fast()))
    assert (row.outcome, row.error) == ("failed", "MemoryError")


def test_a_page_that_takes_all_memory_is_a_dead_letter_and_the_run_goes_on(scrapyd, site, project):
    servers = {"DATABASE_URL": scrapyd.database_url, "REDIS_URL": scrapyd.settings["REDIS_URL"]}
    row = scrapyd.ended(scrapyd.schedule("parses_out_of_memory", url=site.start("page"), setting=fast()))
    assert (row.outcome, row.failed) == ("finished", 1)
    letter = json.loads(project.run("frontier", "parses_out_of_memory", "dead", "--json", env=servers).stdout)
    assert (letter["reason"], letter["message"]) == ("callback", "MemoryError")


def test_a_run_above_its_own_limit_of_memory_ends_with_that_as_its_reason(scrapyd, site):
    settings = fast("MEMUSAGE_LIMIT_MB=1")
    row = scrapyd.ended(scrapyd.schedule("large", url=site.start("large"), setting=settings))
    assert (row.outcome, row.reason) == ("failed", "memusage_exceeded")


def test_a_run_cancelled_in_any_moment_of_its_start_is_cancelled(scrapyd, site):
    # Given runs that are some time into their start: the runner's, the crawler's, the crawl's
    run_ids = []
    for moment in (0, 0.02, 0.1, 0.4, 0.8, 1.2):
        run_id = crawl(scrapyd, site, f"early-{moment}")
        scrapyd.wait_for(lambda asked=run_id: scrapyd.get("status.json", job=asked)["currstate"] == "running")
        time.sleep(moment)
        scrapyd.post("cancel.json", project="default", job=run_id)
        run_ids.append(run_id)
    # Then each has ended as cancelled, whatever it was about to do
    assert {scrapyd.ended(run_id).outcome for run_id in run_ids} == {"cancelled"}


def test_a_cancelled_run_gives_back_what_it_had_and_is_cancelled(scrapyd, site):
    asked, release = site.hold("cancel", "a")
    run_id = crawl(scrapyd, site, "cancel")
    assert asked.wait(60)
    assert scrapyd.post("cancel.json", project="default", job=run_id)["prevstate"] == "running"
    release()
    row = scrapyd.ended(run_id)
    assert (row.outcome, row.reason) == ("cancelled", "shutdown")
    after = scrapyd.ended(crawl(scrapyd, site, "cancel"))
    assert after.outcome == "finished"
    assert row.pages + row.failed + after.pages + after.failed == len(STORED)


def test_a_run_that_does_not_end_in_time_is_killed_and_cancelled(scrapyd, site):
    run_id = scrapyd.schedule("blocks", url=site.start("blocks"), setting=fast())
    scrapyd.wait_for(lambda: site.asked("blocks"))
    scrapyd.post("cancel.json", project="default", job=run_id)
    row = scrapyd.ended(run_id)
    assert (row.outcome, row.reason) == ("cancelled", "killed, for it did not end in time")


def test_the_documented_signal_kill_ends_a_run_at_once_and_on_record(scrapyd, site):
    asked, _ = site.hold("kill", "a")
    run_id = crawl(scrapyd, site, "kill")
    assert asked.wait(60)
    scrapyd.post("cancel.json", project="default", job=run_id, signal="KILL")
    row = scrapyd.ended(run_id)
    assert (row.outcome, row.reason) == ("cancelled", "killed, as asked")


def test_a_run_cancelled_while_it_waits_never_starts(scrapyd, site):
    # Given a node that has no free place
    running = [scrapyd.schedule("blocks", url=site.start("full"), setting=fast()) for _ in range(8)]
    waiting = crawl(scrapyd, site, "waiting")
    assert scrapyd.known(waiting)[0].outcome == "pending"
    # When the waiting run is cancelled, then it has ended, without a start
    assert scrapyd.post("cancel.json", project="default", job=waiting)["prevstate"] == "pending"
    assert (scrapyd.known(waiting)[0].outcome, scrapyd.known(waiting)[0].pid) == ("cancelled", 0)
    for run_id in running:
        scrapyd.post("cancel.json", project="default", job=run_id, signal="KILL")
    assert {scrapyd.ended(run_id).outcome for run_id in running} == {"cancelled"}
    assert not site.asked("waiting")


def test_an_id_that_was_used_is_never_started_again(scrapyd, site):
    # Given a run that has ended
    run_id = crawl(scrapyd, site, "twice")
    before = scrapyd.ended(run_id)
    scrapyd.wait_for(lambda: scrapyd.get("status.json", job=run_id)["currstate"] == "finished")
    # When its id is posted again, then the node refuses it
    with pytest.raises(AssertionError, match="run starts only once"):
        crawl(scrapyd, site, "twice", jobid=run_id)
    assert scrapyd.known(run_id) == [before]


def test_an_id_that_waits_or_runs_here_is_not_queued_again(scrapyd, site):
    asked, release = site.hold("again", "a")
    run_id = crawl(scrapyd, site, "again")
    assert crawl(scrapyd, site, "again", jobid=run_id) == run_id
    assert asked.wait(60)
    assert crawl(scrapyd, site, "again", jobid=run_id) == run_id
    jobs = scrapyd.get("listjobs.json")
    assert [job["id"] for kind in ("pending", "running") for job in jobs[kind]].count(run_id) == 1
    release()
    assert scrapyd.ended(run_id).outcome == "finished"


def test_the_same_id_posted_to_two_nodes_starts_on_one_of_them(scrapyd, site, root, tmp_path):
    # Given a second node with the same Redis and database
    settings = scrapyd.settings | {"DATABASE_URL": scrapyd.database_url}
    settings.pop("SCRAPYD_HTTP_PORT"), settings.pop("DATA_DIR")
    with Scrapyd(tmp_path, root, **settings) as other:
        other.get("listspiders.json", project="default")  # or it would do so first, which takes a while
        # When both are asked for the same run
        run_id = crawl(scrapyd, site, "both", jobid="both")
        assert crawl(other, site, "both", jobid="both") == run_id
        # Then one of them crawls, and the other says why it does not
        row = scrapyd.ended(run_id)
        nodes = (scrapyd, other)
        for node in nodes:
            node.wait_for(lambda node=node: not node.get("daemonstatus.json")["running"])
    assert row.outcome == "finished"
    assert row.pages + row.failed == len(STORED)
    refusals = [node.log.read_text().count(f"run {run_id} is") for node in nodes]
    assert sorted(bool(count) for count in refusals) == [False, True]


def test_a_run_outlives_a_killed_scrapyd_and_can_still_be_cancelled(scrapyd, site, project):
    # Given two runs, and a Scrapyd that is killed and comes back without knowing them
    held = [site.hold(name, "a") for name in ("outlives", "orphan")]
    finishing, orphan = (crawl(scrapyd, site, name) for name in ("outlives", "orphan"))
    assert all(asked.wait(60) for asked, _ in held)
    scrapyd.kill()
    scrapyd.start()
    assert scrapyd.get("status.json", job=orphan)["currstate"] is None
    # When one goes on and the other is cancelled
    held[0][1]()
    servers = {"DATABASE_URL": scrapyd.database_url, "REDIS_URL": scrapyd.settings["REDIS_URL"]}
    cancel = project.start("cancel", orphan, "--nodes", scrapyd.url, env=servers)
    scrapyd.wait_for(lambda: "asked to end" in scrapyd.log_of(orphan, "links"))
    held[1][1]()
    # Then each ends as it should
    assert scrapyd.ended(finishing).outcome == "finished"
    row = scrapyd.ended(orphan)
    assert (row.outcome, row.reason) == ("cancelled", "cancelled")
    assert cancel.communicate(timeout=60)[0] == f"run {orphan} cancelled\n"


def test_a_stopped_scrapyd_ends_its_runs_first_and_begins_what_waits_when_it_is_back(scrapyd, site):
    asked, release = site.hold("stop", "a")
    run_id = crawl(scrapyd, site, "stop")
    assert asked.wait(60)
    os.kill(scrapyd.pid, signal.SIGTERM)
    release()
    scrapyd.stop()
    row = scrapyd.known(run_id)[0]
    scrapyd.start()
    assert (row.outcome, row.reason) == ("cancelled", "shutdown")
    assert scrapyd.ended(crawl(scrapyd, site, "stop")).outcome == "finished"


def test_a_run_whose_runner_is_killed_dies_with_it_and_is_lost(scrapyd, site):
    # Given a run and, on the same crawl, another
    asked, release = site.hold("runner", "a")
    run_id = crawl(scrapyd, site, "runner")
    assert asked.wait(60)
    crawler = psutil.Process(scrapyd.known(run_id)[0].pid)
    # When the runner is killed
    crawler.parent().kill()
    psutil.wait_procs([crawler], timeout=10)
    assert not crawler.is_running()
    release()
    # Then whoever takes over its requests writes that it is lost
    other = scrapyd.ended(crawl(scrapyd, site, "runner"))
    assert other.outcome == "finished"
    assert scrapyd.known(run_id)[0].outcome == "lost"


def test_the_log_of_a_run_is_followed_to_its_end(scrapyd, site, project):
    # Given somebody who follows a run from its start
    asked, release = site.hold("logs", "a")
    run_id = crawl(scrapyd, site, "logs")
    assert asked.wait(60)
    servers = {"DATABASE_URL": scrapyd.database_url, "REDIS_URL": scrapyd.settings["REDIS_URL"]}
    follower = project.start("logs", run_id, "-f", "--nodes", scrapyd.url, env=servers)
    assert "Scrapy 2" in follower.stdout.readline()
    # When it ends, then all of its log was shown, once
    release()
    rest, _ = follower.communicate(timeout=60)
    assert "Spider closed" in rest
    told = project.run("logs", run_id, "--nodes", scrapyd.url, env=servers).stdout
    assert told == scrapyd.log_of(run_id, "links")
    assert told.endswith(rest)


def test_the_login_goes_to_no_node_that_was_not_named(scrapyd, site, project):
    # Given a run whose row names another node than those that may be spoken to
    run_id = crawl(scrapyd, site, "named")
    scrapyd.ended(run_id)
    nobody = f"http://127.0.0.1:{free_port()}"
    servers = {"DATABASE_URL": scrapyd.database_url, "REDIS_URL": scrapyd.settings["REDIS_URL"]}
    done = project.run("logs", run_id, "--nodes", nobody, env=servers, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"scrapy: {nobody} does not answer (NewConnectionError)\n"
