"""What was asked for, by whom, and what became of it."""

from typing import Any
from urllib.parse import quote

from litestar import Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.exceptions import ClientException, NotFoundException, ServiceUnavailableException
from litestar.params import FromPath
from litestar.response import Redirect

from scraping_project.dashboard.changing import cancel_action
from scraping_project.dashboard.forms import Form
from scraping_project.dashboard.reading import shared, stores_of
from scraping_project.dashboard.rendering import Asked, page, see_other
from scraping_project.dashboard.threads import in_thread
from scraping_project.monitor.actions import read_action, read_actions
from scraping_project.storage.errors import StorageError


@get("/actions", include_in_schema=False)
@in_thread
def show_all(request: Asked) -> Response[Any]:
    try:
        found = shared(request, read_actions, request.query_params.get("cursor") or None)
    except ValueError as error:
        raise ClientException(str(error)) from error
    return page(request, "actions.html", found=found, away=stores_of(request).away, api="/api/v1/actions")


@get("/actions/{action_id:str}", include_in_schema=False)
@in_thread
def show(request: Asked, action_id: FromPath[str]) -> Response[Any]:
    try:
        found = shared(request, read_action, action_id)
    except StorageError as error:
        raise ServiceUnavailableException(str(error)) from error
    if found is None:
        raise NotFoundException("There is no such action: /actions lists them.")
    api = f"/api/v1/actions/{quote(action_id)}"
    return page(request, "action.html", found=found, away=stores_of(request).away, api=api)


@post("/actions/{action_id:str}/cancel", include_in_schema=False)
async def cancel(request: Asked, action_id: FromPath[str]) -> Redirect:
    """Ends an action where it is: what it has done stays done."""
    await Form.checked(request)
    await sync_to_thread(cancel_action, request, action_id)
    return see_other(f"/actions/{quote(action_id)}")
