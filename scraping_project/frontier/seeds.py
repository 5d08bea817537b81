"""Seeds: start URLs that people push to ``<frontier>:start_urls``, as a bare URL or as a JSON object."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, cast
from unicodedata import category
from urllib.parse import urlsplit

import msgspec
from ada_url import URL
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from scraping_project import logins
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.messages import MAX_PRIORITY
from scraping_project.frontier.scripts import source

#: Longest seed, in bytes, and longest URL, in characters.
MAX_SEED, MAX_URL = 65_536, 8_000
#: So much of a longer seed is held, bytes.
LONGEST_HELD = MAX_SEED + 1

#: How long one blocking pop waits, and how long until the next look at a set, in seconds.
BLOCK_SECONDS, POLL_SECONDS = 5, 1

#: Seconds that Redis may take to answer beyond its own wait.
ANSWER_SECONDS = 10

#: How many seeds of a set a worker holds at most that it has not pushed yet.
MAX_TAKEN = 100

#: Links from a seed at the most, as the database can hold it.
MAX_DEPTH = 2**31 - 1

#: Lists and objects of meta in one another at the most.
MAX_NESTING = 20

#: What a seed may ask for; neither CONNECT nor TRACE, which speak to what lies in between.
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

#: Headers that frame or route the message itself (RFC 9110, 7.2 and 7.6.1, RFC 9112, 6): what one hop takes
#: for the end of a request may be the beginning of another to the next.
FORBIDDEN_HEADERS = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_OF_PROXIES = "proxy-"

#: Keys of meta by which a seed would steer the crawler itself.
FORBIDDEN_META = frozenset(
    {
        "_auth_proxy",
        "_scheme_proxy",
        "allow_offsite",
        "bindaddress",
        "cookiejar",
        "dont_obey_robotstxt",
        "dont_redirect",
        "download_delay",
        "download_fail_on_dataloss",
        "download_latency",
        "download_maxsize",
        "download_slot",
        "download_timeout",
        "download_warnsize",
        "ftp_password",
        "ftp_user",
        "give_up_log_level",
        "handle_httpstatus_all",
        "handle_httpstatus_list",
        "http_auth_domain",
        "http_pass",
        "http_user",
        "is_start_request",
        "max_retry_times",
        "priority_adjust",
        "proxy",
        "redirect_reasons",
        "redirect_times",
        "redirect_ttl",
        "redirect_urls",
        "referrer_policy",
        "retry_times",
    }
)


class SeedError(ValueError):
    """Not a seed; the message says why, in one line."""


class Kind(StrEnum):
    """What the key of the seeds may be, in Redis's words."""

    LIST = "list"
    SET = "set"
    SORTED_SET = "zset"


class _Settings(Protocol):
    def getbool(self, name: str, /) -> bool: ...


