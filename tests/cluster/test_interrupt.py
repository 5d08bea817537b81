"""Ctrl-C and SIGTERM end a crawl cleanly: what is left stays queued, and a second run finishes it."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis

from demo.expected import expected
from scraping_project.frontier.keys import Keys
from tests.support.fast_crawl import IMPATIENT
from tests.support.oracle import wget_html_urls
from tests.support.project import ROOT, until

SLOW = ("-s", "DOWNLOAD_DELAY=0.05", "-s", "CONCURRENT_REQUESTS=4")
EAGER = ("-s", "DOWNLOAD_DELAY=0", "-s", "CONCURRENT_REQUESTS_PER_DOMAIN=8")


@pytest.mark.parametrize("workers", ["1", "3"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_crawl_is_finished_by_the_same_command(project, any_manual, workers, number):
    # Given a crawl that is interrupted in the middle
    command = ("crawl", "links", "-a", f"start_urls={any_manual.url}index.html", "--workers", workers)
    first = project.start(*command, *SLOW)
    until(lambda: len(any_manual.requests()) > 40, first, project)
    first.send_signal(number)
    output, _ = first.communicate(timeout=60)

    # Then it says so and tells how much is left
    assert first.returncode == 130, project.errors(first)
    assert output.startswith("interrupted: ")
    left = re.search(r"^queued: (\d+), the same command goes on with them$", output, re.MULTILINE)
    assert left, output
    queued = int(left[1])
    assert "Traceback" not in project.errors(first)
    assert {row["outcome"] for row in project.rows("runs")} == {"cancelled"}
    before = len(any_manual.requests())

    # When the same command runs again
    second = project.run(*command, *EAGER, timeout=110)

    # Then the whole site is stored, and nothing was fetched twice
    assert second.stderr.count(f"resuming: {queued} queued\n") == 1
    assert len(any_manual.requests()) > before
    paths = [request.uri for request in any_manual.requests() if "Wget" not in request.user_agent]
    assert {path for path in paths if paths.count(path) > 1} <= {"/robots.txt"}
    stored = {row["url"] for row in project.rows("sites") if row["content_type"] == "text/html"}
    assert stored >= wget_html_urls(any_manual)


def test_ctrl_c_on_a_terminal_reaches_each_worker_once_through_the_command(project, any_manual):
    command = project.start(
        "crawl", "links", "-a", f"start_urls={any_manual.url}index.html", "--workers", "2", *SLOW
    )

    def two_groups():
        workers = children(command.pid)
        return len(workers) == 2 and [os.getpgid(worker) for worker in workers] == workers

    until(two_groups, command, project)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_ended_while_its_workers_begin_is_interrupted(project, any_manual, number):
    command = ("crawl", "links", "-a", f"start_urls={any_manual.url}index.html", "--workers", "2")
    process = project.start(*command, *SLOW)
    until(lambda: len(children(process.pid)) == 2, process, project)

    process.send_signal(number)
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 130, project.errors(process)
    assert output.startswith("interrupted: 0 pages")
    assert "Traceback" not in project.errors(process)


def test_workers_whose_command_is_killed_end_cleanly(project, any_manual):
    # Given a command with workers at work
    command = ("crawl", "links", "-a", f"start_urls={any_manual.url}index.html", "--workers", "2")
    first = project.start(*command, *SLOW)
    until(lambda: len(any_manual.requests()) > 20, first, project)
    workers = children(first.pid)
    ends = [os.pidfd_open(worker) for worker in workers]

    # When it is killed
    first.kill()
    for end in ends:
        assert select.select([end], [], [], 60)[0], "a worker crawls on"
        os.close(end)

    # Then they have given back what they held
    ledger = json.loads(project.run("frontier", "links", "--json").stdout)
    assert (ledger["leased"], ledger["workers"]) == (0, [])
    assert ledger["queued"] > 0
    assert {row["outcome"] for row in project.rows("runs")} == {"cancelled"}


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("workers", ["1", "3"])
def test_ctrl_c_reaches_the_crawl_of_the_demo(project, redis_url, workers):
    env = {**os.environ, "DATA_DIR": str(project.data_dir), "REDIS_URL": redis_url}
    command = [sys.executable, "-W", "error", "-m", "demo.crawl", "--workers", workers]
    with subprocess.Popen(
        [*command, "-s", "DOWNLOAD_DELAY=0.2", "-s", "CONCURRENT_REQUESTS=4"],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        with redis.Redis.from_url(redis_url, protocol=2) as client:
            while int(client.hget(Keys("links").of("crawl"), "pages") or 0) < 3:
                assert process.poll() is None
                time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        output, errors = process.communicate(timeout=90)

    assert process.returncode == 130, errors
    assert output.startswith("interrupted: ")
    assert 3 <= len(project.rows("sites")) < len(expected()["sites"])


@pytest.mark.parametrize("times", [1, 2])
def test_a_page_that_never_comes_is_given_back_by_a_crawl_that_is_told_to_end(project, times):
    # Given a crawl that waits for such a page
    with socket.create_server(("127.0.0.1", 0)) as site:
        url = f"http://127.0.0.1:{site.getsockname()[1]}/"
        patient = ("-s", "DOWNLOAD_TIMEOUT=90", "-s", "ROBOTSTXT_OBEY=0", "-L", "INFO")
        patience = IMPATIENT if times == 1 else ()  # or it would end by itself, however often it is told
        process = project.start("crawl", "links", "-a", f"start_urls={url}", *EAGER, *patient, *patience)
        connection, _ = site.accept()

        # When it is told to end, once or with impatience
        with connection:
            for told in range(1, times + 1):
                process.send_signal(signal.SIGTERM)
                until(lambda told=told: project.errors(process).count("SIGTERM") >= told, process, project)
            output, _ = process.communicate(timeout=60)

    # Then it ends, and the page is queued
    assert process.returncode == 130, project.errors(process)
    assert output.startswith("interrupted: 0 pages")
    assert "Traceback" not in project.errors(process)
    ledger = json.loads(project.run("frontier", "links", "--json").stdout)
    assert (ledger["queued"], ledger["leased"], ledger["workers"]) == (1, 0, [])
    assert [(run["outcome"], run["reason"]) for run in project.rows("runs")] == [("cancelled", "shutdown")]
