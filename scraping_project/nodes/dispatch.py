"""Puts runs on nodes, the emptiest first; posts a pending run again when its node is lost.

An id may be posted many times and to many nodes: the row of the run lets one of them start.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from scraping_project.nodes.client import NO_NODE, Node, NodeError, Nodes
from scraping_project.storage.runs import (
    AskedRun,
    KnownRun,
    RunTaken,
    ask_run,
    place_run,
    read_runs,
    withdraw_run,
)

#: A node gets so long to start a run before anybody asks for it. Safety does not depend on it.
GRACE = timedelta(seconds=5)


class Places:
    """The free places of all nodes that answer."""

    def __init__(self, nodes: Nodes) -> None:
        self.silent: list[NodeError] = []
        self._free: dict[Node, int] = {}
        for node in nodes:
            try:
                self._free[node] = node.free_places()
            except NodeError as error:
                self.silent.append(error)

    def emptiest_first(self) -> list[Node]:
        """The nodes, the one with most free places first."""
        return sorted(self._free, key=lambda node: -self._free[node])

    def take(self, node: Node) -> bool:
        """Counts one place of a node as taken; False when the run must wait there."""
        self._free[node] -= 1
        return self._free[node] >= 0

    def hold(self, run_id: str) -> bool:
        """Tells whether a run waits or runs on one of them: one may have ended there before it started."""
        return any(_state(node, run_id) in ("pending", "running") for node in self._free)


def offer(database: Engine, places: Places, run: AskedRun) -> tuple[Node, bool]:
    """Writes the run as pending and posts it to a node; returns that and whether it begins at once.

    The same run may be offered again and by others: it starts once.

    Raises:
        RunTaken: It has begun, or has ended.
        NodeError: No node takes it now; the run is pending.
    """
    ask_run(database, run)
    return _post(database, places, run)


def start(database: Engine, places: Places, run: AskedRun) -> tuple[Node, bool]:
    """Does as ``offer``, and withdraws a run that no node takes.

    Raises:
        NodeError: No node takes it; the run has failed.
    """
    try:
        return offer(database, places, run)
    except NodeError as error:
        withdraw_run(database, run.id, "failed", str(error))
        raise
    except KeyboardInterrupt:  # or it would be posted again when nobody wants it
        withdraw_run(database, run.id, "cancelled", "interrupted while it was posted")
        raise


def post_again(database: Engine, nodes: Nodes) -> Iterator[tuple[str, Node | NodeError]]:
    """Posts every pending run that its node has lost to a node that answers.

    Yields each run's id with the node that has it now, or with the reason why no node takes it. Such a run
    stays pending, and the others are posted.

    Raises:
        NodeError: No node answers.
    """
    long_ago = datetime.now(UTC).replace(tzinfo=None) - GRACE
    pending = [run for run in read_runs(database, outcomes=["pending"]) if run.started_at < long_ago]
    if not pending:
        return
    places = Places(nodes)
    if not places.emptiest_first():
        raise _none_takes_it(places.silent)
    for run in pending:
        if run.project and not places.hold(run.id):
            try:
                yield run.id, _post(database, places, _asked(run))[0]
            except RunTaken:
                continue
            except NodeError as error:
                yield run.id, error


def _state(node: Node, run_id: str) -> str | None:
    try:
        return node.known(run_id).currstate
    except NodeError:  # it has fallen silent; the row lets a run start only once
        return None


def _asked(run: KnownRun) -> AskedRun:
    return AskedRun(
        id=run.id,
        project=run.project or "",
        spider=run.spider,
        arguments=run.arguments,
        settings=run.settings,
        node=None,
        egg_version=run.egg_version,
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
                version=run.egg_version,
            )
        except NodeError as error:
            refusals.append(error)  # it may have taken the run; the row lets only one start
            continue
        return node, places.take(node)
    raise _none_takes_it(refusals)


def _none_takes_it(refusals: list[NodeError]) -> NodeError:
    return NodeError("; ".join(map(str, refusals)) or NO_NODE)
