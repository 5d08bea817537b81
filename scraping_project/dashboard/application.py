"""The application: its handlers, who they let in, and what becomes of errors."""

import logging
from http import HTTPStatus
from importlib.resources import files
from typing import Any

from litestar import Litestar, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException, NotAuthorizedException, ValidationException
from litestar.static_files import create_static_files_router

from scraping_project.dashboard.admission import API, Door, admit
from scraping_project.dashboard.api.health import alive
from scraping_project.dashboard.api.router import OPENAPI, router
from scraping_project.dashboard.background import Background
from scraping_project.dashboard.exports import export
from scraping_project.dashboard.gatekeeper import Gatekeeper
from scraping_project.dashboard.metrics import metrics
from scraping_project.dashboard.pages import handlers
from scraping_project.dashboard.pages.login import login_page
from scraping_project.dashboard.rendering import Asked, bare_page
from scraping_project.monitor.shared_reading import SharedReading
from scraping_project.monitor.stores import Stores

logger = logging.getLogger(__name__)

#: Bytes of a form at the most: a file of seeds is sent in one.
LARGEST_FORM = 32 * 1024 * 1024


def application(stores: Stores, door: Door) -> Gatekeeper:
    """Builds the whole of it, from the gatekeeper down."""
    background = Background(stores)
    state = State({"stores": stores, "door": door, "readings": SharedReading(), "work": background})
    app = Litestar(
        route_handlers=[*handlers(), router(), alive, metrics, export, _static()],
        guards=[admit],
        exception_handlers={Exception: _problem},
        state=state,
        openapi_config=OPENAPI,
        logging_config=None,
        request_max_body_size=LARGEST_FORM,
        on_startup=[background.start],
        on_shutdown=[background.stop, stores.close],
    )
    return Gatekeeper(app, any_host=door.accounts.wanted)


def _static() -> Any:
    return create_static_files_router(
        path="/static",
        directories=[str(files("scraping_project.dashboard") / "static")],
        opt={"public": True},
        include_in_schema=False,
    )


def _problem(request: Asked, error: Exception) -> Response[Any]:
    """An error as a page, or as problem+json (RFC 9457) where the API was asked."""
    machine = request.url.path.startswith((API, "/metrics", "/healthz", "/export/"))
    if isinstance(error, NotAuthorizedException) and not machine:
        return login_page(request)
    status, what = 500, "Something went wrong in here; the dashboard's own log says what."
    headers: dict[str, str] = {}
    if isinstance(error, HTTPException):
        status, what, headers = error.status_code, _in_words(error), dict(error.headers or {})
    else:
        logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    title = _TITLES.get(status, "That did not work")
    if machine:
        body = {"type": "about:blank", "title": title, "status": status, "detail": what}
        if status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        return Response(body, status_code=status, headers=headers, media_type="application/problem+json")
    return bare_page("problem.html", status=status, headers=headers, code=status, title=title, what=what)


def _in_words(error: HTTPException) -> str:
    """What is wrong, with the name of each part of the request that is."""
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        return "; ".join(f"{part.get('key', 'the body')}: {part.get('message')}" for part in error.extra)
    return error.detail


_TITLES = {
    400: "That was not understood",
    401: "Log in first",
    403: "That is not allowed",
    404: "There is no such page",
    405: "That is not how this page is used",
    413: "That is too much at once",
    429: "Too many tries",
    500: "Something went wrong",
}
