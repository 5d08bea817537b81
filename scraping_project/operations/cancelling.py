"""Ending runs."""

from sqlalchemy import Engine

from scraping_project.nodes.client import NodeError, Nodes
from scraping_project.storage.runs import KnownRun, ask_to_end, withdraw_run


def cancel(run: KnownRun, engine: Engine, nodes: Nodes) -> list[str]:
    """Asks a run to end, in its row and on its node; returns what nodes said that did not do as asked.

    Its process hears of it with its next heartbeat, wherever it is.

    Raises:
        StorageError: The database is away.
    """
    withdraw_run(engine, run.id, "cancelled", "before it started")
    ask_to_end(engine, run.id)
    if run.project is None:
        return []
    found, silent = nodes.with_run(run.id, node=run.node, host=run.host)
    said = list(map(str, silent))
    if found is not None and found[1] != "finished":
        try:
            found[0].cancel(run.id, project=run.project)
        except NodeError as error:
            said.append(str(error))
    return said
