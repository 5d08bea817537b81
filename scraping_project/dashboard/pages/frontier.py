"""The frontiers, and one of them: its ledger, workers, sites that wait, and dead letters."""

from typing import Any
from urllib.parse import quote

from litestar import Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.exceptions import ClientException, NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from scraping_project.dashboard.changing import give_order, keys_of, resume_crawl, switch
from scraping_project.dashboard.forms import Form
from scraping_project.dashboard.reading import shared, stores_of
from scraping_project.dashboard.rendering import Asked, page, see_other
from scraping_project.dashboard.threads import in_thread
from scraping_project.monitor.frontiers import read_frontier, read_frontiers

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
