"""Crawls the demo site with wget, an older and wholly different reader of it."""

import subprocess

import pytest

from demo.expected import expected
from demo.server import serve

EXPECTED = expected()

# Where wget and the rules of the web part: what it asks for, and what it should have asked for.
QUERIES_IN_UTF_8 = {
    "/charsets/search?q=caf%C3%A9": "/charsets/search?q=caf%E9",
    "/charsets/search?q=%D0%BC%D0%B8%D1%80": "/charsets/search?q=%CD%C9%D2",
}
ADDRESSES_MISREAD = {
    "/addresses/%5Caddresses%5Cgood%5Cthird": "/addresses/good/third",
    "/addresses/good/se%09cond": "/addresses/good/second",
    "/addresses/encoded/100%25": "/addresses/encoded/100%",
    "/addresses/encoded/%2e/%2E%2e/self": "/addresses/self",
    "/addresses/item?quotes='b'": "/addresses/item?quotes=%27b%27",
    "/addresses/item?b=2&a=1": "/addresses/item?a=1&b=2",
}
LINKS_THAT_ARE_TEXT = {"/markup/in-script", "/markup/in-template", "/markup/in-textarea"}
ROBOTS_NOT_ASKED_AFTER_A_REDIRECT = {"/private/behind-a-redirect"}
IN_UTF_16_ONLY = {"/charsets/search?q=%C3%A9t%C3%A9"}

OTHERS_READING = {**QUERIES_IN_UTF_8, **ADDRESSES_MISREAD}


@pytest.fixture(scope="module")
def requests(tmp_path_factory):
    """What wget asked for, once it has followed all it can."""
    requests = []
    options = ["--no-config", "--no-proxy", "--no-verbose", "--tries=1", "--timeout=10"]
    with serve(requests=requests) as base:
        folder = tmp_path_factory.mktemp("wget")
        command = ["wget", *options, "--recursive", "--level=inf", "--delete-after", f"{base}/"]
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert "FINISHED" in result.stderr, result.stderr
    return set(requests)


def test_wget_finds_every_expected_site(requests):
    right = {OTHERS_READING.get(target, target) for target in requests}
    assert set(EXPECTED["sites"]) - right == IN_UTF_16_ONLY


def test_wget_finds_nothing_that_is_not_expected(requests):
    known = {*EXPECTED["sites"], *EXPECTED["redirects"], "/robots.txt"}
    surplus = requests - known - OTHERS_READING.keys()
    assert surplus == LINKS_THAT_ARE_TEXT | ROBOTS_NOT_ASKED_AFTER_A_REDIRECT


def test_wget_meets_each_of_its_known_misreadings(requests):
    assert OTHERS_READING.keys() <= requests
