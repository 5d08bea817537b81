"""Conditional requests: a page is asked for only if it is no longer as it was stored."""

from scrapy import Request

#: RFC 9110, 13.1.
CONDITIONS = ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range")


def headers_of(etag: str | None, last_modified: str | None) -> dict[str, str]:
    """The headers that ask for what has changed since a page was answered with these validators.

    A validator that was cut to fit its column, or that may not come back byte by byte, is left out.
    """
    headers = {"If-None-Match": etag, "If-Modified-Since": last_modified}
    return {name: value for name, value in headers.items() if value and _is_whole(value)}


def drop(request: Request) -> None:
    """Take the conditions off: they speak of the page that redirected here (RFC 9110, 15.4)."""
    for name in CONDITIONS:
        request.headers.pop(name, None)


def _is_whole(validator: str) -> bool:
    return validator.isascii() and validator.isprintable()
