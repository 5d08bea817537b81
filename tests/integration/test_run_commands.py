import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
from sqlalchemy import update

from scraping_project.storage.engine import connect
from scraping_project.storage.migrate import migrate
from scraping_project.storage.runs import (
    STALE,
    AskedRun,
    Run,
    RunCounts,
    ask_run,
    finish_run,
    lose_runs,
    read_runs,
    start_run,
)
from scraping_project.storage.tables import runs
from scraping_project.storage.transactions import writing
from testing.servers import free_port
from tests.support.project import ROOT
from tests.support.stand_in_node import OK, stand_in_node


@pytest.fixture
def database(project):
    project.data_dir.mkdir()
    engine = connect(project.database_url)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def nobody():
    return f"http://127.0.0.1:{free_port()}"


def asked(**changes):
    values = {
        "id": "waiting",
        "project": "p",
        "spider": "links",
        "arguments": {},
        "settings": {},
        "node": None,
    }
    return AskedRun(**(values | changes))


def running(database, run_id, **changes):
    values = {
        "id": run_id, "crawl_id": "c", "spider": "links", "arguments": {"start_urls": "http://a/"},
        "host": "host", "pid": 1, "egg_version": None, "started_at": datetime.now(UTC),
    }  # fmt: skip
    start_run(database, Run(**(values | changes)))


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("run",), "run takes the name of one spider"),
        (("run", "nosuch"), "there is no spider 'nosuch'"),
        (("run", "links", "-a", "nosuch=1"), "takes no argument nosuch"),
        (("run", "links", "-a", "x"), "-a takes NAME=VALUE"),
        (("run", "links", "-a", "max_pages=x"), "max_pages is a whole number"),
        (("run", "links", "-a", "start_urls=http://u:p@a/"), "holds a secret"),
        (("run", "links", "-s", "LOG_FILE=x"), "a request may not set 'LOG_FILE'"),
        (("run", "links", "--workers", "0"), "--workers is a whole number from 1 to 64"),
        (("run", "links", "--project", "../x"), "'../x' is no project"),
        (("run", "links", "--nodes", "ftp://a"), "'ftp://a' is no node"),
        (("run", "links", "--nodes", "http://u:canary@a"), "that URL is no node"),
        (("run", "links", "--nodes", ","), "no node is named"),
        (("run", "links", "--nosuch"), "--nosuch"),
        (("runs", "nosuch"), "there is no such run: nosuch"),
        (("runs", "--limit", "0"), "--limit is a whole number"),
        (("runs", "--spider", ""), "--spider is empty"),
        (("runs", "--spider", "\udcff"), "is no spider's name"),
        (("runs", "--spider", "lnks"), "there is no spider 'lnks': there are links, outline"),
        (("runs", "--outcome", "well"), "invalid choice: 'well'"),
        (("cancel",), "cancel takes the ids of runs"),
        (("cancel", "nosuch"), "there is no run 'nosuch': scrapy runs lists them"),
        (("cancel", "x", "--timeout", "nan"), "--timeout is a number of seconds"),
        (("logs",), "logs takes the id of one run"),
        (("logs", "a", "b"), "logs takes the id of one run"),
        (("logs", "nosuch"), "there is no run 'nosuch'"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(project, command, message):
    done = project.run(*command, env={"REDIS_URL": "unused"}, check=False)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "canary" not in done.stderr


@pytest.mark.parametrize("command", ["run", "runs", "cancel", "logs"])
def test_help_teaches(project, command):
    told = " ".join(project.run(command, "--help", env={"REDIS_URL": "unused"}).stdout.split())
    assert "--nodes" in told
    assert "SCRAPYD_URLS" in told


def test_a_run_for_nodes_is_refused_where_none_is_named(project):
    env = {"REDIS_URL": "unused", "SCRAPYD_URLS": ""}
    done = project.run("run", "links", env=env, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("scrapy: no node is named: set SCRAPYD_URLS to http://host:6800")


def test_a_run_that_no_node_takes_has_failed_and_says_so(project, database, nobody):
    done = project.run("run", "links", "--nodes", nobody, env={"REDIS_URL": "unused"}, check=False)
    assert done.returncode == 2
    assert f"scrapy: {nobody} does not answer" in done.stderr.splitlines()[-1]
    (row,) = read_runs(database)
    assert row.outcome == "failed"


def test_runs_are_listed_with_their_ends(project, database):
    ask_run(database, asked(node="http://node/\x1b[2J"))
    running(database, "broken")
    finish_run(database, "broken", "failed", "fault", RunCounts(pages=3), error="ValueError: \x1b[2J")
    listed = project.run("runs", env={"REDIS_URL": "unused"}).stdout.splitlines()
    assert [line.split()[:2] for line in listed] == [
        ["id", "outcome"],
        ["broken", "failed"],
        ["waiting", "pending"],
    ]
    assert listed[1].endswith("ValueError:  [2J")
    assert listed[2].endswith("http://node/ [2J")
    lines = project.run("runs", "--json", "--outcome", "failed", env={"REDIS_URL": "unused"}).stdout
    run = json.loads(lines)
    assert (run["id"], run["outcome"], run["pages"], run["error"]) == (
        "broken",
        "failed",
        3,
        "ValueError: \x1b[2J",
    )
    assert run["arguments"] == {"start_urls": "http://a/"}
    assert run["started_at"].endswith("+00:00")


def test_a_reader_of_runs_may_leave_early(project, database):
    for number in range(300):
        ask_run(database, asked(id=str(number), arguments={"a": "x" * 1000}))
    listing = project.start("runs", "--json", "--limit", "300", env={"REDIS_URL": "unused"})
    assert listing.stdout.readline().startswith("{")
    listing.stdout.close()
    listing.wait(60)
    assert project.errors(listing) == ""


def test_a_waiting_run_is_cancelled_though_its_node_is_gone(project, database, nobody):
    ask_run(database, asked(node=nobody))
    done = project.run("cancel", "waiting", "--nodes", nobody, env={"REDIS_URL": "unused"})
    assert done.stdout == "run waiting cancelled\n"
    assert done.stderr == f"warning: {nobody} does not answer (NewConnectionError)\n"
    assert read_runs(database)[0].outcome == "cancelled"


def test_a_run_that_has_ended_is_left_as_it_is(project, database, nobody):
    running(database, "done")
    finish_run(database, "done", "finished", "finished", RunCounts())
    done = project.run("cancel", "done", "--nodes", nobody, env={"REDIS_URL": "unused"})
    assert done.stdout == "run done had ended already: finished\n"


def test_a_typed_run_is_cancelled_by_its_row(project, database, nobody, sphinx_site):
    # Given a crawl that somebody typed, and that no node knows
    crawl = project.start(
        "crawl", "links", "-a", f"start_urls={sphinx_site.url}", "-a", "_job=typed", "-s", "RUN_HEARTBEAT=0.2"
    )
    reader = Thread(target=crawl.communicate)
    reader.start()
    while not [row for row in read_runs(database) if row.outcome == "running"]:
        assert crawl.poll() is None, project.errors(crawl)
    # When it is cancelled, then it ends cleanly
    done = project.run("cancel", "typed", "--nodes", nobody, env={"REDIS_URL": "unused"})
    assert done.stdout == "run typed cancelled\n"
    reader.join(30)
    assert crawl.returncode == 130


def test_a_run_that_does_not_end_is_reported(project, database, nobody):
    running(database, "deaf")
    done = project.run(
        "cancel", "deaf", "--nodes", nobody, "--timeout", "0", env={"REDIS_URL": "unused"}, check=False
    )
    assert (done.returncode, done.stdout) == (1, "run deaf running\n")
    assert "did not end in 0 s: no node has it: kill process 1 on host" in done.stderr


def test_a_log_for_a_closed_standard_output_is_one_line(project):
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-m", "scrapy", "logs", "x"],
        cwd=ROOT,
        env=project._environment({"REDIS_URL": "unused"}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "standard output is closed" in done.stderr


def test_the_log_of_a_typed_run_is_where_it_was_typed(project, database):
    running(database, "typed")
    done = project.run("logs", "typed", env={"REDIS_URL": "unused"}, check=False)
    assert done.returncode == 2
    assert "was typed on host" in done.stderr


def waits_for_long(database, run_id):
    ask_run(database, asked(id=run_id, node="http://gone"))
    with writing(database) as connection:
        connection.execute(update(runs).values(started_at=datetime.now(UTC) - timedelta(hours=1)))


def test_a_waiting_run_that_no_node_takes_keeps_no_new_run_from_starting(project, database):
    waits_for_long(database, "poison")
    with stand_in_node(schedule=OK) as node:
        # The new run is taken, and what waited is refused, as of a project that was deleted.
        node.refuses = {"jobid": "poison"}
        done = project.run("run", "links", env={"REDIS_URL": "unused", "SCRAPYD_URLS": node.url})
    assert done.stdout.endswith(f" on {node.url}\n")
    assert done.stderr == (f"warning: run poison waits and no node takes it: {node.url}: refused\n")
    assert {run.outcome for run in read_runs(database)} == {"pending"}


def test_a_run_on_named_nodes_leaves_what_waits_on_others_where_it_is(project, database):
    waits_for_long(database, "elsewhere")
    with stand_in_node(schedule=OK) as node:
        done = project.run("run", "links", "--nodes", node.url, env={"REDIS_URL": "unused"})
        posted = [fields["jobid"] for fields in node.posted("schedule.json")]
    assert (len(posted), done.stderr) == (1, "")
    assert posted != [["elsewhere"]]


def test_a_process_that_hangs_reads_as_lost_and_is_killed_on_its_node_all_the_same(project, database):
    # Given a run that has fallen silent, on a node that still sees its process
    running(database, "hangs")
    with writing(database) as connection:
        connection.execute(update(runs).values(project="p", heartbeat_at=datetime.now(UTC) - 2 * STALE))
    with stand_in_node(status=OK | {"currstate": "running"}, cancel=OK) as node:
        # When it is cancelled, and its runner writes its end when it was killed
        command = project.start(
            "cancel", "hangs", "--timeout", "0", "--nodes", node.url, env={"REDIS_URL": "unused"}
        )
        while {"signal": ["KILL"], "project": ["p"], "job": ["hangs"]} not in node.posted("cancel.json"):
            assert command.poll() is None, project.errors(command)
            time.sleep(0.02)  # nobody tells what a node was asked
        finish_run(database, "hangs", "cancelled", "killed", RunCounts())
        # Then the command has waited for that
        assert command.communicate(timeout=30)[0] == "run hangs cancelled\n"
    assert command.returncode == 0


def test_a_lost_run_that_no_node_has_is_not_waited_for(project, database, nobody):
    running(database, "lost")
    lose_runs(database, [("host", 1)], "reaped")
    done = project.run("cancel", "lost", "--nodes", nobody, env={"REDIS_URL": "unused"})
    assert done.stdout == "run lost lost\n"
