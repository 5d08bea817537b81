import pytest
from ada_url import URL
from hypothesis import given, settings
from hypothesis import strategies as st
from w3lib.url import safe_url_string

from scraping_project.parsing.urls import _PLAIN, MAX_LENGTH, Resolver, host, resolve
from tests.support.odd_urls import BASE, CORPUS, HREFS, PLAIN_HREFS

ENCODINGS = ["utf-8", "cp1252", "shift_jis", "iso2022_jp", "gb18030", "big5hkscs", "koi8-r", "utf-16-le"]
NO_ENCODINGS = ["", "nosuch", "a\0", "\ud800", "idna", "rot13", "hex"]

BASES = st.one_of(st.sampled_from([BASE, "https://x.example/", "http://[::1]/a/b", "nope", ""]), st.text())

PLAIN_BASES = [
    *(
        BASE,
        "http://a.example",
        "http://a.example/?x/y",
        "https://u:p@a.example:8443/b/[c]/d?e#f",
        "HTTP://A.example:80/b",
    ),
    *(
        "http://[::1]/a/b",
        "https://a.example/b/",
        "http://é.example/é/é",
        "http://a.example/b/../c/./d",
        "file:///a/b",
    ),
]


@pytest.mark.parametrize(
    ("href", "url"),
    [
        ("", "http://a.example/b/c?d"),
        ("#x", "http://a.example/b/c?d"),
        ("?q", "http://a.example/b/c?q"),
        ("../x", "http://a.example/x"),
        ("//h.example/x", "http://h.example/x"),
        ("http:///h.example/x", "http://h.example/x"),
        ("\\x\\y", "http://a.example/x/y"),
        (" \n/x\ty\r\n ", "http://a.example/xy"),
        ("HTTPS://H.Example:443", "https://h.example/"),
        ("http://Bücher.example/ü?ü", "http://xn--bcher-kva.example/%C3%BC?%C3%BC"),
        ("http://[::1]:80/[x]", "http://[::1]/%5Bx%5D"),
        ("http://u:p@h.example/", "http://h.example/"),
        ("//u:p@h.example/x?y=z@w#v", "http://h.example/x?y=z@w"),
        ("https://u%40:@@h.example:81/@x", "https://h.example:81/@x"),
        ("/x?to=http://u:p@h.example/", "http://a.example/x?to=http://u:p@h.example/"),
        ("/x?a=[1]|2", "http://a.example/x?a=%5B1%5D%7C2"),
        ("/x?", "http://a.example/x"),
        ("/x?#y", "http://a.example/x"),
        ("/x??", "http://a.example/x??"),
        ("/x?a?", "http://a.example/x?a?"),
        ("/x\ud800", "http://a.example/x%EF%BF%BD"),
    ],
)
def test_an_href_resolves_as_in_a_browser(href, url):
    assert resolve(BASE, href) == url


@pytest.mark.parametrize(
    "href",
    [
        *(
            "mailto:x@a.example",
            "javascript:void(0)",
            " ja\nvascript:x",
            "data:text/html,x",
            "tel:1",
            "ftp://a.example/",
        ),
        *(
            "about:blank",
            "blob:http://a.example/x",
            "http://",
            "http://?",
            "http://[bad",
            "http://a b/",
            "http://a:99999/",
        ),
    ],
)
def test_what_cannot_be_requested_resolves_to_none(href):
    assert resolve(BASE, href) is None


def test_an_unusable_base_resolves_to_none():
    assert resolve("nope", "x") is None
    assert resolve("http://[", "x") is None
    assert resolve("\ud800", "x") is None


def test_a_url_of_up_to_8000_characters_resolves():
    longest = "http://a.example/".ljust(MAX_LENGTH, "x")
    assert resolve(BASE, longest) == longest
    assert resolve(BASE, f"{longest}#fragment") == longest
    assert resolve(BASE, f"{longest}x") is None


@pytest.mark.parametrize(
    ("encoding", "query"),
    [
        ("utf-8", "%E9%A0%81&e=%C3%A9"),
        ("utf-16-le", "%E9%A0%81&e=%C3%A9"),
        ("nosuch", "%E9%A0%81&e=%C3%A9"),
        ("cp1252", "%26%2338913%3B&e=%E9"),
        ("gb18030", "%ED%93&e=%A8%A6"),
        ("shift_jis", "%95%C5&e=%26%23233%3B"),
    ],
)
def test_a_query_is_written_in_the_encoding_of_its_document(encoding, query):
    assert resolve(BASE, "/é?p=頁&e=é#é", encoding) == f"http://a.example/%C3%A9?p={query}"


