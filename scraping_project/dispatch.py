"""Puts runs on nodes, the emptiest first; posts a pending one again when its node is lost.

An id may be posted any number of times and to any number of nodes: the row of the run lets one of them start.
"""

import heapq
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from scraping_project.nodes import Node, NodeError, Nodes
from scraping_project.storage.runs import (
    AskedRun,
    KnownRun,
    RunTaken,
    ask_run,
    place_run,
    read_runs,
    withdraw_run,
)

#: So long a node gets to start a run before anybody asks whether it has it. Safety does not depend on it.
GRACE = timedelta(seconds=5)


class Places:
    """The free places of all nodes that answer."""

    def __init__(self, nodes: Nodes) -> None:
        self.silent: list[NodeError] = []
        self._heap: list[tuple[int, int, Node]] = []
        for number, node in enumerate(nodes):
            try:
                heapq.heappush(self._heap, (-node.free_places(), number, node))
            except NodeError as error:
                self.silent.append(error)

    def emptiest_first(self) -> Iterator[Node]:
        """The nodes, each once, the one with most free places first."""
        for _, _, node in sorted(self._heap, key=lambda entry: entry[:2]):
            yield node

    def take(self, taken: Node) -> bool:
        """Counts one place of a node as taken; False when the run will have to wait there."""
        entry = next(entry for entry in self._heap if entry[2] is taken)
        self._heap.remove(entry)
        self._heap.append((entry[0] + 1, *entry[1:]))
        return entry[0] < 0


def start(database: Engine, places: Places, run: AskedRun) -> tuple[Node, bool]:
    """Writes the run as pending and posts it to a node; returns that and whether it begins at once.

    Raises:
        NodeError: No node takes it; the run has failed.
    """
    ask_run(database, run)
    try:
        return _post(database, places, run)
    except NodeError as error:
        withdraw_run(database, run.id, "failed", str(error))
        raise


def post_again(database: Engine, nodes: Nodes) -> Iterator[tuple[str, Node]]:
    """Posts every pending run that its node has lost to a node that answers; yields each with it.

    Raises:
        NodeError: No node takes one; it stays pending.
    """
    long_ago = datetime.now(UTC).replace(tzinfo=None) - GRACE
    pending = [run for run in read_runs(database, outcomes=["pending"]) if run.started_at < long_ago]
    if not pending:
        return
    places = Places(nodes)
    for run in pending:
        if run.project and nodes.with_run(run.id, run.node)[0] is None:
            try:
                node, _ = _post(database, places, _asked(run))
            except RunTaken:
                continue
            yield run.id, node


def _asked(run: KnownRun) -> AskedRun:
    return AskedRun(
        id=run.id,
        project=run.project or "",
        spider=run.spider,
        arguments=run.arguments,
        settings=run.settings,
        node=None,
    )


def _post(database: Engine, places: Places, run: AskedRun) -> tuple[Node, bool]:
    refusals = list(places.silent)
    for node in places.emptiest_first():
        if not place_run(database, run.id, node.url):
            raise RunTaken(f"run {run.id} is pending no more")
        try:
            node.schedule(
                run.id,
                project=run.project,
                spider=run.spider,
                arguments=run.arguments,
                settings=run.settings,
            )
        except NodeError as error:
            refusals.append(error)  # it may have taken it all the same: the row lets only one start
            continue
        return node, places.take(node)
    raise NodeError("; ".join(map(str, refusals)) or "there is no node")
