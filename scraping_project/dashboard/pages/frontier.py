"""The frontiers, and one of them: its ledger, workers, sites that wait, and dead letters."""

from typing import Any

from litestar import Response, get

from scraping_project.dashboard.reading import shared, stores_of
from scraping_project.dashboard.rendering import Asked, page
from scraping_project.dashboard.threads import in_thread
from scraping_project.monitor.frontiers import read_frontiers


@get("/frontier", include_in_schema=False)
@in_thread
def show_all(request: Asked) -> Response[Any]:
    found = shared(request, read_frontiers)
    return page(
        request,
        "frontiers.html",
        found=found,
        away=stores_of(request).away,
        api="/api/v1/frontiers",
    )
