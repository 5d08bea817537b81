"""The parts of deploy/ that need no Scrapyd to be seen."""

import io
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scrapyd.config import Config

from deploy.scrapyd.egg_storage import EggStorage
from deploy.scrapyd.logs import DAY, LogKeeper
from deploy.scrapyd.run_outcome import judge
from deploy.scrapyd.runner import Ended, run_id
from tests.support.scrapyd_server import ROOT

#: A child that says when it is ready and when it was asked to end, which it does so many wishes later.
CHILD = """
import signal, sys, time
wishes = []
signal.signal(signal.SIGINT, lambda *_: wishes.append(1))
print("ready", flush=True)
while not wishes:
    time.sleep(0.01)
print("asked", flush=True)
deadline = time.monotonic() + 0.5
while len(wishes) < {wishes} or time.monotonic() < deadline:
    time.sleep(0.01)
sys.exit(len(wishes))
"""

SUPERVISE = """
import sys
from deploy.scrapyd.runner import Crawl
ended = Crawl([sys.executable, "-c", sys.argv[1]]).wait()
print(ended.code, ended.asked, ended.killed, ended.tail.strip())
"""

#: The same, but a signal comes when the child has been started and the runner does not know it yet.
SUPERVISE_YOUNG = (
    """
import signal, subprocess, sys

class Young(subprocess.Popen):
    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        signal.raise_signal(int(sys.argv[2]))

subprocess.Popen = Young
"""
    + SUPERVISE
)


def ended(**changes):
    return Ended(**({"pid": 7, "code": 0, "asked": False, "killed": None, "tail": ""} | changes))


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, ("finished", "exit 0", None)),
        ({"code": 2, "tail": "a\nValueError: b\n\n"}, ("failed", "exit 2", "ValueError: b")),
        ({"code": 1}, ("failed", "exit 1", None)),
        ({"code": -9}, ("killed", "SIGKILL: from outside, or out of memory", None)),
        ({"code": -11}, ("killed", "SIGSEGV", None)),
        ({"code": -40}, ("killed", "signal 40", None)),
        ({"code": -2, "asked": True}, ("cancelled", "asked to end, SIGINT", None)),
        ({"code": 130, "asked": True}, ("cancelled", "asked to end, exit 130", None)),
        # It was asked to end, but that is not what it died of.
        ({"code": -9, "asked": True}, ("killed", "SIGKILL: from outside, or out of memory", None)),
        ({"code": -9, "asked": True, "killed": "as asked"}, ("cancelled", "killed, as asked", None)),
    ],
)
def test_the_end_of_a_process_becomes_an_outcome(how, expected):
    assert judge(ended(**how)) == expected


def test_the_run_id_is_read_from_the_words_that_scrapyd_makes():
    assert run_id(["crawl", "links", "-a", "_job=12", "-a", "start_urls=_job=13"]) == "12"
    assert run_id(["list"]) is None


