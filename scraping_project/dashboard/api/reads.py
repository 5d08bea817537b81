"""What may be read: the twin of every page."""

from datetime import datetime
from typing import Annotated, Literal

from litestar import Response
from litestar.exceptions import ClientException, NotFoundException, ServiceUnavailableException
from litestar.params import FromQuery, PathParameter, QueryParameter

from scraping_project.dashboard.api.answers import Answer, answer, bad_input_is_400, read, reads
from scraping_project.dashboard.changing import keys_of
from scraping_project.dashboard.places import place_of
from scraping_project.dashboard.reading import shared, stores_of
from scraping_project.dashboard.rendering import Asked
from scraping_project.frontier.errors import FrontierError
from scraping_project.monitor.actions import ActionDetail, Actions, read_action, read_actions
from scraping_project.monitor.failures import (
    DEFAULT_HOURS,
    FailureFilter,
    Failures,
    read_failures,
    read_samples,
)
from scraping_project.monitor.frontiers import (
    FrontierDetail,
    Frontiers,
    Letters,
    read_frontier,
    read_frontiers,
    read_letters,
)
from scraping_project.monitor.logs import LogFilter, Logs, read_logs
from scraping_project.monitor.overview import Overview, read_overview
from scraping_project.monitor.runs import (
    LogTail,
    RunDetail,
    Runs,
    read_log,
    read_newest_runs,
    read_run,
    read_run_detail,
)
from scraping_project.monitor.sites import SiteDetail, SiteFilter, Sites, read_site, read_sites
from scraping_project.monitor.stores import Stores
from scraping_project.storage.errors import StorageError
from scraping_project.storage.reading.failures import Samples
from scraping_project.storage.runs import KnownRun, Outcome

FrontierName = Annotated[str, PathParameter(max_length=64)]
RunId = Annotated[str, PathParameter(description="As /api/v1/runs lists it.", max_length=64)]


@reads("/overview", "Is anything wrong, how fast, how well, how much is left")
def overview(request: Asked) -> Response[Answer[Overview]]:
    return read(request, read_overview)


@reads("/frontiers", "All frontiers, each in a line")
def frontiers(request: Asked) -> Response[Answer[Frontiers]]:
    return read(request, read_frontiers)


