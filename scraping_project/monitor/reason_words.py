"""What each reason of the closed list means, and what to do, in a sentence each."""

from http import HTTPStatus
from typing import Final

MEANING: Final = {
    "dns": "the host has no address",
    "refused": "the host takes no connection",
    "reset": "the connection was cut",
    "timeout": "no answer in time",
    "tls": "the certificate or the handshake is not valid",
    "too_large": "the answer is larger than is taken",
    "truncated": "the answer ended before its end",
    "parse": "the answer could not be decoded",
    "robots": "robots.txt forbids it, or could not be had",
    "guard": "a rule of this installation forbids it",
    "budget": "as many pages as were asked for are there",
    "callback": "the spider's code raised an error",
    "pipeline": "a pipeline raised an error",
    "undecodable": "the request could not be read back from the queue",
    "deliveries": "workers died of it again and again",
}

ADVICE: Final = {
    "dns": "Check the host's name; retry when it is back.",
    "refused": "Retry when the server is up again.",
    "reset": "Retry; slow the site down when it comes again.",
    "timeout": "Retry when the site is faster, or raise DOWNLOAD_TIMEOUT.",
    "tls": "Look at the certificate; a retry helps once it is mended.",
    "too_large": "Raise DOWNLOAD_MAXSIZE, or leave these pages out.",
    "truncated": "Retry; the server or a proxy cuts its answers.",
    "parse": "Look at the answer: what does it say it is encoded in?",
    "robots": "Nothing, unless the site's owner allows more.",
    "guard": "Nothing, unless the rule is to be changed.",
    "budget": "Nothing: give -a max_pages a larger number to go on.",
    "callback": "Mend the spider, deploy it, and retry.",
    "pipeline": "Mend the pipeline or its store, and retry.",
    "undecodable": "Look at the letter: it comes of another version, or of another program.",
    "deliveries": "Look at the page: it may hang or crash a worker. Retry when that is mended.",
}

_HTTP: Final = {
    401: "Log in, or leave these pages out.",
    403: "The site does not want this crawler there: ask its owner.",
    404: "The page is gone: mend the link that leads there.",
    410: "The page is gone for good: mend the link that leads there.",
    429: "Slow the site down, and retry later.",
}
_SERVER_ERRORS: Final = 500


def meaning_of(reason: str) -> str:
    """What a reason means, in words."""
    if (code := _code(reason)) is None:
        return MEANING.get(reason, "")
    try:
        return f"the server answered {code} {HTTPStatus(code).phrase}"
    except ValueError:
        return f"the server answered {code}"


def advice_of(reason: str) -> str:
    """What to do about it, in a sentence."""
    if (code := _code(reason)) is None:
        return ADVICE.get(reason, "")
    if code in _HTTP:
        return _HTTP[code]
    return "Retry when the server is well again." if code >= _SERVER_ERRORS else "Look at a sample."


def _code(reason: str) -> int | None:
    digits = reason.removeprefix("http_")
    return int(digits) if digits != reason and digits.isascii() and digits.isdigit() else None
