"""Python values made to fit their columns, so that no page can make a batch fail."""

import json
import re
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, overload
from urllib.parse import urlsplit

import msgspec

CUT = "…"
INTEGER_LIMIT = 2**31 - 1
BIGINT_LIMIT = 2**63 - 1
MOMENT_LENGTH = len("2000-01-01 00:00:00.000000")  # a zone may follow
ENCODED_MOMENT_LENGTH = len('"2000-01-01T00:00:00.000000Z"')
_in_json = msgspec.json.Encoder().encode
LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """The text with U+FFFD for characters that UTF-8 cannot write; NUL stays."""
    return text if text.isascii() else LONE_SURROGATE.sub("\ufffd", text)


@overload
def fit(text: str, length: int) -> str: ...
@overload
def fit(text: None, length: int) -> None: ...
@overload
def fit(text: str | None, length: int) -> str | None: ...
def fit(text: str | None, length: int) -> str | None:
    """The text cut to so many characters, with a mark at its end when it was longer."""
    if text is None:
        return None
    # Cut first: cleaning keeps the length, and a hostile text may be long.
    return clean(text if len(text) <= length else text[: length - 1] + CUT)


def fit_identity(text: str, length: int, *, ascii_only: bool = False) -> str:
    """The text when it fits, else its beginning and a hash of the whole, so that two texts stay two."""
    cleaned = clean(text)
    # MySQL's comparison passes over spaces at the end.
    distinct = cleaned == text and not text.endswith(" ")
    if distinct and len(text) <= length and (text.isascii() or not ascii_only):
        return text
    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    head = cleaned[: length - 33]
    return f"{head.encode('ascii', 'replace').decode() if ascii_only else head}~{digest}"


def whole(number: int, limit: int = INTEGER_LIMIT) -> int:
    """The number, moved into the range of the column."""
    number = int(number)
    return number if -limit <= number <= limit else (limit if number > 0 else -limit)


def whole_or_none(number: int | None, limit: int = INTEGER_LIMIT) -> int | None:
    return None if number is None else whole(number, limit)


def naive_utc(moment: datetime) -> datetime:
    """The moment as the database keeps it; without a zone it counts as UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def moment_text(moment: datetime) -> str:
    """The moment as both databases read it; as texts, moments compare in the order of time."""
    if moment.tzinfo is UTC:
        encoded = _in_json(moment)  # far sooner than isoformat
        if len(encoded) == ENCODED_MOMENT_LENGTH:  # not of a full second
            text = encoded.decode()
            return f"{text[1:11]} {text[12:27]}"
    return naive_utc(moment).isoformat(" ", "microseconds")[:MOMENT_LENGTH]


def compact_json(value: Any) -> str:
    try:
        return _in_json(value).decode()
    except (UnicodeEncodeError, OverflowError):  # lone surrogates, integers of more than 64 bits
        return clean(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


@lru_cache(maxsize=1024)  # a page's site and its log ask one after the other
def url_hash(url: str) -> bytes:
    """The identity of a URL: a hash of the whole, even where the column holds a part."""
    return sha256(clean(url).encode()).digest()[:16]


def host_of(url: str) -> str:
    """The URL's host in lower case, empty when it has none or cannot be read."""
    if url.startswith(("http://", "https://")):  # nothing after the third slash matters
        end = url.find("/", len("https://"))
        return _host_of(url if end < 0 else url[:end])
    return _host_of(url)


@lru_cache(maxsize=4096)
def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
