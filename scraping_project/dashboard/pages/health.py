"""Whether the installation is sound: the checks of ``scrapy doctor`` as a page."""

from typing import Any

from litestar import Response, get

from scraping_project.dashboard.reading import readings_of, stores_of
from scraping_project.dashboard.rendering import Asked, page
from scraping_project.monitor.health import findings
from scraping_project.monitor.node_health import read_nodes

#: Seconds that a check of everything serves all viewers: it makes a table and drops it.
FRESH = 30.0


@get("/health", include_in_schema=False, sync_to_thread=True)
def show(request: Asked) -> Response[Any]:
    stores, readings = stores_of(request), readings_of(request)
    found = readings.of("health", lambda: list(findings(stores.settings)), FRESH)
    nodes = readings.of("nodes", lambda: read_nodes(stores), FRESH)
    return page(request, "health.html", found=found, nodes=nodes, away=stores.away, api="/api/v1/health")
