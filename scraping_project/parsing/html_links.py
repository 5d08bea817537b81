"""From a page's text to its title and links: what a browser without scripts could follow."""

import re
import threading
from collections.abc import Iterable
from functools import cache
from itertools import islice
from typing import Final, NamedTuple

from selectolax.lexbor import LexborCSSSelector, LexborHTMLParser, LexborNode

from scraping_project.items import Link
from scraping_project.parsing.urls import Resolver, resolve

# A frame with a srcdoc shows that and never requests its src.
_SELECTOR: Final = (
    "title, base[href], meta[http-equiv=refresh i][content], meta[name=robots i][content],"
    " a[href], area[href], iframe[src]:not([srcdoc]), frame[src], link[rel][href]"
)

# A link's marks are bits, so that those of its occurrences unite by "or". The first bit says that an
# occurrence may be followed: nofollow is what is left when none may.
_FOLLOW: Final = 1
_REL_MARKS: Final = {"sponsored": 2, "ugc": 4, "next": 8, "prev": 16, "canonical": 32, "alternate": 64}
_PLACE_MARKS: Final = {"frame": 128, "refresh": 256}

# The rels of a <link> that lead to a page rather than to a part of this one: those of the HTML standard, and
# those of HTML 4 that documentation generators still write. https://html.spec.whatwg.org/#linkTypes
_PAGE_RELS: Final = frozenset(
    [
        "alternate",
        "author",
        "canonical",
        "help",
        "license",
        "next",
        "prev",
        "privacy-policy",
        "search",
        "terms-of-service",
        "appendix",
        "bookmark",
        "chapter",
        "contents",
        "copyright",
        "first",
        "glossary",
        "index",
        "last",
        "section",
        "start",
        "subsection",
        "top",
        "up",
    ]
)

# https://html.spec.whatwg.org/#shared-declarative-refresh-steps, up to where the URL begins.
_REFRESH_TIME: Final = re.compile(
    r"[\t\n\f\r ]*[0-9.]+(?=[\t\n\f\r ;,])[\t\n\f\r ]*[;,]?[\t\n\f\r ]*(?:url[\t\n\f\r ]*=[\t\n\f\r ]*)?",
    re.IGNORECASE,
)

# Every tag but those that bear links or a title, or that decide whether what they hold is markup. It also
# finds what looks like a tag in a title or an attribute.
_OTHER_TAG: Final = re.compile(
    r"</?(?!(?:a|area|base|frameset|i?frame|link|math|meta|noembed|noframes|script|style|svg|template"
    r"|textarea|title|xmp)[\s/>])[a-z][^>]*>",
    re.IGNORECASE,
)

_LINK_TAG: Final = re.compile(r"<(?:a|area|i?frame|link)[\s/]", re.IGNORECASE)

#: Links kept of one page, when nobody says how many.
MOST_LINKS: Final = 10_000
#: More than any page has.
ALL_LINKS: Final = 2**31
# Of a page with more links so many tags for each that is kept are read: many end tags, many links twice.
_TAGS_A_LINK: Final = 5

# The HTML standard's parser takes time and memory up to the product of a page's tags and of how deep they
# nest: 20 KB of formatting tags that are left open can take 500 MB, 1 MB of nested divs a minute.
_MANY_TAGS: Final = 50_000
_MAX_PRODUCT: Final = 4_000_000

# Deeper than drawings nest, and a bound on what a hostile page can cost.
_DRAWING_DEPTH: Final = 32


class Page(NamedTuple):
    """What a crawl keeps of a page's text."""

    title: str | None
    links: list[Link]
    nofollow: bool  # its robots meta asks that none of its links be followed
    left_out: int = 0  # how many links it has beyond those that are kept


class _Searcher(threading.local):
    """What finds the elements of pages, one for each thread, since it holds what it has found so far.

    One for each page, as ``LexborHTMLParser.css`` makes, costs as much as to parse a page of 4 kB.
    """

    def __init__(self) -> None:
        self.find = LexborCSSSelector().find  # type: ignore[no-untyped-call]  # its stub


_searcher: Final = _Searcher()


class _Findings:
    """What one pass over a page's elements found, its links not yet resolved."""

    def __init__(self) -> None:
        self.title: str | None = None
        self.base: str | None = None
        self.nofollow = False
        self.hrefs: dict[str, int] = {}  # as written, in document order, with the marks of each

    def add(self, href: str, marks: int) -> None:
        self.hrefs[href] = self.hrefs.get(href, 0) | marks


