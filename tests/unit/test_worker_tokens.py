"""Whose process has ended is told by its token, of this machine's processes alone."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scraping_project.frontier import worker_tokens
from scraping_project.frontier.worker_tokens import is_gone, is_token, new_token, process_of

NAMED = "from scraping_project.frontier.worker_tokens import new_token; print(new_token(), flush=True)\n"

#: Its first thread ends, as that of a program in another language may, and the other waits to be told to.
HEADLESS = """
import ctypes, os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0))).start()
ctypes.CDLL(None).pthread_exit(None)
"""


def with_parts(token, **changes):
    parts = dict(zip(("host", "machine", "pid", "started", "chance"), token.split(":"), strict=True))
    return ":".join((parts | changes).values())


@pytest.fixture(name="dead")
def a_process_that_has_ended():
    return subprocess.run(
        [sys.executable, "-c", NAMED], capture_output=True, text=True, check=True
    ).stdout.strip()


def named(then):
    """A process that has said its token and then does something."""
    return subprocess.Popen(
        [sys.executable, "-c", NAMED + then], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def state(process):
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_no_two_tokens_are_the_same():
    assert new_token() != new_token()


def test_a_token_tells_host_and_process():
    assert process_of(new_token()) == (os.uname().nodename, os.getpid())


@pytest.mark.parametrize(
    "name",
    ["", "nobody", "a:b", "a:b:c:d:e", "a:b:1", "a:b:-1:2:3", "a:b:99999999999999999999:2:3", "a:b:²:2:3"],
)
def test_what_is_no_token_tells_nothing(name):
    assert not is_token(name)
    assert process_of(name) is None
    assert not is_gone(name)


def test_a_token_is_one():
    assert is_token(new_token())


def test_a_running_process_is_not_gone():
    assert not is_gone(new_token())


def test_one_that_has_ended_is(dead):
    assert is_gone(dead)


def test_one_whose_parent_has_not_asked_for_its_end_is_gone():
    with named("input()") as process:
        token = process.stdout.readline().strip()
        assert not is_gone(token)

        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

        assert state(process) == "Z"
        assert is_gone(token)


def test_one_whose_first_thread_has_ended_is_not_gone_while_another_works():
    with named(HEADLESS) as process:
        token = process.stdout.readline().strip()
        while state(process) != "Z":
            assert process.poll() is None
            time.sleep(0.01)

        assert not is_gone(token)

        process.stdin.close()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert is_gone(token)


def test_one_whose_number_another_process_has_now_is_gone(dead):
    assert is_gone(with_parts(dead, pid=str(os.getpid())))


def test_that_of_another_machine_or_container_of_the_same_name_can_t_be_told(dead):
    assert not is_gone(with_parts(dead, machine="0123abcd"))


def test_one_that_did_not_know_its_start_can_t_be_told(dead):
    assert not is_gone(with_parts(dead, started=""))


def test_one_that_is_hidden_from_this_process_is_not_gone(monkeypatch):
    token = with_parts(new_token(), pid=str(os.getppid()))
    monkeypatch.setattr(worker_tokens, "_process", lambda _: None)

    assert not is_gone(token)
