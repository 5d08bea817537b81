"""What waits on a node that lost it is posted again, and one that cannot be keeps no other from it."""

from datetime import UTC, datetime, timedelta

import pytest
from scrapy.settings import Settings
from sqlalchemy import update

from scraping_project.nodes import dispatch
from scraping_project.nodes.client import Node, NodeError, Nodes
from scraping_project.storage.runs import AskedRun, ask_run, read_runs
from scraping_project.storage.tables import runs
from scraping_project.storage.transactions import writing
from testing.servers import free_port
from tests.support.stand_in_node import OK, stand_in_node


def waits(engine, run_id, **changes):
    """Write a run that has waited for some time."""
    values = {"project": "p", "spider": "links", "arguments": {}, "settings": {}, "node": "http://gone"}
    ask_run(engine, AskedRun(id=run_id, **(values | changes)))
    with writing(engine) as connection:
        connection.execute(update(runs).values(started_at=datetime.now(UTC) - timedelta(minutes=1)))


def nodes_at(*urls):
    return Nodes.of(Settings(), ",".join(urls))


def post_again(engine, *urls):
    return {run_id: getattr(now, "url", None) for run_id, now in dispatch.post_again(engine, nodes_at(*urls))}


@pytest.mark.parametrize(
    ("state", "is_posted"), [(None, True), ("finished", True), ("pending", False), ("running", False)]
)
def test_a_run_that_no_node_will_start_is_posted_again(engine, state, is_posted):
    waits(engine, "run")
    with stand_in_node(status=OK | {"currstate": state}, schedule=OK) as node:
        assert post_again(engine, node.url) == ({"run": node.url} if is_posted else {})
        assert len(node.posted("schedule.json")) == is_posted


def test_a_run_that_no_node_takes_waits_on_and_keeps_no_other_from_being_posted(engine):
    waits(engine, "poison", project="deleted")
    waits(engine, "run")
    refusal = {"status": "error", "message": "project 'deleted' not found"}
    with stand_in_node(schedule=OK) as taking, stand_in_node(schedule=refusal) as refusing:
        taken = post_again(engine, refusing.url)
        assert taken == {"poison": None, "run": None}
        assert {run.outcome for run in read_runs(engine)} == {"pending"}
        assert post_again(engine, refusing.url, taking.url) == {"poison": taking.url, "run": taking.url}


def test_a_run_is_posted_again_as_it_was_asked_for(engine):
    waits(engine, "run", arguments={"a": "1"}, settings={"DOWNLOAD_DELAY": "2"}, egg_version="v1")
    with stand_in_node(schedule=OK) as node:
        post_again(engine, node.url)
        (fields,) = node.posted("schedule.json")
    assert fields == {
        "project": ["p"], "spider": ["links"], "jobid": ["run"], "a": ["1"],
        "setting": ["DOWNLOAD_DELAY=2"], "_version": ["v1"],
    }  # fmt: skip


def test_where_no_node_answers_that_is_said_once_however_many_runs_wait(engine):
    for number in range(50):
        waits(engine, f"run-{number}")
    with pytest.raises(NodeError, match="does not answer"):
        post_again(engine, f"http://127.0.0.1:{free_port()}")
    assert {run.outcome for run in read_runs(engine)} == {"pending"}


def test_the_emptiest_node_comes_first_until_its_places_are_taken(engine):
    def load(places):
        return OK | {"running": 0, "pending": 0, "max_proc": places}

    with stand_in_node(daemonstatus=load(1)) as small, stand_in_node(daemonstatus=load(2)) as large:
        places = dispatch.Places(nodes_at(small.url, large.url))
        taken = []
        for _ in range(4):
            node = places.emptiest_first()[0]
            taken.append((node.url, places.take(node)))
    assert taken[0] == (large.url, True)
    assert {url for url, _ in taken[1:3]} == {small.url, large.url}
    assert [at_once for _, at_once in taken] == [True, True, True, False]


def test_a_run_that_was_interrupted_while_it_was_posted_never_starts(engine, monkeypatch):
    def interrupted(*_args, **_more):
        raise KeyboardInterrupt

    monkeypatch.setattr(Node, "schedule", interrupted)
    with stand_in_node(schedule=OK) as node:
        places = dispatch.Places(nodes_at(node.url))
        asked = AskedRun(id="run", project="p", spider="s", arguments={}, settings={}, node=None)
        with pytest.raises(KeyboardInterrupt):
            dispatch.start(engine, places, asked)
    assert read_runs(engine)[0].outcome == "cancelled"
