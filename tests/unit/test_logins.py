"""User names and passwords in URLs, taken out and hidden."""

import io
import json
import logging
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy import Request
from scrapy.http import FormRequest

from scraping_project.cli.frontier_verbs.repair import _urls
from scraping_project.http import authorization, failure_reasons
from scraping_project.logins import hide, hide_in_refused, split
from scraping_project.tuning.logformatter import Record

SECRET = "canary"


def sent(url, **fields):
    """The URL and the login that a request goes out with."""
    request = authorization.from_url(Request(url, **fields))
    header = request.headers.get("Authorization")
    return request.url, header and b64decode(header.removeprefix(b"Basic ")).decode()


@pytest.mark.parametrize(
    ("url", "bare", "login"),
    [
        ("http://h.example/", "http://h.example/", None),
        ("http://u:p@h.example/", "http://h.example/", "u:p"),
        ("https://u:p@h.example:81/x?y#z", "https://h.example:81/x?y#z", "u:p"),
        ("http://u@h.example/@", "http://h.example/@", "u:"),
        ("http://:p@h.example/", "http://h.example/", ":p"),
        ("http://u:p:q@h.example/", "http://h.example/", "u:p:q"),
        ("http://u:p@ss@h.example/", "http://h.example/", "u:p@ss"),
        ("http://u%40x:%C3%BC%2F@h.example/", "http://h.example/", "u@x:ü/"),
        ("http://é:ü@h.example/", "http://h.example/", "é:ü"),
        ("http://u:p@[::1]:81/", "http://[::1]:81/", "u:p"),
        ("http://@h.example/", "http://h.example/", None),
        ("http://:@h.example/", "http://h.example/", None),
        ("http://h.example/u:p@x", "http://h.example/u:p@x", None),
        ("http://h.example/?u:p@x", "http://h.example/?u:p@x", None),
        ("data:,u:p@x", "data:,u:p@x", None),
    ],
)
def test_a_login_goes_out_as_a_header_and_not_in_the_url(url, bare, login):
    assert sent(url) == (bare, login)


def test_a_request_keeps_the_authorization_that_it_brings():
    request = Request("http://u:p@h.example/", headers={"authorization": "Bearer x"})

    found = authorization.from_url(request)

    assert (found.url, found.headers.getlist("Authorization")) == ("http://h.example/", [b"Bearer x"])


def test_all_else_of_a_request_stays():
    request = FormRequest("http://u:p@h.example/", formdata={"a": "b"}, meta={"c": 1}, priority=7)

    found = authorization.from_url(request)

    assert type(found) is FormRequest
    assert (found.method, found.body, found.meta, found.priority) == ("POST", b"a=b", {"c": 1}, 7)
    assert "Authorization" not in request.headers


def test_a_request_without_a_login_is_itself():
    request = Request("http://h.example/")

    assert authorization.from_url(request) is request


@given(st.text(), st.text())
def test_whatever_stands_there_is_taken_apart_and_nothing_is_lost(login, rest):
    url, found = split(f"http://{login}@{rest}")

    if found is not None:
        assert f"http://{found}@{url.removeprefix('http://')}" == f"http://{login}@{rest}"
    assert split(url)[1] is None


@pytest.mark.parametrize(
    "text",
    [
        f"<GET http://u:{SECRET}@h.example/x?y=z@w> (referer: https://{SECRET}@h.example)",
        f"http://u:a@{SECRET}@h.example",
        f"mysql+pymysql://u:{SECRET}@h/db",
        f"['http://u:{SECRET}@h.example/', 'http://v:\"{SECRET}@h.example/']",
    ],
)
def test_logins_in_a_text_are_hidden(text):
    assert SECRET not in hide(text)
    assert "***@h" in hide(text)


@pytest.mark.parametrize(
    "text",
    ["", "a@b.example", "http://h.example/@x", "see http://h.example, or a@b.example/", "u:p@h", "://"],
)
def test_what_is_no_login_stays_in_a_text(text):
    assert hide(text) == text


def test_a_refused_seed_is_shown_without_what_is_or_looks_like_a_secret():
    seed = {
        "url": f"http://u:{SECRET}@h.example/",
        "headers": {
            "Authorization": f"Basic {SECRET}",
            "cookie": f'a="{SECRET}"',
            "Proxy-Authorization": SECRET,
        },
        "meta": {"from": f"u:{SECRET}@h.example", "kept": "x", "page": "http://h.example/@x"},
    }
    plain = json.dumps(seed)

    for text in (plain, plain.replace("/", "\\/"), json.dumps(seed, separators=(",", ":")), plain[:-80]):
        shown = hide_in_refused(text)
        assert SECRET not in shown
        assert "h.example" in shown
    assert json.loads(hide_in_refused(plain))["meta"]["kept"] == "x"
    assert json.loads(hide_in_refused(plain))["meta"]["page"] == "http://h.example/@x"


@pytest.mark.parametrize(
    "seed", ["https://medium.example/@user x", "http://[::1]/a:b@c x", "http://h:80/@ x"]
)
def test_a_refused_seed_without_a_secret_is_shown_as_it_is(seed):
    assert hide_in_refused(seed) == seed


def test_hiding_takes_no_time_even_where_much_looks_like_a_login():
    hostile = "http://x:" * 900

    assert hide(hostile) == hide_in_refused(hostile) == hostile


def test_no_line_of_the_log_holds_a_login(monkeypatch):
    monkeypatch.setattr(logging, "_logRecordFactory", Record)
    lines, logger = io.StringIO(), logging.getLogger("a spider's")
    handler = logging.StreamHandler(lines)
    logger.addHandler(handler)
    url = f"http://u:{SECRET}@h.example/"

    logger.warning("Crawled %s", Request(url))
    logger.warning("Crawled " + url)  # noqa: G003  as spiders do
    try:
        {}[url]
    except KeyError:
        logger.exception("Failed")
    logger.removeHandler(handler)

    assert SECRET not in lines.getvalue()
    assert [line for line in lines.getvalue().splitlines() if "***@" in line] == [
        "Crawled <GET http://***@h.example/>",
        "Crawled http://***@h.example/",
        "KeyError: 'http://***@h.example/'",
    ]


def test_a_repair_asks_for_no_seed_whose_login_it_does_not_know():
    assert _urls(f"http://a.example/ {hide(f'http://u:{SECRET}@b.example/')}") == ["http://a.example/"]


def test_no_error_that_is_stored_holds_a_login():
    error = ValueError(f"http://u:{SECRET}@h.example/")

    assert failure_reasons.describe(error) == "ValueError: http://***@h.example/"
    assert failure_reasons.text_of(error) == "http://***@h.example/"
