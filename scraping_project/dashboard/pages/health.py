"""Whether the installation is sound: the checks of ``scrapy doctor`` as a page."""

from typing import Any

from litestar import Response, get

from scraping_project.dashboard.api.health import read_health
from scraping_project.dashboard.reading import stores_of
from scraping_project.dashboard.rendering import Asked, page
from scraping_project.dashboard.threads import in_thread


@get("/health", include_in_schema=False)
@in_thread
def show(request: Asked) -> Response[Any]:
    found = read_health(request)
    return page(request, "health.html", found=found, away=stores_of(request).away, api="/api/v1/health")