def parse(text: str, url: str, encoding: str = "utf-8", most: int = MOST_LINKS) -> Page:
    """Returns a page's title, and each URL it links to once, in document order: the first ``most`` of them.

    Never raises. ``Link.rel`` holds those of nofollow, sponsored, ugc, next, prev, canonical and alternate
    that the link's rel has, "frame" for a frame and "refresh" for a meta refresh. A URL that occurs
    several times is nofollow when every occurrence is; its other marks are united. On a page whose robots
    meta says nofollow all links are. Links that scripts make, and those in a template or in SVG's
    xlink:href, are not found.

    Args:
        text: The decoded body; it need not be HTML.
        url: The page's own, which its links are relative to.
        encoding: The encoding the body had; query strings are written in it.
        most: So many links are kept, counted as they are written. Those of a page with far more are not even
            looked at, and counted by their tags.
    """
    unread = 0
    if _is_costly(text):
        text, unread = _readable(_without_other_tags(text), most)
    found = _scan(_elements(text))
    base = found.base is not None and resolve(url, found.base, encoding)
    resolved = Resolver(base or url, encoding)
    marked: dict[str, int] = {}
    for href, marks in islice(found.hrefs.items(), most):
        target = resolved(href)
        if target is not None:
            marked[target] = marked.get(target, 0) | marks
    mask = ~_FOLLOW if found.nofollow else ~0
    links = [Link(target, _rel(marks & mask)) for target, marks in marked.items()]
    return Page(found.title or None, links, found.nofollow, max(len(found.hrefs) - most, 0) + unread)


def _elements(text: str) -> list[LexborNode]:
    """Returns the elements that bear links, a title or what governs links, in document order."""
    root = LexborHTMLParser(text).root
    return [] if root is None else _searcher.find(_SELECTOR, root)


def _is_costly(text: str) -> bool:
    """Says whether a page may cost its parser far more than its size, judged by the tags left open."""
    tags = text.count("<")
    if tags * tags <= _MAX_PRODUCT:
        return False
    return tags > _MANY_TAGS or tags * (tags - 2 * text.count("</")) > _MAX_PRODUCT


def _without_other_tags(text: str) -> str:
    # Up to the last ">" every "<" finds its end, which keeps the search linear.
    end = text.rfind(">") + 1
    return _OTHER_TAG.sub("", text[:end]) + text[end:]


def _readable(text: str, most: int) -> tuple[str, int]:
    """Returns a text of links up to where it has far more than are kept, and how many come after that.

    Each tag takes 400 bytes of memory once it is parsed: 32 MB of links took 1.7 GB.
    """
    tags = re.finditer("<", text)
    beyond = next(islice(tags, max(_TAGS_A_LINK * most, _MANY_TAGS), None), None)
    if beyond is None:
        return text, 0
    return text[: beyond.start()], sum(1 for _ in _LINK_TAG.finditer(text, beyond.start()))


def _scan(nodes: Iterable[LexborNode]) -> _Findings:
    found = _Findings()
    add = found.add
    for node in nodes:
        attribute = node.attributes.get
        match node.tag:
            case "a" | "area":
                rel = attribute("rel")
                add(attribute("href") or "", _marks(rel) if rel else _FOLLOW)
            case "link":
                _scan_link(found, attribute("rel"), attribute("href"))
            case "iframe" | "frame":
                if src := attribute("src"):
                    add(src, _FOLLOW | _PLACE_MARKS["frame"])
            case "meta":
                _scan_meta(found, attribute("http-equiv"), attribute("name"), attribute("content") or "")
            case "base" if found.base is None:
                found.base = attribute("href") or ""
            case "title" if found.title is None and not _in_drawing(node):
                found.title = " ".join(node.text().split())
    return found


def _scan_link(found: _Findings, rel: str | None, href: str | None) -> None:
    if not rel or not href:
        return
    rels = set(rel.lower().split())
    # An alternate stylesheet is a stylesheet.
    if "stylesheet" not in rels and not rels.isdisjoint(_PAGE_RELS):
        found.add(href, _marks(rel))


def _scan_meta(found: _Findings, http_equiv: str | None, name: str | None, content: str) -> None:
    if http_equiv and http_equiv.lower() == "refresh" and (target := _refresh_target(content)):
        found.add(target, _FOLLOW | _PLACE_MARKS["refresh"])
    if name and name.lower() == "robots" and _forbids_following(content):
        found.nofollow = True


def _refresh_target(content: str) -> str:
    """Returns where a meta refresh leads as it is written; "" when it only loads the page again."""
    time = _REFRESH_TIME.match(content)
    target = content[time.end() :] if time else ""
    quote = target[:1]
    return target[1:].partition(quote)[0] if quote in {"'", '"'} else target


def _forbids_following(content: str) -> bool:
    """Says whether a robots meta has nofollow or none, and not as another rule's value."""
    rules = [rule.split() for rule in content.lower().split(",") if ":" not in rule]
    return any("nofollow" in rule or "none" in rule for rule in rules)


def _in_drawing(title: LexborNode) -> bool:
    """Says whether a title is that of an SVG or MathML element rather than of the page."""
    ancestor = title.parent
    for _ in range(_DRAWING_DEPTH):
        if ancestor is None:
            return False
        if ancestor.tag in {"svg", "math"}:
            return True
        ancestor = ancestor.parent
    return False


def _marks(rel: str | None) -> int:
    if not rel:
        return _FOLLOW
    rels = rel.lower().split()
    marks = 0 if "nofollow" in rels else _FOLLOW
    for token in rels:
        marks |= _REL_MARKS.get(token, 0)
    return marks


@cache
def _rel(marks: int) -> str:
    """Writes marks as ``Link.rel`` does, in a fixed order."""
    names = [name for name, mark in (_REL_MARKS | _PLACE_MARKS).items() if marks & mark]
    return " ".join(names if marks & _FOLLOW else ["nofollow", *names])
