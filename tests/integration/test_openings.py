"""Whatever is in the way while a run opens ends it: in one line, with exit code 2 and a row that says why."""

import os
import signal
from contextlib import ExitStack, closing

import pymysql
import pytest
import redis
from sqlalchemy import make_url

from testing import servers
from tests.support.project import until

#: Spiders that begin in a process in which FAULT, ``module:name``, raises what RAISES makes.
SPIDERS = """
import os
from importlib import import_module
from scrapy import Request, Spider
from scraping_project.worker import patience
from scraping_project.frontier.errors import FrontierFull, FrontierUnavailable
from scraping_project.storage.errors import DatabaseAway
from spiders.links import LinksSpider

patience.PATIENCE = 0.2


def fail(*_, **__):
    raise eval(os.environ["RAISES"])


if fault := os.environ.get("FAULT"):
    module, _, name = fault.partition(":")
    *owners, name = name.split(".")
    owner = import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    setattr(owner, name, fail)


class Faulty(LinksSpider):
    name = "faulty"


if os.environ.get("SLOWLY"):
    from scraping_project.frontier.frontier import Frontier

    def waiting_for_a_line(step):
        def wait(*arguments, **named):
            answer = step(*arguments, **named)
            print("opening", flush=True)
            with open(os.environ["SLOWLY"]) as told:  # until the test opens its other end
                told.read()
            return answer
        return wait

    Frontier.join = waiting_for_a_line(Frontier.join)


class Unmade(Spider):
    name = "unmade"

    def __init__(self, **kwargs):
        raise TypeError("a fault of the spider")


class Slots(Spider):
    name = "slots"
    custom_settings = {"DOWNLOAD_SLOTS": {"a.example": 5}}


class Elsewhere(Spider):
    name = "elsewhere"
    custom_settings = {"DATABASE_URL": "nowhere"}


class Pipeline:
    def open_spider(self):
        raise TypeError("a fault of the pipeline")


class Piped(Spider):
    name = "piped"
    custom_settings = {"ITEM_PIPELINES": {Pipeline: 1}}


class Half(Spider):
    name = "half"

    async def start(self):
        yield Request(self.url)
        raise TypeError("a fault half way")

    def parse(self, response):
        return None
"""
A_FAULT = "TypeError('a fault of this program')"


@pytest.fixture(name="crawl")
def a_crawl_of_such_a_spider(project, tmp_path):
    (tmp_path / "opening_spiders.py").write_text(SPIDERS)

    def crawl(spider, *arguments, **env):
        modules = ("-s", "SPIDER_MODULES=opening_spiders")
        return project.run(
            "crawl", spider, *modules, *arguments, env={"PYTHONPATH": str(tmp_path), **env}, check=False
        )

    return crawl


def line_of(done):
    """The one line of a run that could not begin."""
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith("warning: Redis")]
    assert len(lines) == 1, done.stderr
    return lines[0].removeprefix("scrapy: ")


def only_run(project):
    (run,) = project.rows("runs")
    return run["outcome"], run["reason"], run["error"]


@pytest.mark.parametrize(
    "step",
    [
        "scraping_project.worker.lifecycle:migrate",
        "scraping_project.worker.membership:Membership.connect",
        "scraping_project.worker.membership:rules_of",
        "scraping_project.frontier.worker:Worker.join",
        "scraping_project.frontier.frontier:Frontier.members",
        "scraping_project.worker.run_record:lose",
        "scraping_project.worker.lifecycle:RunLifecycle._begin",
        "scraping_project.worker.membership:Membership.keep",
    ],
)
def test_a_fault_in_any_step_ends_the_run_and_leaves_no_worker(crawl, project, redis_url, step):
    line = line_of(crawl("faulty", "-a", "start_urls=http://127.0.0.1:1/", FAULT=step, RAISES=A_FAULT))

    assert (
        line == "the spider 'faulty' can't start (TypeError: a fault of this program): -L DEBUG shows where"
    )
    assert only_run(project) == ("failed", "refused", line)
    with redis.Redis.from_url(redis_url, protocol=2) as server:
        assert not server.exists("{faulty:start_urls}:workers")


WRITE = 'write {"example.com": {"delay": 5, "concurrency": 1}}'


@pytest.mark.parametrize(
    ("spider", "why"),
    [
        ("unmade", "TypeError: a fault of the spider"),
        ("slots", f"ValueError: DOWNLOAD_SLOTS says 5 of 'a.example': {WRITE}"),
    ],
)
def test_what_is_raised_before_the_spider_opens_has_its_row_too(crawl, project, spider, why):
    line = line_of(crawl(spider))

    assert line == f"the spider {spider!r} can't start ({why}): -L DEBUG shows where"
    assert only_run(project) == ("failed", "refused", line)


def test_a_spider_with_a_database_that_is_none_is_one_line(crawl):
    assert "the database URL cannot be read" in line_of(crawl("elsewhere"))


def test_a_pipeline_that_can_not_be_opened_is_named_last(crawl, project):
    done = crawl("piped")  # Scrapy's CoreStats complains first: it is closed and was never opened

    line = "the spider 'piped' can't start (TypeError: a fault of the pipeline): -L DEBUG shows where"
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(f"scrapy: {line}\n")
    assert only_run(project) == ("failed", "refused", line)


