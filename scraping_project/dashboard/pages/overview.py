"""The first page."""

from typing import Any

from litestar import Response, get

from scraping_project.dashboard.reading import shared, stores_of
from scraping_project.dashboard.rendering import Asked, page
from scraping_project.dashboard.threads import in_thread
from scraping_project.monitor.overview import read_overview


@get("/", include_in_schema=False)
@in_thread
def show(request: Asked) -> Response[Any]:
    found = shared(request, read_overview)
    return page(
        request,
        "overview.html",
        found=found,
        away=stores_of(request).away,
        api="/api/v1/overview",
    )