def start(child, **variables):
    """Run a child under the runner in a group of their own."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SUPERVISE, child],
        cwd=ROOT,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def supervise(child, *signals, **variables):
    """Signal the runner, each time when the child has said something; returns what it saw in the end."""
    process = start(child, **variables)
    for number in signals:
        process.stdout.readline()
        process.send_signal(number)
    return seen(process)


def seen(process):
    output, _ = process.communicate(timeout=60)
    return output.splitlines()[-1].rstrip()


def test_one_wish_that_comes_twice_is_passed_on_once():
    assert supervise(CHILD.format(wishes=1), signal.SIGINT, signal.SIGTERM) == "1 True None"


def test_a_second_wish_is_passed_on():
    process = start(CHILD.format(wishes=2))
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.stdout.readline()  # the child has it
    time.sleep(1.1)  # what makes it another wish
    process.send_signal(signal.SIGINT)
    assert seen(process) == "2 True None"


def test_ctrl_c_on_the_terminal_of_scrapyd_reaches_the_child_once():
    process = start(CHILD.format(wishes=1))
    process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    assert seen(process) == "1 True None"


def test_a_child_that_does_not_end_in_time_is_killed():
    assert supervise(CHILD.format(wishes=9), signal.SIGTERM, SCRAPYD_STOP_SECONDS="0.3") == (
        "-9 True for it did not end in time"
    )


def test_sigquit_kills_the_child_at_once():
    assert supervise(CHILD.format(wishes=9), signal.SIGQUIT) == "-9 True as asked"


@pytest.mark.parametrize(
    ("number", "expected"),
    [(signal.SIGINT, "-2 True None"), (signal.SIGTERM, "-2 True None"), (signal.SIGQUIT, "-9 True as asked")],
)
def test_a_wish_that_comes_before_the_child_is_known_is_passed_on_as_it_was(number, expected):
    done = subprocess.run(
        [sys.executable, "-c", SUPERVISE_YOUNG, "import time; time.sleep(600)", str(int(number))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.startswith(expected)


def test_the_last_that_a_child_said_is_kept():
    child = "import sys; sys.stderr.write('x' * 10**6 + '\\nthe end'); sys.exit(4)"
    assert supervise(child).endswith("the end")


def test_a_child_goes_on_when_nobody_reads_what_it_says_any_more():
    process = start("import sys; sys.stderr.write('x' * 10**6); sys.exit(0)")
    process.stderr.close()
    assert process.stdout.read().startswith("0 False None")
    process.wait()
    process.stdout.close()


@pytest.fixture
def config(tmp_path):
    return Config(
        {"eggs_dir": str(tmp_path / "eggs"), "logs_dir": str(tmp_path), "log_days": "2", "log_megabytes": "1"}
    )


def test_the_newest_egg_is_the_one_stored_last(config):
    eggs = EggStorage(config)
    for version in ("r10", "r9", "b", "a"):
        eggs.put(io.BytesIO(version.encode()), "project", version)
        time.sleep(0.01)  # the file system's clock ticks
    assert eggs.list("project") == ["r10", "r9", "b", "a"]
    with eggs.get("project")[1] as egg:
        assert egg.read() == b"a"


def test_an_egg_is_never_replaced(config):
    eggs = EggStorage(config)
    assert eggs.put(io.BytesIO(b"one"), "project", "v") == "v"
    second = eggs.put(io.BytesIO(b"two"), "project", "v")
    assert eggs.list("project") == ["v", second]
    with eggs.get("project", "v")[1] as egg:
        assert egg.read() == b"one"


def test_an_egg_of_which_a_part_was_written_is_none(config, tmp_path):
    eggs = EggStorage(config)
    eggs.put(io.BytesIO(b"one"), "project", "v")
    (tmp_path / "eggs" / "project" / ".1234.part").write_bytes(b"tw")
    assert eggs.list("project") == ["v"]


def test_a_log_that_grew_too_large_begins_anew_and_its_writer_goes_on(config, tmp_path):
    path = tmp_path / "project" / "links" / "1.log"
    path.parent.mkdir(parents=True)
    with path.open("a") as log:
        log.write("old\n" * 300_000)
        log.flush()
        LogKeeper(config).keep()
        log.write("new\n")
    assert path.read_text() == "new\n"
    assert path.with_name("1.log.1").stat().st_size == 4 * 300_000


def test_logs_that_nobody_has_written_to_for_days_are_deleted(config, tmp_path):
    old, young, other = (tmp_path / name for name in ("old.log", "young.log", "other.txt"))
    for path in (old, young, other):
        path.touch()
    for path in (old, other):
        os.utime(path, (time.time() - 3 * DAY,) * 2)
    LogKeeper(config).keep()
    assert sorted(path.name for path in Path(tmp_path).iterdir()) == ["other.txt", "young.log"]


def test_a_log_that_cannot_be_cut_keeps_no_other_from_it(config, tmp_path):
    # Given two logs that are too large, and no place for the copy of one
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.log").write_bytes(bytes(2_000_000))
    (tmp_path / "b.log.1").mkdir()
    LogKeeper(config).keep()
    sizes = {path.name: path.stat().st_size for path in Path(tmp_path).glob("*.log")}
    assert sizes == {"a.log": 0, "b.log": 2_000_000, "c.log": 0}


def test_a_log_that_could_not_be_copied_loses_nothing_and_leaves_no_half_of_a_copy(config, tmp_path):
    path = tmp_path / "1.log"
    path.write_bytes(bytes(2_000_000))
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limit[1]))  # as a full disk: OSError in the middle
    try:
        LogKeeper(config).keep()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)
    assert [(path.name, path.stat().st_size) for path in Path(tmp_path).iterdir()] == [("1.log", 2_000_000)]
