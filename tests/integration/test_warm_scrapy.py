"""Commands that the suite forks are what a user's are; and each command once as a user starts it."""

import os
import signal
from pathlib import Path

import pytest

from tests.support.warm_scrapy import WarmProcess, serves

COMMANDS = tuple(
    sorted(
        path.stem
        for path in Path("scraping_project/commands").glob("*.py")
        if "class Command(" in path.read_text()
    )
)


@pytest.fixture(name="waiting")
def a_worker_that_waits_for_seeds(project):
    process = project.start("crawl", "links")
    while "waiting for seeds" not in project.errors(process):  # it says so at once
        assert process.poll() is None, project.errors(process)
    return process


def test_it_ends_with_the_command_s_exit_code_and_output(project):
    listed = project.run("list")
    refused = project.run("crawl", "nosuch", check=False)

    assert (listed.returncode, listed.stdout.split()) == (0, ["links", "outline"])
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("scrapy: there is no spider 'nosuch'")


def test_it_has_the_environment_and_the_paths_that_it_is_given(project, tmp_path):
    (tmp_path / "told.py").write_text(
        "import os, sys, time\n"
        "print(os.environ['TOLD'], 'HOME' in os.environ, time.strftime('%Z'), sys.dont_write_bytecode)"
    )
    env = {"PYTHONPATH": str(tmp_path), "TOLD": "yes", "TZ": "Asia/Tokyo", "PYTHONDONTWRITEBYTECODE": "1"}

    done = project.run("list", "-s", "SPIDER_MODULES=told", env=env)

    assert done.stdout.splitlines()[0] == "yes True JST True"
    assert not (tmp_path / "__pycache__").exists()


def test_it_leads_a_session_of_its_own_and_dies_of_the_signal_that_is_sent(waiting):
    assert os.getsid(waiting.pid) == waiting.pid

    waiting.kill()

    assert waiting.wait(10) == -signal.SIGKILL
    assert waiting.poll() == -signal.SIGKILL


def test_it_ends_cleanly_when_it_is_asked_to(waiting):
    waiting.send_signal(signal.SIGINT)

    output, _ = waiting.communicate(timeout=30)

    assert waiting.returncode == 130
    assert output.startswith("interrupted: 0 pages")


def test_whatever_an_interpreter_reads_at_its_start_is_given_to_a_new_one():
    assert serves({"PATH": "/bin", "PYTHONPATH": "/tmp", "DATA_DIR": "x"})
    assert not serves({"PYTHONHASHSEED": "0"})
    assert not serves({"LD_PRELOAD": "libfaketime.so"})
    assert not serves({"PYTHONPATH": "/tmp", "FAKETIME": "+2h"})


def test_a_project_forks_unless_it_is_told_to_start(project):
    forked = project.start("version")
    project.warm = False
    started = project.start("version")

    assert isinstance(forked, WarmProcess)
    assert not isinstance(started, WarmProcess)
    assert forked.wait(30) == started.wait(30) == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_starts_in_an_interpreter_of_its_own(project, command):
    project.warm = False

    done = project.run(command, "--help")

    assert f"scrapy {command}" in done.stdout
    assert done.stderr == ""
