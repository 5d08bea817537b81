"""The Scrapyd nodes: which answer, and how much room they have."""

from dataclasses import dataclass

from scraping_project.monitor.stores import Stores
from scraping_project.nodes.client import NodeError


@dataclass(frozen=True, slots=True)
class NodeHealth:
    """One node; None for the places of one that does not answer."""

    url: str
    free_places: int | None  # runs that would begin at once; below 0 when some wait
    why: str  # empty when it answers


def read_nodes(stores: Stores) -> tuple[NodeHealth, ...]:
    """Asks every node of SCRAPYD_URLS; none where it names none."""
    try:
        nodes = stores.nodes()
    except NodeError as error:
        return (NodeHealth("SCRAPYD_URLS", None, str(error)),)
    found = []
    for node in nodes:
        try:
            found.append(NodeHealth(node.url, node.free_places(), ""))
        except NodeError as error:
            found.append(NodeHealth(node.url, None, str(error)))
    return tuple(found)
