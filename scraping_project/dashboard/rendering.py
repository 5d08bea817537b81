"""Pages from templates."""

from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Request, Response
from litestar.enums import MediaType
from litestar.response import Redirect

from scraping_project import __version__
from scraping_project.dashboard import formats
from scraping_project.dashboard.admission import door_of, session_of
from scraping_project.dashboard.notices import notice_of
from scraping_project.monitor.reason_words import advice_of, meaning_of
from scraping_project.monitor.slot_words import because

Asked = Request[Any, Any, Any]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("scraping_project.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("number", "percent", "size", "span", "ago", "moment", "iso"):
        environment.filters[name] = getattr(formats, name)
    environment.filters["web"] = web_address
    environment.globals.update(
        version=__version__,
        unknown=formats.UNKNOWN,
        meaning=meaning_of,
        advice=advice_of,
        because=because,
        form_key=form_key,
    )
    return environment


def page(
    request: Asked, template: str, *, status: int = 200, headers: dict[str, str] | None = None, **content: Any
) -> Response[str]:
    """Returns a page for whoever was admitted.

    Args:
        request: The one that is answered.
        template: A file of ``templates``.
        status: Of the answer.
        headers: Further ones of the answer.
        content: What the template shows.
    """
    session = session_of(request)
    door = door_of(request)
    shown = {
        "identity": session.identity,
        "logins": door.accounts.wanted,
        "form_token": door.sessions.form_token(session.id),
        "base_url": str(request.base_url).rstrip("/"),
        "path": request.url.path,
        "query": request.url.query,
        "with_query": lambda **changed: with_query(request, **changed),
        "notice": notice_of(request.query_params.get("done")),
        "now": datetime.now(UTC),
        **content,
    }
    return bare_page(template, status=status, headers=headers, **shown)


def bare_page(
    template: str, *, status: int = 200, headers: dict[str, str] | None = None, **content: Any
) -> Response[str]:
    """Returns a page for anybody."""
    text = _environment().get_template(template).render(content)
    return Response(text, status_code=status, headers=headers, media_type=MediaType.HTML)


def see_other(path: str) -> Redirect:
    """Sends the reader of a form that was sent to a page that may be reloaded."""
    return Redirect(path, status_code=303)


def with_query(request: Asked, **changed: Any) -> str:
    """The address that is shown, with parameters changed, or left out where they are None or empty."""
    fields = {**request.query_params.dict(), **changed}
    kept = {name: value for name, value in fields.items() if value not in (None, "", [])}
    return f"{request.url.path}?{urlencode(kept, doseq=True)}" if kept else request.url.path


def form_key(*parts: object) -> str:
    """The key of a form that asks for something: the same within a minute, so that two presses are one."""
    return sha256(repr((*parts, f"{datetime.now(UTC):%Y%m%d%H%M}")).encode()).hexdigest()[:32]


def web_address(url: str) -> str | None:
    """The URL, when it may be followed from a page: no other scheme than http and https."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.netloc else None
