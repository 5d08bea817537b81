"""What is stored, and the history of a page."""

from typing import Any
from urllib.parse import quote

from litestar import Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.exceptions import ClientException
from litestar.response import Redirect

from scraping_project.dashboard.changing import ask_again
from scraping_project.dashboard.forms import Form
from scraping_project.dashboard.reading import shared, stores_of
from scraping_project.dashboard.rendering import Asked, page, see_other
from scraping_project.dashboard.threads import in_thread
from scraping_project.monitor.sites import SiteFilter, a_moment, read_site, read_sites


@get("/sites", include_in_schema=False)
@in_thread
def show_all(request: Asked) -> Response[Any]:
    fields = request.query_params
    try:
        changed, status = fields.get("changed"), fields.get("status")
        which = SiteFilter(
            domain=fields.get("domain") or None,
            status_class=int(status) if status else None,
            changed_since=a_moment(changed) if changed else None,
        )
        found = shared(request, read_sites, which, fields.get("cursor") or None)
    except ValueError as error:
        raise ClientException(str(error)) from error
    return page(
        request,
        "sites.html",
        found=found,
        which=which,
        changed=changed or "",
        away=stores_of(request).away,
        api=f"/api/v1/sites?{request.url.query}".rstrip("?"),
    )


@get("/sites/lookup", include_in_schema=False)
@in_thread
def show(request: Asked) -> Response[Any]:
    """One page, by its URL. One that was never answered can be pushed as a seed from here."""
    url = request.query_params.get("url", "").strip()
    if not url:
        raise ClientException("which URL? Give one with ?url=")
    found = shared(request, read_site, url)
    return page(
        request,
        "site.html",
        status=404 if found and not found.site else 200,
        url=url,
        found=found,
        frontiers=[keys.name for keys in stores_of(request).own_frontiers],
        away=stores_of(request).away,
        api=f"/api/v1/sites/lookup?url={quote(url, safe='')}",
    )


@post("/sites/again", include_in_schema=False)
async def again(request: Asked) -> Redirect:
    """Asks for a page again, past the dupe filter."""
    form = await Form.checked(request)
    url = form.text("url")
    done = await sync_to_thread(ask_again, request, url, form.text("frontier"), form.text("key"))
    return see_other(f"/sites/lookup?url={quote(url, safe='')}&done={done}")
