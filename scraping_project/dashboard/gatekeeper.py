"""Before the application: pages of others are refused, and every answer gets the same headers."""

from typing import Any

from scraping_project.http.gate import Asked, refusal

#: Nothing but this server's own files; scripts and styles from files alone; in nobody's frame.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
]
_NO_STORE = (b"cache-control", b"no-store")


class Gatekeeper:
    """An ASGI application around another.

    It is outermost, so that the answers of the framework's own errors have the headers, too.
    """

    def __init__(self, app: Any, *, any_host: bool) -> None:
        self._app = app
        self._any_host = any_host

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", []), *HEADERS]
                if not any(name.lower() == b"cache-control" for name, _ in headers):
                    headers.append(_NO_STORE)
                message = {**message, "headers": headers}
            await send(message)

        if why := refusal(_asked(scope), any_host=self._any_host, server="The dashboard"):
            await _forbid(with_headers, why)
        else:
            await self._app(scope, receive, with_headers)


def _asked(scope: Any) -> Asked:
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return Asked(
        method=scope["method"],
        host=headers.get(b"host", ""),
        origin=headers.get(b"origin"),
        fetch_site=headers.get(b"sec-fetch-site"),
    )


async def _forbid(send: Any, why: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": f"{why}\n".encode()})
