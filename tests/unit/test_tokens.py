"""Whose process has ended is told by its token, of this machine's processes alone."""

import os
import subprocess
import sys

import pytest

from scraping_project.frontier import tokens
from scraping_project.frontier.tokens import is_gone, is_token, new_token, process_of


def with_parts(token, **changes):
    parts = dict(zip(("host", "machine", "pid", "started", "chance"), token.split(":"), strict=True))
    return ":".join((parts | changes).values())


@pytest.fixture(name="dead")
def a_process_that_has_ended():
    code = "from scraping_project.frontier.tokens import new_token; print(new_token())"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


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


def test_one_whose_number_another_process_has_now_is_gone(dead):
    assert is_gone(with_parts(dead, pid=str(os.getpid())))


def test_that_of_another_machine_or_container_of_the_same_name_can_t_be_told(dead):
    assert not is_gone(with_parts(dead, machine="0123abcd"))


def test_one_that_did_not_know_its_start_can_t_be_told(dead):
    assert not is_gone(with_parts(dead, started=""))


def test_one_that_is_hidden_from_this_process_is_not_gone(monkeypatch):
    token = with_parts(new_token(), pid=str(os.getppid()))
    monkeypatch.setattr(tokens, "_started", lambda _: "")

    assert not is_gone(token)
