"""Starting runs, and ending them."""

from typing import Any
from urllib.parse import quote

from litestar import Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.params import FromPath
from litestar.response import Redirect

from scraping_project.dashboard.changing import cancel_run as cancel_known
from scraping_project.dashboard.changing import known_run, start_wanted
from scraping_project.dashboard.forms import Form
from scraping_project.dashboard.journal import note
from scraping_project.dashboard.reading import stores_of
from scraping_project.dashboard.rendering import Asked, page, see_other
from scraping_project.dashboard.threads import in_thread
from scraping_project.nodes.client import NodeError
from scraping_project.nodes.request_rules import RunRequestError
from scraping_project.operations.starting import Wanted
from scraping_project.storage.errors import StorageError


@get("/runs/new", for_operators=True, include_in_schema=False)
@in_thread
def form_for_run(request: Asked) -> Response[Any]:
    """The form, filled in with a run that is to be run again where one is named."""
    stores, again = stores_of(request), request.query_params.get("again", "")
    run = known_run(stores, again) if again else None
    return _form(
        request,
        spider=run.spider if run else request.query_params.get("spider", ""),
        arguments=lines_of(run.arguments) if run else request.query_params.get("arguments", ""),
        settings=lines_of(run.settings) if run else "",
    )


@post("/runs", include_in_schema=False, status_code=200)
async def start_run(request: Asked) -> Response[Any]:
    form = await Form.checked(request)
    typed = {name: form.text(name) for name in ("spider", "arguments", "settings")}
    try:
        wanted = Wanted(typed["spider"], pairs(typed["arguments"]), pairs(typed["settings"]))
        if wanted.spider not in stores_of(request).spiders:
            known = ", ".join(stores_of(request).spiders)
            raise RunRequestError(f"there is no spider {wanted.spider!r}: there are {known}")  # noqa: TRY301
        started = await sync_to_thread(start_wanted, stores_of(request), wanted)
    except (RunRequestError, NodeError, StorageError) as error:
        return _form(request, **typed, problem=str(error), status=400)
    what = {"spider": wanted.spider, "run": started.id, "where": started.where}
    await sync_to_thread(note, request, "run", what, 1)
    return see_other(f"/runs/{quote(started.id)}?done=started")


@get("/runs/{run_id:str}/cancel", for_operators=True, include_in_schema=False)
@in_thread
def ask_to_cancel(request: Asked, run_id: FromPath[str]) -> Response[Any]:
    return page(request, "cancel.html", run=known_run(stores_of(request), run_id))


@post("/runs/{run_id:str}/cancel", include_in_schema=False)
async def cancel_run(request: Asked, run_id: FromPath[str]) -> Redirect:
    await Form.checked(request)
    await sync_to_thread(cancel_known, stores_of(request), run_id)
    await sync_to_thread(note, request, "cancel", {"run": run_id}, 1)
    return see_other(f"/runs/{quote(run_id)}?done=cancelled")


def pairs(text: str) -> dict[str, str]:
    """The names and values of lines such as ``max_pages=100``.

    Raises:
        RunRequestError: A line is no such pair.
    """
    found = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, equals, value = line.partition("=")
        if not equals:
            raise RunRequestError(f"{line[:100]!r} is no NAME=VALUE")
        found[name.strip()] = value.strip()
    return found


def lines_of(given: Any) -> str:
    return "\n".join(f"{name}={value}" for name, value in given.items())


def _form(
    request: Asked, *, spider: str, arguments: str, settings: str, problem: str = "", status: int = 200
) -> Response[Any]:
    return page(
        request,
        "run_form.html",
        status=status,
        spiders=stores_of(request).spiders,
        spider=spider,
        arguments=arguments,
        settings=settings,
        problem=problem,
    )
