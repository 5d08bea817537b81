"""Request <-> bytes: msgpack, never pickle; what cannot be resumed is refused with the fix."""

import inspect
from typing import Any

import msgspec
from scrapy import Request, Spider
from scrapy.http import FormRequest, JsonRequest, XmlRpcRequest
from scrapy.utils.request import request_from_dict

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder()

#: What a queue may name as a request's class: never anything else that can be imported.
_CLASSES = {
    f"{cls.__module__}.{cls.__name__}": cls for cls in (Request, FormRequest, JsonRequest, XmlRpcRequest)
}
#: What reading bytes that nobody of us wrote may raise.
_MALFORMED = (msgspec.DecodeError, TypeError, ValueError, AttributeError, KeyError, RecursionError)
_SAME = frozenset({str, bytes, int, float, bool, type(None)})
_DEFAULTS: dict[str, Any] = Request("data:,").to_dict() | {"url": None}
_ROLES = ("callback", "errback")
#: The class of what was refused: of none of its kind is a request ever made. Frontiers hold this name.
_REFUSED = "refused seed"
#: So much of a refused URL or seed is kept, characters.
MAX_REFUSED = 8_000
_SIMPLE = {name: value for name, value in _DEFAULTS.items() if name not in ("url", *_ROLES)}


class Unstorable(ValueError):  # noqa: N818  named for what the request is
    """The request can't be written down; the message names what and the fix."""


class TooLarge(ValueError):  # noqa: N818  the same
    """The request takes more bytes than the frontier keeps of one; the message names it and the fix."""


class Undecodable(ValueError):  # noqa: N818  the same
    """The bytes hold no request that this spider can resume."""


def encode(request: Request, spider: Spider) -> bytes:
    """Write a request as msgpack.

    Raises:
        Unstorable: A callback is not a method of the spider, or meta or cb_kwargs hold more than plain data.
    """
    try:
        fields = _fields(request, spider)
    except ValueError as error:
        raise Unstorable(f"{error}: make it a method of the spider") from error
    if fields.get("_class", "") not in ("", *_CLASSES):
        raise Unstorable(f"{fields['_class']} is not one of Scrapy's request classes: yield one of those")
    try:
        return _encoder.encode(_plain(fields))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Unstorable(f"{error}: keep meta and cb_kwargs to plain data") from error


def _fields(request: Request, spider: Spider) -> dict[str, Any]:
    """What of a request is not as by default."""
    methods = {role: _method_name(spider, getattr(request, role)) for role in _ROLES}
    if type(request) is not Request or "" in methods.values():
        given = request.to_dict(spider=spider)
        return {name: value for name, value in given.items() if value != _DEFAULTS.get(name)}
    fields: dict[str, Any] = {"url": request.url}
    for name, default in _SIMPLE.items():
        if (value := getattr(request, name)) != default:
            fields[name] = dict(value) if name == "headers" else value
    return fields | {role: name for role, name in methods.items() if name}


def _method_name(spider: Spider, function: object) -> str | None:
    """The name of a spider's method, without a search among all of them; empty when it has another."""
    if function is None:
        return None
    name: str = getattr(function, "__name__", "")
    own = getattr(spider, name, None) if name else None
    return name if inspect.ismethod(own) and own == function else ""


def decode(payload: bytes, spider: Spider) -> Request:
    """Read what ``encode`` wrote.

    Raises:
        Undecodable: Not such bytes, what was refused, an unknown class, or a callback that the spider has not
            (any more).
    """
    try:
        fields = _decoder.decode(payload)
        for role in _ROLES:
            _check_method(spider, fields.get(role))
        if "_class" not in fields:
            return _plain_request(fields, spider)
        if fields["_class"] == _REFUSED:
            raise Undecodable("what was refused stays refused: mend it and push it as a new one")
        if fields["_class"] not in _CLASSES:
            raise Undecodable(f"unknown request class {fields['_class']!r}")
        return request_from_dict(_DEFAULTS | fields, spider=spider)
    except _MALFORMED as error:
        raise Undecodable(str(error)) from error


def _plain_request(fields: dict[str, Any], spider: Spider) -> Request:
    given = {name: value for name, value in fields.items() if name in _DEFAULTS}
    for role in _ROLES:
        if name := given.get(role):
            given[role] = getattr(spider, name)
    return Request(**given)


def of_page(url: str, depth: int) -> bytes:
    """A request for a page that the spider's ``parse`` takes, so many links from a seed."""
    return _encoder.encode({"url": url, "meta": {"depth": depth}} if depth else {"url": url})


def of_refused(url: str) -> bytes:
    """What ``url_of`` reads, even of what is no URL, and ``decode`` never makes a request of.

    Whoever may push a seed could else have what only a spider may ask for, such as file:, by way of requeue.
    """
    return _encoder.encode({"url": url[:MAX_REFUSED], "_class": _REFUSED})


def url_of(payload: bytes) -> str:
    """The URL of a request that may not be resumable; empty when even that can't be read."""
    try:
        return str(_decoder.decode(payload)["url"])
    except _MALFORMED:
        return ""


def _plain(value: Any) -> Any:
    """The value in types that come back as they went, tuples apart.

    Subclasses of strings and numbers become these: CrawlSpider puts strings of lxml's own into meta.

    Raises:
        TypeError: It holds what msgpack would turn into something else, such as a set, a date or an item.
    """
    kind = type(value)
    if kind in _SAME:
        return value
    if kind is dict:
        return {key if type(key) is tuple else _plain(key): _plain(item) for key, item in value.items()}
    if kind in (list, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (int, float)):
        return int(value) if isinstance(value, int) else float(value)
    raise TypeError(f"{kind.__module__}.{kind.__qualname__} would not come back as it is")


def _check_method(spider: Spider, name: object) -> None:
    if name is None:
        return
    if (
        not isinstance(name, str)
        or name.startswith("__")
        or not inspect.ismethod(getattr(spider, name, None))
    ):
        raise Undecodable(f"{type(spider).__name__} has no method {name!r}")
