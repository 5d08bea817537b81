"""Requests refused before Scrapyd sees them: from foreign web pages, and with bad names."""

import json
from collections.abc import Callable
from typing import Any

from scrapyd.config import Config
from scrapyd.website import Root
from twisted.python.components import Componentized
from twisted.web import pages
from twisted.web.http import BAD_REQUEST, Request
from twisted.web.resource import Resource

from deploy.scrapyd.login import login
from scraping_project.http.gate import Asked, refusal
from scraping_project.nodes.request_rules import RunRequestError, check_name, check_run_id, check_version

#: Fields that become parts of a path, a command line or a log, and the pattern of each.
NAMES: dict[bytes, Callable[[str], str]] = {
    b"project": lambda value: check_name("project", value),
    b"spider": lambda value: check_name("spider", value),
    b"version": check_version,
    b"_version": check_version,
    b"jobid": check_run_id,
    b"job": check_run_id,
}


def guarded_root(config: Config, app: Componentized) -> Resource:
    """Builds Scrapyd's web root behind the gate; scrapyd.conf names it as ``webroot``."""
    return Gate(Root(config, app), any_host=login(config) is not None)


class Gate(Resource):
    """Answers 403 to a foreign Origin and, without a login, to a foreign Host; 400 to a bad name.

    Logins are checked elsewhere.
    """

    def __init__(self, guarded: Any, *, any_host: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted types its methods in part
        self.guarded = guarded
        self.any_host = any_host

    def getChildWithDefault(self, path: bytes, request: Request) -> Any:  # noqa: N802 - Twisted's name
        asked = Asked(
            method=request.method.decode("latin-1"),
            host=request.getHeader("host") or "",
            origin=request.getHeader("origin"),
            fetch_site=request.getHeader("sec-fetch-site"),
        )
        if why := refusal(asked, any_host=self.any_host, server="Scrapyd"):
            return pages.forbidden(message=why)
        if wrong := wrong_name(request):
            return BadName(wrong)
        return self.guarded.getChildWithDefault(path, request)


class BadName(Resource):
    """Answers, in Scrapyd's form, that a name is bad and why."""

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, message: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the same
        self._answer = json.dumps({"status": "error", "message": message}).encode()

    def render(self, request: Request) -> bytes:
        request.setResponseCode(BAD_REQUEST)
        request.responseHeaders.setRawHeaders(b"Content-Type", [b"application/json"])
        return self._answer


def wrong_name(request: Request) -> str | None:
    """The fault of the first bad name in a request."""
    for name, check in NAMES.items():
        for value in (request.args or {}).get(name, []):
            try:
                check(value.decode())
            except (RunRequestError, UnicodeDecodeError) as error:
                return f"{name.decode()}: {error}"
    return None
