"""Nodes that answer badly, and which of several is spoken to."""

import base64
from contextlib import ExitStack

import pytest
from scrapy.settings import Settings

from scraping_project.nodes import client
from scraping_project.nodes.client import Node, NodeError, Nodes
from tests.support.stand_in_node import IDLE, OK, stand_in_node


def knows(state, host="elsewhere"):
    return OK | {"currstate": state, "node_name": host}


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a", "a:6800", "http://", "http://[", "http://a:99999", "http://a:x", "http://a:0", "http://a/?x=1",
        "http://a/#x", "http://a b", "http://a\n", "http://u:canary@a", "http://:canary@a", "http://@a",
    ],
)  # fmt: skip
def test_what_is_no_url_of_a_node_is_refused_and_no_password_is_shown(url):
    with pytest.raises(NodeError, match="is no node: write http://host:6800") as refused:
        Node(url)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("password", ["word", "wörd", "w€rd"])
def test_a_login_of_any_letters_is_sent_as_scrapyd_compares_it(password):
    with stand_in_node() as node:
        assert Node(node.url, "user", password).free_places() == 1
        (login,) = node.logins
    assert base64.b64decode(login.removeprefix("Basic ")).decode() == f"user:{password}"


@pytest.mark.parametrize(
    "answer",
    [{}, [], OK, IDLE | {"running": "x"}, b"", b"<html>", b"\xff", b"[" * 100_000, OK | {"status": None}],
)
def test_an_answer_that_is_none_of_scrapyds_is_one_line(answer):
    with stand_in_node(daemonstatus=answer) as node, pytest.raises(NodeError, match="as Scrapyd does"):
        Node(node.url).free_places()


def test_a_state_that_nobody_knows_is_no_answer_of_scrapyds():
    with stand_in_node(status=knows("resting")) as node, pytest.raises(NodeError, match="as Scrapyd does"):
        Node(node.url).known("run")


def test_an_answer_that_is_too_large_is_not_read_to_its_end(monkeypatch):
    monkeypatch.setattr(client, "MOST_BYTES", 10_000)
    with (
        stand_in_node(daemonstatus=b" " * 100_000_000) as node,
        pytest.raises(NodeError, match="without an end"),
    ):
        Node(node.url).free_places()


def test_an_answer_that_dawdles_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(client, "MOST_SECONDS", -1)
    with stand_in_node() as node, pytest.raises(NodeError, match="without an end"):
        Node(node.url).free_places()


def test_a_log_that_is_not_there_yet_does_not_spoil_the_next_question():
    with stand_in_node() as served:
        node = Node(served.url)
        for _ in range(20):
            assert list(node.log("run", project="p", spider="s")) == []
            assert node.free_places() == 1


@pytest.mark.parametrize(
    ("states", "spoken_to"),
    [
        # The first is the one that the row names.
        ([knows("finished"), knows("running")], 1),
        ([knows("pending"), knows("running")], 1),
        ([knows("finished"), knows("pending")], 1),
        ([knows("finished"), knows("finished", "host")], 1),
        ([knows("finished"), knows("finished")], 0),
        ([knows(None), knows("finished")], 1),
        ([knows(None), knows(None)], None),
    ],
)
def test_of_the_nodes_that_know_a_run_the_one_that_crawls_is_spoken_to(states, spoken_to):
    with ExitStack() as stack:
        served = [stack.enter_context(stand_in_node(status=state)) for state in states]
        urls = [node.url for node in served]
        found, silent = Nodes.of(Settings(), ",".join(reversed(urls))).with_run(
            "run", node=urls[0], host="host"
        )
    assert silent == []
    expected = (urls[spoken_to], states[spoken_to]["currstate"]) if spoken_to is not None else None
    assert (found and (found[0].url, found[1])) == expected
