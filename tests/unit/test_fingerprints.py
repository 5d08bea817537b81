import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scrapy import Request
from scrapy.utils.request import fingerprint
from scrapy.utils.test import get_crawler
from w3lib.url import canonicalize_url

from scraping_project.http.fingerprints import _CANONICAL, Fingerprinter, number_of, of_link
from scraping_project.parsing.urls import resolve
from tests.support.odd_urls import BASE, CORPUS, HREFS, PLAIN_HREFS

HOSTS = [
    *("a.example", "A.example", "127.0.0.1", "127.0.0.1:8080", "a.example:080", "a.example:70000", "a..b"),
    *(
        "-a.example",
        "xn--bcher-kva.example",
        "xn--a.example",
        "[::1]",
        "u:p@a.example",
        "a_b.example",
        "a.b.",
        "1",
    ),
    *(
        "a" * 63 + ".example",
        "a" * 64 + ".example",
        "h:0",
        "h:00",
        "h:65535",
        "ab--c.example",
        "xn--.example",
    ),
]
TAILS = [
    *("", "/", "/a/b.html", "/a//b", "/./a", "/a/../b", "/%7Ea", "/~a", "/a;b", "/a?b", "/a?b=", "/a?b=c"),
    *(
        "/a?c=1&b=2",
        "/a?b=c&b=a",
        "/a?b=c+d",
        "/a?b=%63",
        "/a?=c",
        "/a?b=c=d",
        "/a?",
        "/a#b",
        "/a?b=c#d",
        "/.a",
    ),
    *("/a.", "/a..", "/a/.", "/a/..", "/%2e/a", "/a b", "/a|b", "/A", "/a/b/", "/a?b=.", "/a?../=1", "?a=b"),
]


@pytest.fixture(scope="module", name="fingerprinter")
def one_fingerprinter():
    return Fingerprinter(get_crawler())


def assert_same(url):
    try:
        request = Request(url)
    except ValueError:  # Scrapy requests no such URL
        return
    try:
        scrapys = fingerprint(request)
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011  whatever Scrapy says
            of_link(request.url)
        return
    assert of_link(request.url) == scrapys
    assert Fingerprinter.number_of(request.url) == number_of(scrapys)


@pytest.mark.parametrize("scheme", ["http", "https", "HTTP", "ftp"])
@pytest.mark.parametrize("host", HOSTS)
def test_a_link_has_scrapys_fingerprint_whatever_its_host_and_path(scheme, host):
    for tail in TAILS:
        assert_same(f"{scheme}://{host}{tail}")


@pytest.mark.parametrize("href", CORPUS)
def test_a_resolved_link_has_scrapys_fingerprint(href):
    assert_same(resolve(BASE, href))


@settings(max_examples=500)
@given(href=st.one_of(HREFS, PLAIN_HREFS))
def test_any_resolved_link_has_scrapys_fingerprint(href):
    if (url := resolve(BASE, href)) is not None:
        assert_same(url)


@settings(max_examples=500)
@given(st.from_regex(_CANONICAL, fullmatch=True))
def test_what_counts_as_canonical_is_its_own_canonical_form(url):
    assert canonicalize_url(url) == url


@pytest.mark.parametrize(
    "request_",
    [
        Request("https://a.example/x", method="POST"),
        Request("https://a.example/x", body=b"y"),
        Request("https://a.example/x?b=1&a=2", meta={"verbatim_url": True}),
        Request("https://a.example/x", headers={"X": "y"}),
        Request("data:,"),
    ],
)
def test_a_request_that_is_more_than_a_link_has_scrapys_fingerprint(fingerprinter, request_):
    assert fingerprinter.fingerprint(request_) == fingerprint(request_)
    assert fingerprinter.number(request_) == number_of(fingerprint(request_))


def test_the_numbers_are_63_bits_of_distinct_links():
    numbers = {Fingerprinter.number_of(f"https://a.example/{n}") for n in range(1000)}
    assert len(numbers) == 1000
    assert all(int(number) < 2**63 for number in numbers)
