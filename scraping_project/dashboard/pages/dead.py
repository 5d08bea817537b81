"""Dead letters of a frontier, and putting some of them back."""

from typing import Any
from urllib.parse import quote

from litestar import Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.exceptions import ClientException
from litestar.params import FromPath
from litestar.response import Redirect

from scraping_project.dashboard.changing import keys_of, put_back
from scraping_project.dashboard.forms import Form
from scraping_project.dashboard.reading import shared, stores_of
from scraping_project.dashboard.rendering import Asked, page, see_other
from scraping_project.dashboard.threads import in_thread
from scraping_project.frontier.errors import FrontierError
from scraping_project.monitor.frontiers import read_letters

#: Letters that are put back at once.
MOST = 1_000


@get("/frontier/{name:str}/dead", include_in_schema=False)
@in_thread
def show(request: Asked, name: FromPath[str]) -> Response[Any]:
    keys = keys_of(request, name)
    reason, slot = (request.query_params.get(field) or None for field in ("reason", "slot"))
    try:
        found = shared(request, read_letters, keys.name, reason, slot, request.query_params.get("after", ""))
    except FrontierError as error:
        raise ClientException(str(error)) from error
    return page(
        request,
        "dead.html",
        name=keys.name,
        found=found,
        reason=reason,
        slot=slot,
        away=stores_of(request).away,
        api=f"/api/v1/frontiers/{quote(keys.name)}/dead",
    )


@post("/frontier/{name:str}/requeue", include_in_schema=False)
async def requeue(request: Asked, name: FromPath[str]) -> Redirect:
    """Puts back the letters that were picked."""
    form = await Form.checked(request)
    keys = keys_of(request, name)
    ids = [int(text) for text in form.texts("id") if text.isdecimal() and len(text) < 14]  # noqa: PLR2004  5 bytes
    if not ids:
        raise ClientException("no letter was picked: pick some and send the form again")
    await sync_to_thread(put_back, request, keys, ids[:MOST])
    return see_other(f"/frontier/{quote(keys.name)}?done=requeued")
