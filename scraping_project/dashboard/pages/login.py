"""Logging in and out."""

from typing import Any
from urllib.parse import quote

from litestar import Response, get, post
from litestar.exceptions import TooManyRequestsException
from litestar.response import Redirect

from scraping_project.dashboard.admission import address_of, door_of
from scraping_project.dashboard.forms import Form
from scraping_project.dashboard.rendering import Asked, bare_page, see_other
from scraping_project.dashboard.sessions import COOKIE, LASTS
from scraping_project.http.gate import SAFE_METHODS


@get("/login", public=True, include_in_schema=False)
async def show(request: Asked) -> Response[Any]:
    if not door_of(request).accounts.wanted:
        return see_other("/")
    return _form(next_page=own_page(request.query_params.get("next", "/")))


@post("/login", public=True, include_in_schema=False, status_code=200)
async def log_in(request: Asked) -> Response[Any]:
    form = await Form.of(request)
    door, name, next_page = door_of(request), form.text("name"), own_page(form.text("next"))
    if not door.accounts.wanted:
        return see_other("/")
    try:
        found = await door.log_in(address_of(request), name, form.text("password"))
    except TooManyRequestsException as error:
        problem = f"{error.detail[:1].upper()}{error.detail[1:]}."
        return _form(problem=problem, name=name, next_page=next_page, status=429, headers=error.headers)
    if found is None:
        return _form(problem="Name or password is wrong.", name=name, next_page=next_page, status=401)
    answer = Redirect(next_page, status_code=303)
    answer.set_cookie(
        key=COOKIE,
        value=door.sessions.begin(found),
        max_age=LASTS,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer


@post("/logout", for_viewers=True, include_in_schema=False)
async def log_out(request: Asked) -> Redirect:
    await Form.checked(request)
    answer = Redirect("/login", status_code=303)
    answer.delete_cookie(COOKIE)
    return answer


def login_page(request: Asked) -> Redirect:
    """Sends somebody who has not logged in to the form, and from there back to the page where they were."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    page = here if request.method in SAFE_METHODS else "/"  # a change is not made by going back to it
    return see_other(f"/login?next={quote(page, safe='')}")


def own_page(path: str) -> str:
    """The path, when it is one of this server; else the first page."""
    own = path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if own and path.isprintable() else "/"


def _form(
    *,
    next_page: str,
    problem: str = "",
    name: str = "",
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response[str]:
    return bare_page("login.html", status=status, headers=headers, problem=problem, name=name, next=next_page)
