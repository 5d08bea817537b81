"""User names and passwords in URLs: taken out of them, and hidden in what people read."""

import re
from typing import Final

#: What stands in the place of a login.
HIDDEN: Final = "***@"

_LOGIN: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)@")  # up to the last @, as browsers read it
_IN_TEXT: Final = re.compile(r"(://)[^/?#\s]*@")

# In what is no URL, or JSON, which may write \/ for a slash: one as it ought to be; one that only looks so,
# with a slash or a space in a password that stands where a port would; one without a scheme.
_LIKE_A_LOGIN: Final = re.compile(
    r"""(:(?:\\?/){2})(?:[^/?#\s"]*|[^"/?#@\[:\n]*:(?![0-9]*(?:\\?[/?#\s"]|$))[^"\n]*)@"""
    r"""|(^|")[^\s"/@:]+:[^\s"/@]+@"""
)
_SECRET_HEADER: Final = re.compile(
    r"""("(?:proxy-)?(?:authorization|cookie)"\s*:\s*)"(?:[^"\\]|\\.)*(?:"|$)""", re.IGNORECASE
)


def split(url: str) -> tuple[str, str | None]:
    """The URL without its login, and the login as it stood there; None when it has none."""
    found = _LOGIN.match(url) if "@" in url else None
    return (found[1] + url[found.end() :], found[2]) if found else (url, None)


def hide(text: str) -> str:
    """The text with ``***`` for user and password in its URLs."""
    return _IN_TEXT.sub(rf"\1{HIDDEN}", text) if "@" in text else text


def hide_in_refused(text: str) -> str:
    """The same for a seed that is none: also what only looks like a login, and headers that hold secrets."""
    without = _LIKE_A_LOGIN.sub(lambda found: f"{found[1] or found[2] or ''}{HIDDEN}", text)
    return _SECRET_HEADER.sub(r'\1"***"', without)
