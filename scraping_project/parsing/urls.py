"""URLs as a browser reads them (https://url.spec.whatwg.org/), written as Scrapy requests them."""

import codecs
import re
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from ada_url import URL, join_url

from scraping_project import logins

MAX_LENGTH: Final = 8_000

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_NON_ASCII: Final = re.compile("[^\x00-\x7f]+")

# A link that needs no parser, without its fragment: segments that begin with no dot, and a query with nothing
# to encode. Every part ends where it must, so that the search is linear.
_SEGMENT: Final = r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*+"
_PLAIN: Final = re.compile(
    rf"(/?+{_SEGMENT}(?:/{_SEGMENT})*+/?+(?:\?[A-Za-z0-9._~!$&()*+,/:;=@%-]++)?+)(?:#[\s\S]*)?"
)

# The host of such a URL does not depend on what comes after it.
_ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9.:-]{1,255}(?=/)")

# What stays itself in a query, beside letters and digits: all but the standard's special-query set.
_QUERY_SAFE: Final = "!$%&()*+,/:;=?@"

# A browser sends these as they are, Scrapy's Request percent-encodes them: written so at once, a link
# equals the URL of the page it leads to.
_UNSAFE: Final = re.compile(r"[\[\]\\^`{|}]")
_SAFE_FORM: Final = str.maketrans({char: f"%{ord(char):02X}" for char in "[]\\^`{|}"})

_UNENCODABLE: Final = "scraping_project.urls.unencodable"


def _percent_encoded_references(error: UnicodeError) -> tuple[str, int]:
    """Replaces what an encoding lacks as a form does: by ``&#NNN;``, percent-encoded."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(f"%26%23{ord(char)}%3B" for char in lacking), error.end


codecs.register_error(_UNENCODABLE, _percent_encoded_references)


@lru_cache(maxsize=128)
def _query_codec(encoding: str) -> str | None:
    """Names the codec for a document's queries; None for UTF-8, which the parser writes by itself.

    As the standard says, UTF-16 documents write UTF-8. So do those whose encoding Python does not know, or
    that is no superset of ASCII.
    """
    probe = "a=1&b="
    try:
        name = codecs.lookup(encoding).name
        extends_ascii = f"{probe}\U0010ffff".encode(name, _UNENCODABLE).startswith(probe.encode())
    except (LookupError, ValueError):
        return None
    return name if extends_ascii and name != "utf-8" else None


def _encode_query(href: str, codec: str) -> str:
    """Percent-encodes the query's non-ASCII characters in another encoding than UTF-8."""
    path, question_mark, query = href.partition("?")
    encoded = _NON_ASCII.sub(lambda run: quote(run[0].encode(codec, _UNENCODABLE), safe=_QUERY_SAFE), query)
    return f"{path}{question_mark}{encoded}"


def _as_requested(url: str) -> str:
    """Writes a parsed URL as Scrapy's Request does: without fragment, bare question mark and login."""
    url = url.partition("#")[0]
    url, _ = logins.split(url)
    if url.endswith("?") and url.index("?") == len(url) - 1:
        url = url[:-1]
    if _UNSAFE.search(url):
        # The brackets of an IPv6 host stay; the path begins after "https://" or "http://" and a host.
        path = url.index("/", len("https://"))
        url = url[:path] + url[path:].translate(_SAFE_FORM)
    return url


class Resolver:
    """Resolves the links of one document, most of them without parsing.

    It keeps what all links of a page have in common. It does not follow a document whose base changes.
    """

    def __init__(self, base: str, encoding: str = "utf-8") -> None:
        """Prepares for links of one document.

        Args:
            base: The absolute URL to resolve against.
            encoding: The document's, by its Python name: its query strings are written in it.
        """
        self._base = base
        self._encoding = encoding
        page = self._parsed("")
        self._plain = page is not None
        if page is not None:
            path = page.partition("?")[0]
            self._origin = path[: path.index("/", len("https://"))]
            self._directory = path[: path.rindex("/") + 1]

    def __call__(self, href: str) -> str | None:
        """Returns what ``resolve`` does."""
        if self._plain and (plain := _PLAIN.fullmatch(href)):
            link = plain[1]
            url = self._origin + link if link[0] == "/" else self._directory + link
        else:
            parsed = self._parsed(href)
            if parsed is None:
                return None
            url = parsed
        return url if len(url) <= MAX_LENGTH else None

    def _parsed(self, href: str) -> str | None:
        if not href.isascii():
            href = _SURROGATE.sub("\ufffd", href)
            codec = _query_codec(self._encoding)
            if codec is not None:
                href = _encode_query(href, codec)
        try:
            url = join_url(self._base, href)
        except ValueError:
            return None
        return _as_requested(url) if url.startswith(("http://", "https://")) else None


def resolve(base: str, href: str, encoding: str = "utf-8") -> str | None:
    """Returns the http(s) URL, without fragment, that following ``href`` on ``base`` requests.

    Never raises. The result resolves to itself. It holds no user name and password: who wrote the page has
    no say in how we log in. Lone surrogates count as U+FFFD, as they do in a browser.

    Args:
        base: The absolute URL to resolve against.
        href: What the page says, white space and all.
        encoding: The document's, by its Python name: its query strings are written in it.

    Returns:
        None when there is nothing to request: another scheme, an unparsable URL, no host, more than
        8,000 characters.
    """
    return Resolver(base, encoding)(href)


def host(url: str) -> str:
    """Returns the lower-case host, with its port unless that is the scheme's default; "" without one."""
    origin = _ORIGIN.match(url)
    return _host(origin[0] if origin else url)


@lru_cache(maxsize=1024)
def _host(url: str) -> str:
    try:
        return str(URL(url).host)
    except ValueError:
        return ""