def kind_of(settings: _Settings) -> Kind:
    """What scrapy-redis's settings say that the key of the seeds is."""
    if settings.getbool("REDIS_START_URLS_AS_SET"):
        return Kind.SET
    return Kind.SORTED_SET if settings.getbool("REDIS_START_URLS_AS_ZSET") else Kind.LIST


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """A start URL with what may go along with it, named as Scrapy's Request names it."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)
    priority: int = 0
    dont_filter: bool = False


class _JsonSeed(msgspec.Struct, forbid_unknown_fields=True):
    url: str
    method: str = "GET"
    headers: dict[str, str] = {}
    body: str = ""
    meta: dict[str, Any] = {}
    priority: int = 0
    dont_filter: bool = False


_json = msgspec.json.Decoder(_JsonSeed)
#: White space, control characters and surrogates, by their Unicode category; all others are percent-encoded.
_NOT_IN_URLS = frozenset({"Cc", "Cs", "Zs", "Zl", "Zp"})
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")  # all but the tab


def parse(raw: bytes, *, json_only: bool = False) -> Seed:
    """Read a seed; with ``json_only`` a bare URL is none.

    Raises:
        SeedError: Too long, not UTF-8, no http(s) URL, unknown keys, or what a seed may not ask for.
    """
    if len(raw) > MAX_SEED:
        raise SeedError(f"a seed has at most {MAX_SEED} bytes, this one has more")
    try:
        text = raw.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise SeedError("a seed is UTF-8 text") from error
    if not text.startswith("{") and not json_only:
        return Seed(url=check_url(text))
    try:
        seed = _json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise SeedError(str(error)) from error
    seed.url = check_url(seed.url)
    if seed.method.upper() not in METHODS:
        raise SeedError(f"method is one of {', '.join(METHODS)}")
    if abs(seed.priority) > MAX_PRIORITY:
        raise SeedError(f"priority is a whole number from {-MAX_PRIORITY} to {MAX_PRIORITY}")
    _check_headers(seed.headers)
    _check_meta(seed.meta)
    return Seed(**msgspec.structs.asdict(seed))


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            raise SeedError("header names are words of letters, digits and !#$%&'*+.^_`|~-")
        read_as = name.lower().replace("_", "-")  # as CGI and what is like it do
        if read_as in FORBIDDEN_HEADERS or read_as.startswith(_OF_PROXIES):
            raise SeedError(f"headers may not hold {name}, which frames or routes the message itself")
        if _CONTROL.search(value):
            raise SeedError(f"the header {name} holds control characters")


def _check_meta(meta: Mapping[str, Any]) -> None:
    if forbidden := sorted(FORBIDDEN_META & meta.keys()):
        raise SeedError(f"meta may not hold {', '.join(forbidden)}")
    depth = meta.get("depth", 0)
    if type(depth) is not int or not 0 <= depth <= MAX_DEPTH:
        raise SeedError("depth in meta is a whole number from 0")
    if _nesting(meta) > MAX_NESTING:
        raise SeedError(f"meta holds lists and objects at most {MAX_NESTING} deep")
    try:
        msgspec.msgpack.encode(meta)
    except OverflowError as error:
        raise SeedError("meta holds a number of more than 64 bits") from error


def _nesting(value: Any) -> int:
    """How many lists and objects lie in one another; it counts no further than to one too many."""
    layer, deep = [value], 0
    while deep <= MAX_NESTING:
        groups = [each for each in layer if isinstance(each, (dict, list))]
        if not groups:
            break
        layer = [inner for each in groups for inner in (each.values() if isinstance(each, dict) else each)]
        deep += 1
    return deep


def check_url(url: str) -> str:
    """Return the URL, its host in ASCII, when a crawl may start there, else raise SeedError."""
    if len(url) > MAX_URL:
        raise SeedError(f"a URL has at most {MAX_URL} characters, this one has {len(url)}")
    shown = repr(logins.hide_in_refused(url))
    if (" " in url or not url.isprintable()) and any(category(each) in _NOT_IN_URLS for each in url):
        raise SeedError(f"{shown} holds white space or control characters")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
        url = _with_ascii_host(url, parts.netloc)
    except ValueError as error:
        why = "" if "@" in url else f": {error}"  # which names what it took for the port
        raise SeedError(f"{shown} is no URL{why}") from error
    if parts.scheme.lower() not in ("http", "https") or not host:
        raise SeedError(f"{shown} is no http:// or https:// URL")
    return url


def _with_ascii_host(url: str, netloc: str) -> str:
    """As browsers and the links of pages name it (UTS 46); Scrapy by itself follows an older standard."""
    if netloc.isascii():
        return url
    login, at, place = netloc.rpartition("@")
    host, colon, port = place.partition(":")
    return url.replace(netloc, f"{login}{at}{URL(f'http://{host}/').hostname}{colon}{port}", 1)


class SeedQueue:
    """Takes seeds one by one: from a list as soon as they are pushed, or with ``polls`` every second.

    Polling takes them from a set or a sorted set too, the highest score first. A taken seed stays in the
    worker's own list until the step that pushes its request removes it; what a worker leaves there when it
    goes, or dies, goes back. An iteration begins with that list: a lost reply may have filled it.

    Args:
        server: From connection.connect_async. Iterating raises what it raises, and TimeoutError.
        keys: Of the frontier.
        token: Names the worker, at this instant.
        polls: Do not wait in Redis, which only a list allows.
    """

    def __init__(self, server: Redis, keys: Keys, token: Callable[[], str], *, polls: bool = False) -> None:
        self._server = server
        self._keys = keys
        self._token = token
        self._polls = polls
        self._script = server.register_script(source("take_seeds"))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async with asyncio.timeout(ANSWER_SECONDS):
            left = cast("list[bytes]", await self._server.lrange(self._taken, 0, -1))
        left = [await self._held(place, raw) for place, raw in enumerate(left)]
        for raw in reversed(left):
            yield raw
        while True:
            for raw in await (self._look() if self._polls else self._wait()):
                yield raw

    async def _wait(self) -> list[bytes]:
        try:
            async with asyncio.timeout(BLOCK_SECONDS + ANSWER_SECONDS):
                raw = await self._server.blmove(self._keys.seeds, self._taken, BLOCK_SECONDS, "RIGHT", "LEFT")
        except ResponseError as error:
            if "WRONGTYPE" not in str(error):
                raise
            return await self._look()  # it has become a set or a sorted set
        return [await self._held(0, raw)] if isinstance(raw, bytes) else []

    async def _held(self, place: int, raw: bytes) -> bytes:
        """A seed as it lies in the worker's own list: of one that is too long, no more than shows that it is.

        What takes it from there names it, and a step has no room for more.
        """
        if len(raw) <= MAX_SEED:
            return raw
        short = raw[:LONGEST_HELD]
        async with asyncio.timeout(ANSWER_SECONDS):
            await cast("Awaitable[str]", self._server.lset(self._taken, place, short))  # type: ignore[arg-type]  # its stub knows texts alone
        return short

    async def _look(self) -> list[bytes]:
        wanted = msgspec.msgpack.encode({"token": self._token(), "most": MAX_TAKEN, "longest": LONGEST_HELD})
        async with asyncio.timeout(ANSWER_SECONDS):
            seeds: list[bytes] = await self._script([self._keys.prefix, self._keys.seeds], [wanted])
        if not seeds:
            await asyncio.sleep(POLL_SECONDS)  # no command of Redis waits for a set
        return seeds

    @property
    def _taken(self) -> str:
        return self._keys.of("seeds", self._token())
