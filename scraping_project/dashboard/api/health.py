"""Whether the installation is sound, for people's scripts and for load balancers."""

from dataclasses import dataclass

from litestar import Response, get

from scraping_project.dashboard.api.answers import Answer, answer, reads
from scraping_project.dashboard.reading import readings_of, stores_of
from scraping_project.dashboard.rendering import Asked
from scraping_project.monitor.health import findings
from scraping_project.monitor.node_health import NodeHealth, read_nodes

#: Seconds that a check of everything serves all who ask: it makes a table and drops it.
FRESH = 30.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked."""

    well: bool
    line: str  # what was found, and what to do when it is not well


@dataclass(frozen=True, slots=True)
class Health:
    """All that was checked."""

    well: bool
    checks: tuple[Check, ...]
    nodes: tuple[NodeHealth, ...]


def read_health(request: Asked) -> Health:
    """Checks everything, at most every 30 s."""
    stores, readings = stores_of(request), readings_of(request)
    checks = readings.of("checks", lambda: tuple(Check(*found) for found in findings(stores.settings)), FRESH)
    nodes = readings.of("nodes", lambda: read_nodes(stores), FRESH)
    return Health(all(check.well for check in checks), checks, nodes)


@reads("/health", "What `scrapy doctor` checks, at most 30 s old, and the nodes")
def health(request: Asked) -> Response[Answer[Health]]:
    return answer(request, read_health(request))


@get("/healthz", public=True, include_in_schema=False, sync_to_thread=False)
def alive() -> Response[str]:
    """Tells a load balancer that this process serves, whatever becomes of Redis and the database."""
    return Response("ok\n", media_type="text/plain")
