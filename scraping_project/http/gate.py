"""Which requests a server of this project refuses before it looks at who asks.

A browser sends its user's logins along with the requests of any page. So a page of others is told by what the
browser itself writes, which no script can change: Host, Origin and Sec-Fetch-Site.
"""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

#: Methods that change nothing.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
#: What Sec-Fetch-Site is for the server's own pages, and for an address that was typed.
_OWN_SITES = frozenset({"same-origin", "none"})


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a request tells where it comes from; None for a header that it lacks."""

    method: str
    host: str
    origin: str | None
    fetch_site: str | None = None


def refusal(asked: Asked, *, any_host: bool, server: str) -> str | None:
    """Returns why a request is refused, in one line; None when it is not.

    Args:
        asked: The request.
        any_host: Whether the server asks for a login. Without one it answers to the names of loopback alone.
            An attacker's name that resolves to 127.0.0.1 makes his page same-origin, and only Host shows it.
        server: Who refuses, for the line.
    """
    if not any_host and not is_loopback(asked.host):
        return f"Without a password {server} answers to 127.0.0.1, not to {asked.host!r}."
    if asked.origin not in {None, f"http://{asked.host}", f"https://{asked.host}"}:
        return f"{server} takes no requests from pages of {asked.origin!r}."
    if asked.method not in SAFE_METHODS and asked.fetch_site not in {None, *_OWN_SITES}:
        return f"{server} takes no changes from pages of other sites."
    return None


def is_loopback(host: str) -> bool:
    """Tells whether a Host header names this machine itself."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
