"""Single attempts."""

from typing import Any

from litestar import Response, get
from litestar.exceptions import ClientException

from scraping_project.dashboard.reading import shared, stores_of
from scraping_project.dashboard.rendering import Asked, page
from scraping_project.dashboard.threads import in_thread
from scraping_project.monitor.logs import LogFilter, read_logs

STATUSES = ("success", "failed", "retried", "dead", "filtered")


@get("/logs", include_in_schema=False)
@in_thread
def show(request: Asked) -> Response[Any]:
    fields = request.query_params
    which = LogFilter(
        domain=fields.get("domain") or None,
        status=fields.get("status") or None,
        crawl_id=fields.get("crawl") or None,
        reason=fields.get("reason") or ("" if fields.get("crawl") else None),
    )
    try:
        found = shared(request, read_logs, which, fields.get("cursor") or None)
    except ValueError as error:
        raise ClientException(str(error)) from error
    return page(
        request,
        "logs.html",
        found=found,
        which=which,
        statuses=STATUSES,
        away=stores_of(request).away,
        api=f"/api/v1/logs?{request.url.query}".rstrip("?"),
    )