@pytest.mark.parametrize("encoding", NO_ENCODINGS)
def test_an_encoding_that_is_no_superset_of_ascii_counts_as_utf_8(encoding):
    assert resolve(BASE, "?é", encoding) == "http://a.example/b/c?%C3%A9"


@settings(max_examples=500)
@given(base=BASES, href=HREFS, encoding=st.sampled_from(ENCODINGS + NO_ENCODINGS))
def test_any_href_resolves_to_none_or_to_what_resolves_to_itself(base, href, encoding):
    url = resolve(base, href, encoding)
    if url is not None:
        assert url.startswith(("http://", "https://"))
        assert url.isascii()
        assert "#" not in url
        assert resolve(base, url, encoding) == url
        assert host(url)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "shift_jis"])
@pytest.mark.parametrize("href", CORPUS)
def test_scrapy_requests_a_resolved_url_unchanged(href, encoding):
    url = resolve(BASE, href, encoding)
    assert url is not None
    assert safe_url_string(url) == url


@settings(max_examples=500)
@given(href=HREFS)
def test_scrapy_requests_any_resolved_url_unchanged_and_none_holds_a_login(href):
    url = resolve(BASE, href)
    if url is not None:
        assert safe_url_string(url) == url
        assert "@" not in url.split("/")[2]


def test_no_link_takes_up_the_login_of_its_page():
    assert Resolver("http://u:p@a.example/b/c")("d") == "http://a.example/b/d"
    assert Resolver("http://u:p@a.example/b/c")("?d[") == "http://a.example/b/c?d%5B"


def parsed_in_full(base, href):
    """What the parser makes of a link: a base that can't be shortened leaves every link to it."""
    resolver = Resolver(base)
    resolver._plain = False
    return resolver(href)


@pytest.mark.parametrize("base", PLAIN_BASES)
@pytest.mark.parametrize("href", CORPUS)
def test_a_link_that_needs_no_parser_resolves_as_with_it(base, href):
    assert Resolver(base)(href) == parsed_in_full(base, href)


@settings(max_examples=1000)
@given(
    base=st.sampled_from(PLAIN_BASES) | PLAIN_HREFS.map("http://a.example/{}".format),
    href=PLAIN_HREFS | HREFS,
)
def test_any_link_that_needs_no_parser_resolves_as_with_it(base, href):
    assert Resolver(base)(href) == parsed_in_full(base, href)


@settings(max_examples=500)
@given(base=st.sampled_from(PLAIN_BASES), href=st.from_regex(_PLAIN, fullmatch=True))
def test_whatever_looks_plain_resolves_as_with_the_parser(base, href):
    assert Resolver(base)(href) == parsed_in_full(base, href)


def test_a_long_link_that_is_not_plain_at_its_end_is_told_so_in_one_pass():
    for part in ("a/", "a.", "a", "?a", "a/?"):
        assert _PLAIN.fullmatch("a" + part * 200_000 + "|") is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://A.example/x", "a.example"),
        ("https://a.example:443/", "a.example"),
        ("http://a.example:80/", "a.example"),
        ("http://a.example:443/", "a.example:443"),
        ("https://u:p@a.example:8443/", "a.example:8443"),
        ("http://[::1]:6800/", "[::1]:6800"),
        ("http://Bücher.example/", "xn--bcher-kva.example"),
        *((url, "") for url in ("", "nope", "mailto:x@a.example", "http://", "http://[", "\ud800")),
    ],
)
def test_a_host_is_lower_case_and_has_its_port_only_when_it_is_not_the_default(url, expected):
    assert host(url) == expected


@given(st.one_of(st.text(), HREFS))
def test_any_text_has_a_host_or_none(url):
    assert host(url) == host(url).lower()


@given(
    st.sampled_from(["http://", "https://", "HTTP://", "http:/", "http:///"]),
    st.text(st.sampled_from("aZ0.:-@/\\?#[]%_ \t\u00e9"), max_size=12),
    st.sampled_from(["", "/", "/a:b@c", "?/", "#/", "\\/"]),
)
def test_a_host_is_the_parsers_own_however_it_was_found(scheme, authority, rest):
    url = scheme + authority + rest
    try:
        expected = URL(url).host
    except ValueError:
        expected = ""
    assert host(url) == expected
