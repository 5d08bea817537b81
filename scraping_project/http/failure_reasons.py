"""Which of the closed list of reasons an exception means."""

import errno
import re
from gzip import BadGzipFile

from OpenSSL import SSL
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadTimeoutError,
    IgnoreRequest,
    NotSupported,
    ResponseDataLossError,
    UnsupportedURLSchemeError,
)
from service_identity import VerificationError
from twisted.internet.error import (
    ConnectError,
    ConnectionClosed,
    ConnectionRefusedError,  # noqa: A004  Twisted's own, which is not the builtin
    DNSLookupError,
    TimeoutError,  # noqa: A004  the same
)
from twisted.web._newclient import ResponseFailed  # Scrapy imports it from here too

from scraping_project import logins

_BY_TYPE: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((CannotResolveHostError, DNSLookupError), "dns"),
    ((DownloadConnectionRefusedError, ConnectionRefusedError), "refused"),
    ((DownloadTimeoutError, TimeoutError), "timeout"),
    ((SSL.Error, VerificationError), "tls"),
    ((DownloadCancelledError,), "too_large"),
    ((ResponseDataLossError,), "truncated"),
    ((NotSupported, UnsupportedURLSchemeError), "guard"),
    ((BadGzipFile,), "parse"),  # though an OSError
)
_REFUSED_ERRNOS = frozenset({errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL})

#: Characters of an error's text that are kept.
LONGEST = 4_000


class Filtered(IgnoreRequest):
    """The request was not sent, by a rule of ours: ``robots``, ``guard`` or ``budget``."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class RobotsUnavailable(Filtered):
    """The site could not say what its robots.txt allows: nothing, until it can (RFC 9309, 2.3.1.4)."""

    def __init__(self, message: str) -> None:
        super().__init__("robots", message)


def of_download(error: BaseException) -> str:
    """The reason for a download that failed.

    Scrapy wraps Twisted's errors, and Twisted wraps several into one: the innermost that is known wins.
    """
    if isinstance(error, Filtered):
        return error.reason
    for each in reversed(_chain(error)):
        for types, reason in _BY_TYPE:
            if isinstance(each, types):
                return reason
        if isinstance(each, ConnectError):
            return "refused" if each.osError in _REFUSED_ERRNOS else "reset"
    if isinstance(error, (OSError, ConnectionClosed)) or any(
        isinstance(each, ConnectionClosed) for each in _chain(error)
    ):
        return "reset"
    return "parse"


def of_status(status: int) -> str:
    return f"http_{status:03d}"


def describe(error: BaseException) -> str:
    """One line for people: type and text, cut where long, without control characters and logins."""
    text = text_of(error)
    text = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    text = re.sub(r"[\x00-\x1f\x7f]+", " ", text).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def text_of(error: BaseException) -> str:
    """What an error says, without the logins of its URLs."""
    return logins.hide(str(error))


def _chain(error: BaseException) -> list[BaseException]:
    """The error and everything it was made of, outermost first."""
    chain = [error]
    for each in chain:
        inner = [failure.value for failure in each.reasons] if isinstance(each, ResponseFailed) else []
        if each.__cause__ is not None:
            inner.append(each.__cause__)
        chain.extend(known for known in inner if known not in chain)
    return chain
