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
_DEFAULTS: dict[str, Any] = Request("data:,").to_dict() | {"url": None}


class Unstorable(ValueError):  # noqa: N818  named for what the request is
    """The request can't be written down; the message names what and the fix."""


class Undecodable(ValueError):  # noqa: N818  the same
    """The bytes hold no request that this spider can resume."""


def encode(request: Request, request_id: str, attempt: int, spider: Spider) -> bytes:
    """Write a request, its id and its attempt number as msgpack.

    Raises:
        Unstorable: A callback is not a method of the spider, or meta or cb_kwargs hold more than plain data.
    """
    try:
        fields = request.to_dict(spider=spider)
    except ValueError as error:
        raise Unstorable(f"{error}: make it a method of the spider") from error
    if fields.get("_class", "") not in ("", *_CLASSES):
        raise Unstorable(f"{fields['_class']} is not one of Scrapy's request classes: yield one of those")
    lean = {name: value for name, value in fields.items() if value != _DEFAULTS.get(name)}
    try:
        return _encoder.encode([request_id, attempt, lean])
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Unstorable(f"{error}: keep meta and cb_kwargs to plain data") from error


def decode(payload: bytes, spider: Spider) -> tuple[Request, str, int]:
    """Read what ``encode`` wrote: the request, its id and its attempt number.

    Raises:
        Undecodable: Not such bytes, an unknown class, or a callback that the spider does not have (any more).
    """
    try:
        request_id, attempt, fields = _decoder.decode(payload)
        if not isinstance(request_id, str) or not isinstance(attempt, int):
            raise Undecodable("no id and attempt number")
        for role in ("callback", "errback"):
            _check_method(spider, fields.get(role))
        if fields.get("_class", "") not in ("", *_CLASSES):
            raise Undecodable(f"unknown request class {fields['_class']!r}")
        return request_from_dict(_DEFAULTS | fields, spider=spider), request_id, attempt
    except (msgspec.DecodeError, TypeError, ValueError, AttributeError, KeyError) as error:
        raise Undecodable(str(error)) from error


def _check_method(spider: Spider, name: object) -> None:
    if name is None:
        return
    if (
        not isinstance(name, str)
        or name.startswith("__")
        or not inspect.ismethod(getattr(spider, name, None))
    ):
        raise Undecodable(f"{type(spider).__name__} has no method {name!r}")
