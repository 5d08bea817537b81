"""Keeps web pages of others from driving Scrapyd through the browser of somebody who may."""

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from scrapyd.config import Config
from scrapyd.website import Root
from twisted.python.components import Componentized
from twisted.web import pages
from twisted.web.http import Request
from twisted.web.resource import Resource

from deploy.login import has_login


def guarded_root(config: Config, app: Componentized) -> Resource:
    """Builds Scrapyd's web root behind the gate; scrapyd.conf names it as ``webroot``."""
    return Gate(Root(config, app), any_host=has_login(config))


class Gate(Resource):
    """Answers 403 to a foreign Origin and, without a login, to a foreign Host.

    It does not know who asks: that is the login's work.
    """

    def __init__(self, guarded: Any, *, any_host: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted types its methods in part
        self.guarded = guarded
        self.any_host = any_host

    def getChildWithDefault(self, path: bytes, request: Request) -> Any:  # noqa: N802 - Twisted's name
        host, origin = request.getHeader("host") or "", request.getHeader("origin")
        # A name of the attacker's that resolves to 127.0.0.1 makes his page same-origin: only Host shows it.
        if not self.any_host and not is_loopback(host):
            return pages.forbidden(
                message=f"Without a password Scrapyd answers to 127.0.0.1, not to {host!r}."
            )
        if origin not in {None, f"http://{host}", f"https://{host}"}:
            return pages.forbidden(message=f"Scrapyd takes no requests from pages of {origin!r}.")
        return self.guarded.getChildWithDefault(path, request)


def is_loopback(host: str) -> bool:
    """Tells whether a Host header names this machine itself."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