@reads("/runs", "The newest runs")
def runs(
    request: Asked,
    outcome: FromQuery[Outcome | None] = None,
    spider: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Response[Answer[Runs]]:
    with bad_input_is_400():
        return read(request, read_newest_runs, outcome, spider, cursor)


@reads("/runs/{run_id:str}", "One run, how it compares with those before, and what failed in its crawl")
def run(request: Asked, run_id: RunId) -> Response[Answer[RunDetail]]:
    try:
        found = shared(request, read_run_detail, run_id)
    except StorageError as error:
        raise ServiceUnavailableException(str(error)) from error
    if found is None:
        raise NotFoundException(f"there is no run {run_id!r}")
    return answer(request, found)


@reads("/runs/{run_id:str}/log", "A run's log from a byte on, or its end")
def log(
    request: Asked, run_id: RunId, start: Annotated[int | None, QueryParameter(ge=0, le=2**53)] = None
) -> Response[Answer[LogTail]]:
    found = _run(request, run_id)
    return answer(request, shared(request, _log, found.id, start))


def _run(request: Asked, run_id: str) -> KnownRun:
    try:
        found = read_run(stores_of(request), run_id)
    except StorageError as error:
        raise ServiceUnavailableException(str(error)) from error
    if found is None:
        raise NotFoundException(f"there is no run {run_id!r}")
    return found


def _log(stores: Stores, run_id: str, start: int | None) -> LogTail:
    found = read_run(stores, run_id)
    return read_log(stores, found, start) if found else LogTail("", 0, 0, "there is no such run any more")


@reads("/frontiers/{name:str}", "One frontier: ledger, workers, the sites that wait and why")
def frontier(
    request: Asked,
    name: FrontierName,
    by: FromQuery[Literal["queued", "wait"]] = "queued",
    slot: Annotated[str | None, QueryParameter(max_length=255)] = None,
) -> Response[Answer[FrontierDetail]]:
    keys = keys_of(request, name)
    found = shared(request, read_frontier, keys.name, by, slot)
    if not found.exists:
        raise NotFoundException(f"there is no frontier {name!r}")
    return answer(request, found)


@reads("/frontiers/{name:str}/dead", "Dead letters, in no certain order")
def dead(
    request: Asked,
    name: FrontierName,
    reason: FromQuery[str | None] = None,
    slot: FromQuery[str | None] = None,
    after: FromQuery[str] = "",
) -> Response[Answer[Letters]]:
    try:
        return read(request, read_letters, keys_of(request, name).name, reason, slot, after)
    except FrontierError as error:
        raise ClientException(str(error)) from error


@reads("/failures", "What failed, by reason and site")
def failures(
    request: Asked,
    hours: Annotated[int, QueryParameter(ge=1, le=24 * 366)] = DEFAULT_HOURS,
    reason: FromQuery[str | None] = None,
    domain: FromQuery[str | None] = None,
    crawl: FromQuery[str | None] = None,
) -> Response[Answer[Failures]]:
    return read(request, read_failures, FailureFilter(hours, reason, domain, crawl))


@reads("/actions", "Who did what, the newest first")
def actions(request: Asked, cursor: FromQuery[str | None] = None) -> Response[Answer[Actions]]:
    with bad_input_is_400():
        return read(request, read_actions, cursor)


@reads("/actions/{action_id:str}", "One action, and what became of it")
def action(request: Asked, action_id: RunId) -> Response[Answer[ActionDetail]]:
    try:
        found = shared(request, read_action, action_id)
    except StorageError as error:
        raise ServiceUnavailableException(str(error)) from error
    if found is None:
        raise NotFoundException(f"there is no action {action_id!r}")
    return answer(request, found)


@reads("/failures/samples", "Single attempts that failed for a reason, the newest first")
def samples(
    request: Asked,
    *,
    reason: FromQuery[str],
    status: FromQuery[Literal["failed", "dead", "filtered"]] = "failed",
    domain: FromQuery[str | None] = None,
    hours: Annotated[int, QueryParameter(ge=1, le=24 * 366)] = DEFAULT_HOURS,
    before: Annotated[
        str, QueryParameter(description="Of the page before: its two parts with a blank.")
    ] = "",
) -> Response[Answer[Samples | None]]:
    return read(request, read_samples, FailureFilter(hours, reason, domain), status, place_of(before))


@reads("/logs", "Attempts, the newest first: of a domain, of a status, or of a crawl, a status and a reason")
def logs(
    request: Asked,
    *,
    domain: FromQuery[str | None] = None,
    status: FromQuery[str | None] = None,
    crawl: FromQuery[str | None] = None,
    reason: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Response[Answer[Logs]]:
    with bad_input_is_400():
        return read(request, read_logs, LogFilter(domain, status, crawl, reason), cursor)


@reads("/sites", "Pages: of a domain, of a class of status, or those that changed since a moment")
def sites(
    request: Asked,
    domain: FromQuery[str | None] = None,
    status: Annotated[int | None, QueryParameter(ge=1, le=5)] = None,
    changed: FromQuery[datetime | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Response[Answer[Sites]]:
    with bad_input_is_400():
        return read(request, read_sites, SiteFilter(domain, status, changed), cursor)


@reads("/sites/lookup", "One page by its URL, with its attempts and links")
def site(
    request: Asked, url: Annotated[str, QueryParameter(min_length=1, max_length=8_000)]
) -> Response[Answer[SiteDetail | None]]:
    return read(request, read_site, url)


HANDLERS = [
    overview,
    frontiers,
    frontier,
    dead,
    failures,
    samples,
    runs,
    run,
    log,
    logs,
    sites,
    site,
    actions,
    action,
]
