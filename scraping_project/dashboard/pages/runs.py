"""The runs, one of them, and its log."""

from typing import Any

from litestar import Response, get
from litestar.exceptions import ClientException, NotFoundException, ServiceUnavailableException
from litestar.params import FromPath
from litestar.response import Stream

from scraping_project.dashboard.reading import shared, stores_of
from scraping_project.dashboard.rendering import Asked, page
from scraping_project.dashboard.streaming import in_pieces
from scraping_project.dashboard.threads import in_thread
from scraping_project.monitor.runs import (
    read_local_log,
    read_log,
    read_newest_runs,
    read_run,
    read_run_detail,
    whole_log,
)
from scraping_project.nodes.client import NodeError
from scraping_project.nodes.request_rules import check_run_id
from scraping_project.storage.errors import StorageError

OUTCOMES = ("pending", "running", "finished", "failed", "cancelled", "killed", "lost")


@get("/runs", include_in_schema=False)
@in_thread
def show_all(request: Asked) -> Response[Any]:
    outcome, spider = (request.query_params.get(name) or None for name in ("outcome", "spider"))
    try:
        cursor = request.query_params.get("cursor") or None
        found = shared(request, read_newest_runs, outcome if outcome in OUTCOMES else None, spider, cursor)
    except ValueError as error:
        raise ClientException(str(error)) from error
    return page(
        request,
        "runs.html",
        found=found,
        outcome=outcome,
        spider=spider or "",
        outcomes=OUTCOMES,
        away=stores_of(request).away,
        api="/api/v1/runs",
    )


@get("/runs/{run_id:str}", include_in_schema=False)
@in_thread
def show(request: Asked, run_id: FromPath[str]) -> Response[Any]:
    stores = stores_of(request)
    try:
        detail = shared(request, read_run_detail, run_id)
    except StorageError:
        return page(
            request, "run.html", run=None, detail=None, run_id=run_id, log=None, away=stores.away, api=None
        )
    run = detail.run if detail else None
    if run is None and (begun := read_local_log(stores, run_id)):  # its process has not written its row yet
        return page(
            request, "run.html", run=None, detail=None, run_id=run_id, log=begun, away=stores.away, api=None
        )
    if run is None:
        raise NotFoundException(f"There is no run {run_id!r}: /runs lists them.")
    log = shared(request, _log_of, run_id)
    return page(
        request,
        "run.html",
        run=run,
        detail=detail,
        run_id=run_id,
        log=log,
        away=stores.away,
        api=f"/api/v1/runs/{run_id}",
    )


@get("/runs/{run_id:str}/log.txt", include_in_schema=False)
@in_thread
def download_log(request: Asked, run_id: FromPath[str]) -> Stream:
    """The whole log, streamed from where it is."""
    try:
        run = read_run(stores_of(request), run_id)
        pieces = whole_log(stores_of(request), run) if run else None
    except (StorageError, NodeError) as error:
        raise ServiceUnavailableException(str(error)) from error
    if pieces is None:
        raise NotFoundException("There is no log of this run here.")
    headers = {"Content-Disposition": f'attachment; filename="{check_run_id(run_id)}.log"'}
    return Stream(in_pieces(pieces), media_type="text/plain; charset=utf-8", headers=headers)


def _log_of(stores: Any, run_id: str) -> Any:
    run = read_run(stores, run_id)
    return None if run is None else read_log(stores, run)
