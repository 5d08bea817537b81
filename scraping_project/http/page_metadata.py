"""From an answer to the Site that is stored of it."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime

from scrapy.http import Response

from scraping_project.items import NOT_MODIFIED, Link, Site


def site_of(
    response: Response,
    *,
    title: str | None = None,
    links: Iterable[Link] = (),
    links_left_out: int = 0,
) -> Site:
    """The Site of an answer: what its status line and headers say, and what the caller found in it.

    Args:
        response: The answer.
        title: Its title.
        links: What it links to, or as much of that as is kept.
        links_left_out: How many more there are.
    """
    return Site(
        url=response.url.partition("#")[0],
        status_code=response.status,
        title=title,
        content_type=content_type(response),
        content_hash=_content_hash(response),
        etag=_header(response, "ETag"),
        last_modified=_header(response, "Last-Modified"),
        links=list(links),
        links_left_out=links_left_out,
        depth=response.request.meta.get("depth") if response.request else None,
        scraped_at=datetime.now(UTC),
    )


def content_type(response: Response) -> str | None:
    """The answer's type/subtype, lower case, without parameters; None when the server sent none."""
    value = _header(response, "Content-Type") or ""
    return value.partition(";")[0].strip().lower() or None


def _content_hash(response: Response) -> str | None:
    if response.status == NOT_MODIFIED:
        return None  # it has no body of its own
    return hashlib.sha256(response.body).hexdigest()[:32]


def _header(response: Response, name: str) -> str | None:
    value = response.headers.get(name)
    return value.decode("latin-1").strip() if value is not None else None