def test_the_traceback_is_for_the_log_alone(crawl, tmp_path):
    fault = {"FAULT": "scraping_project.worker.membership:rules_of", "RAISES": A_FAULT}

    assert "Traceback" in crawl("faulty", "-L", "DEBUG", **fault).stderr
    log = tmp_path / "run.log"
    line = line_of(crawl("faulty", "--logfile", str(log), **fault))
    assert line.endswith(f": {log} says where")
    assert "Traceback" in log.read_text()


@pytest.mark.parametrize(
    ("step", "raises", "words"),
    [
        (
            "scraping_project.frontier.frontier:Frontier.join",
            "FrontierUnavailable('Connection closed by server.')",
            ("the Redis at {redis} stopped answering (Connection closed by server.)", "start it again"),
        ),
        (
            "scraping_project.frontier.frontier:Frontier.join",
            "FrontierFull('OOM command not allowed')",
            ("the Redis at {redis} is full", "raise its maxmemory"),
        ),
        (
            "scraping_project.worker.run_record:start_run",
            "DatabaseAway('database scraping on a.example: gone')",
            ("database scraping on a.example: gone", "or DATABASE_URL to another"),
        ),
    ],
)
def test_a_server_that_is_away_while_a_run_opens_is_named_with_what_to_do(
    crawl, redis_url, step, raises, words
):
    line = line_of(crawl("faulty", FAULT=step, RAISES=raises))

    for word in words:
        assert word.format(redis=redis_url) in line


def test_a_run_that_another_has_begun_leaves_its_row_alone(crawl, project, nginx, tmp_path):
    (tmp_path / "site").mkdir()
    url = f"{nginx(tmp_path / 'site').url}"
    arguments = ("-a", f"start_urls={url}", "-a", "_job=one", "-s", "ROBOTSTXT_OBEY=0")
    crawl("faulty", *arguments)
    before = project.rows("runs")

    assert "run one is finished already" in line_of(crawl("faulty", *arguments))
    assert project.rows("runs") == before


def test_a_run_that_is_interrupted_while_it_opens_does_not_stay_running(project, tmp_path, redis_url):
    (tmp_path / "opening_spiders.py").write_text(SPIDERS)
    os.mkfifo(tmp_path / "told")
    env = {"PYTHONPATH": str(tmp_path), "SLOWLY": str(tmp_path / "told")}
    process = project.start("crawl", "faulty", "-s", "SPIDER_MODULES=opening_spiders", env=env)
    assert process.stdout.readline() == "opening\n"

    process.send_signal(signal.SIGINT)
    until(lambda: project.rows("runs"), process, project)
    (tmp_path / "told").write_text("go on")

    output, _ = process.communicate(timeout=60)
    assert (process.returncode, output.partition(":")[0]) == (130, "interrupted")
    assert only_run(project) == ("cancelled", "shutdown", None)


def test_a_spider_that_raises_half_way_through_its_start_ends_as_an_error(crawl, project, nginx, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("here")
    url = nginx(tmp_path / "site").url

    done = crawl("half", "-a", f"url={url}", "-s", "ROBOTSTXT_OBEY=0")

    assert done.returncode == 1
    assert done.stdout.startswith("ended early (start_error): 1 page")
    assert only_run(project) == ("failed", "start_error", "TypeError: a fault half way")
    assert [row["url"] for row in project.rows("sites")] == [url]


@pytest.fixture(name="full")
def a_database_whose_connections_are_all_taken(project):
    """Yields one of them, and what gives them all back."""
    with servers.mariadb_server() as database, ExitStack() as stack:
        database._execute("SET GLOBAL max_connections = 10")
        project.env["DATABASE_URL"] = database.database()
        url = make_url(project.env["DATABASE_URL"])
        known = {"host": url.host, "port": url.port, "user": url.username, "password": url.password}
        taken = [stack.enter_context(closing(pymysql.connect(**known))) for _ in range(10)]
        yield taken[0], stack.close


def test_a_database_with_too_many_connections_is_named_with_what_to_do(project, full):
    done = project.run("crawl", "links", check=False)

    assert "Too many connections: raise its max_connections, or start fewer workers" in line_of(done)


def test_one_that_has_too_many_for_a_moment_is_asked_again(project, full, nginx, tmp_path):
    connection, give_back = full
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("here")

    def refused():
        with connection.cursor() as cursor:
            cursor.execute("SHOW GLOBAL STATUS LIKE 'Aborted_connects'")
            return int(cursor.fetchone()[1])

    process = project.start("crawl", "links", "-a", f"start_urls={nginx(tmp_path / 'site').url}")
    until(refused, process, project)
    give_back()

    process.communicate(timeout=60)
    assert process.returncode == 0, project.errors(process)
    assert only_run(project) == ("finished", "finished", None)


def test_what_is_no_worker_is_named_once_and_taken_out(project, nginx, tmp_path, redis_url):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("here")
    with redis.Redis.from_url(redis_url, protocol=2) as server:
        strangers = {"nobody": 9e15, b"\xff\xfe": 9e15, "a:b:c:d:e": 0, "a::9999999999999:1:2": 9e15}
        server.zadd("{links:start_urls}:workers", strangers)
        assert r"\xff\xfe" in project.run("frontier", "links").stdout

        done = project.run("crawl", "links", "-a", f"start_urls={nginx(tmp_path / 'site').url}")

        assert not server.exists("{links:start_urls}:workers")
    for stranger in ("nobody", r"\xff\xfe", "a:b:c:d:e", "a::9999999999999:1:2"):
        assert done.stderr.count(f"{stranger}' among the workers of 'links' is none") == 1
    assert only_run(project) == ("finished", "finished", None)
