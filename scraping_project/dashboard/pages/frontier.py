"""The frontiers, and one of them: its ledger, workers, sites that wait, and dead letters."""

from typing import Any, cast
from urllib.parse import quote

from litestar import Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.exceptions import ClientException, NotFoundException, ServiceUnavailableException
from litestar.params import FromPath
from litestar.response import Redirect

from scraping_project.dashboard.forms import Form
from scraping_project.dashboard.journal import note
from scraping_project.dashboard.reading import shared, stores_of
from scraping_project.dashboard.rendering import Asked, page, see_other
from scraping_project.dashboard.threads import in_thread
from scraping_project.frontier.errors import FrontierError
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.keys import Keys
from scraping_project.monitor.frontiers import read_frontier, read_frontiers
from scraping_project.monitor.stores import Stores
from scraping_project.nodes.client import NodeError
from scraping_project.nodes.request_rules import RunRequestError
from scraping_project.operations import orders
from scraping_project.operations.resuming import ResumeError, run_for
from scraping_project.operations.starting import Started, start
from scraping_project.storage.errors import StorageError

WORDS = ("pause", "resume", "slow", "block", "unblock", "free")
ORDERINGS = ("queued", "wait")


@get("/frontier", include_in_schema=False)
@in_thread
def show_all(request: Asked) -> Response[Any]:
    found = shared(request, read_frontiers)
    return page(request, "frontiers.html", found=found, away=stores_of(request).away, api="/api/v1/frontiers")


@get("/frontier/{name:str}", include_in_schema=False)
@in_thread
def show(request: Asked, name: FromPath[str]) -> Response[Any]:
    keys = keys_of(request, name)
    by = request.query_params.get("by", "")
    slot = request.query_params.get("slot") or None
    found = shared(request, read_frontier, keys.name, by if by in ORDERINGS else ORDERINGS[0], slot)
    if found.view is not None and not found.exists:
        raise NotFoundException(f"There is no frontier {name!r}: /frontier lists them.")
    return page(
        request,
        "frontier.html",
        name=keys.name,
        found=found,
        view=found.view,
        by=by,
        slot=slot,
        away=stores_of(request).away,
        api=f"/api/v1/frontiers/{quote(keys.name)}",
    )


@post("/frontier/{name:str}/pause", include_in_schema=False)
async def pause(request: Asked, name: FromPath[str]) -> Redirect:
    return await _switch(request, name, "pause")


@post("/frontier/{name:str}/resume", include_in_schema=False)
async def resume(request: Asked, name: FromPath[str]) -> Redirect:
    return await _switch(request, name, "resume")


@post("/frontier/{name:str}/slots", include_in_schema=False)
async def order(request: Asked, name: FromPath[str]) -> Redirect:
    """Gives an order for a slot."""
    form = await Form.checked(request)
    keys, slot, word = keys_of(request, name), form.text("slot"), form.text("word")
    seconds = _seconds(form.text("seconds"))
    await sync_to_thread(give_order, request, keys, slot, word, seconds)
    return see_other(f"/frontier/{quote(keys.name)}?done=ordered")


@post("/frontier/{name:str}/start", include_in_schema=False)
async def start_run(request: Asked, name: FromPath[str]) -> Redirect:
    """Starts a run that goes on with the crawl."""
    await Form.checked(request)
    started = await sync_to_thread(resume_crawl, request, keys_of(request, name))
    return see_other(f"/runs/{quote(started.id)}?done=started")


def keys_of(request: Asked, name: str) -> Keys:
    """The keys of the frontier.

    Raises:
        ClientException: It is no name of one.
    """
    try:
        return stores_of(request).keys_of(name)
    except ValueError as error:
        raise ClientException(str(error)) from error


def switch(request: Asked, keys: Keys, word: str) -> None:
    """Pauses a frontier, or resumes it.

    Raises:
        ServiceUnavailableException: Redis does not answer.
    """
    try:
        stores_of(request).redis.demand(lambda server: getattr(Frontier(server, keys), word)())
    except FrontierError as error:
        raise ServiceUnavailableException(f"Nothing is changed: {error}") from error
    note(request, word, {"frontier": keys.name}, 1)


def give_order(request: Asked, keys: Keys, slot: str, word: str, seconds: float | None) -> dict[str, Any]:
    """Gives an order; returns what holds for the slot from now on.

    Raises:
        ClientException: There is no such order.
        ServiceUnavailableException: Redis does not answer.
    """
    if word not in WORDS:
        raise ClientException(f"{word[:30]!r} is no order: there are {', '.join(WORDS)}")
    said = cast("orders.Word", word)
    try:
        order = stores_of(request).redis.demand(
            lambda server: orders.give(Frontier(server, keys), slot, said, seconds)
        )
    except orders.OrderError as error:
        raise ClientException(str(error)) from error
    except FrontierError as error:
        raise ServiceUnavailableException(f"Nothing is changed: {error}") from error
    note(request, word, {"frontier": keys.name, "slot": slot}, 1)
    return dict(order)


def resume_crawl(request: Asked, keys: Keys) -> Started:
    """Starts a run that goes on with a frontier's crawl.

    Raises:
        ClientException: Nobody knows how, or it may not be asked for.
        ServiceUnavailableException: What is needed for it is away.
    """
    stores = stores_of(request)
    try:
        started = _resume(stores, keys)
    except (ResumeError, RunRequestError) as error:
        raise ClientException(str(error)) from error
    except (FrontierError, StorageError, NodeError) as error:
        raise ServiceUnavailableException(f"Nothing is started: {error}") from error
    note(request, "run", {"frontier": keys.name, "run": started.id, "where": started.where}, 1)
    return started


def _resume(stores: Stores, keys: Keys) -> Started:
    wanted = stores.redis.demand(
        lambda server: stores.database.demand(lambda engine: run_for(server, engine, keys))
    )
    return stores.database.demand(lambda engine: start(wanted, engine, stores.settings))


async def _switch(request: Asked, name: str, word: str) -> Redirect:
    await Form.checked(request)
    keys = keys_of(request, name)
    await sync_to_thread(switch, request, keys, word)
    return see_other(f"/frontier/{quote(keys.name)}?done={word}d")


def _seconds(text: str) -> float | None:
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise ClientException(f"{text[:30]!r} is no number of seconds") from None
