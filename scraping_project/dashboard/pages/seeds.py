"""Seeds: pasted or uploaded, looked at first, and then pushed."""

from typing import Any
from urllib.parse import quote

from litestar import Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.exceptions import ClientException, ServiceUnavailableException
from litestar.params import FromPath

from scraping_project.dashboard.forms import Form
from scraping_project.dashboard.journal import note
from scraping_project.dashboard.reading import stores_of
from scraping_project.dashboard.rendering import Asked, page, see_other
from scraping_project.dashboard.threads import in_thread
from scraping_project.frontier.errors import FrontierError
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.seeds import kind_of
from scraping_project.operations import seeds


@get("/frontier/{name:str}/seeds", include_in_schema=False)
@in_thread
def show(request: Asked, name: FromPath[str]) -> Response[Any]:
    _keys(request, name)
    return page(request, "seeds.html", name=name, text="", sorted_seeds=None)


@post("/frontier/{name:str}/seeds", include_in_schema=False, status_code=200)
async def push(request: Asked, name: FromPath[str]) -> Response[Any]:
    """Shows what the lines are, or pushes those that were shown."""
    form = await Form.checked(request)
    keys = _keys(request, name)
    text = form.text("seeds").encode(errors="replace")
    if upload := form.upload("file"):
        text += b"\n" + await upload.read()
    found = await sync_to_thread(seeds.sort, text.splitlines())
    if not found.seeds or not form.text("confirmed"):
        return page(
            request,
            "seeds.html",
            name=name,
            text=text.decode(errors="replace"),
            sorted_seeds=found,
            to_push=b"\n".join(found.seeds).decode(errors="replace"),
            status=200 if found.seeds else 400,
        )
    await sync_to_thread(push_seeds, request, keys, found.seeds)
    return see_other(f"/frontier/{quote(name)}?done=seeded")


def push_seeds(request: Asked, keys: Keys, found: tuple[bytes, ...]) -> None:
    """Pushes seeds.

    Raises:
        ServiceUnavailableException: Redis does not answer, or the key is something else.
    """
    stores = stores_of(request)
    try:
        stores.redis.demand(lambda server: seeds.push(server, keys, found, kind_of(stores.settings)))
    except FrontierError as error:
        raise ServiceUnavailableException(f"The seeds are not pushed: {error}") from error
    note(request, "seed", {"frontier": keys.name}, len(found))


def _keys(request: Asked, name: str) -> Keys:
    try:
        return stores_of(request).keys_of(name)
    except ValueError as error:
        raise ClientException(str(error)) from error
