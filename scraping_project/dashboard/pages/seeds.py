"""Seeds: pasted or uploaded, looked at first, and then pushed."""

from typing import Any
from urllib.parse import quote

from litestar import Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.params import FromPath

from scraping_project.dashboard.changing import keys_of, push_seeds
from scraping_project.dashboard.forms import Form
from scraping_project.dashboard.rendering import Asked, page, see_other
from scraping_project.dashboard.threads import in_thread
from scraping_project.operations import seeds


@get("/frontier/{name:str}/seeds", for_operators=True, include_in_schema=False)
@in_thread
def show(request: Asked, name: FromPath[str]) -> Response[Any]:
    keys_of(request, name)
    return page(request, "seeds.html", name=name, text="", sorted_seeds=None)


@post("/frontier/{name:str}/seeds", include_in_schema=False, status_code=200)
async def push(request: Asked, name: FromPath[str]) -> Response[Any]:
    """Shows what the lines are, or pushes those that were shown."""
    form = await Form.checked(request)
    keys = keys_of(request, name)
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
