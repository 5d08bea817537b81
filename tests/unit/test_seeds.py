import json

import pytest
from scrapy import Request

from scraping_project import logins
from scraping_project.frontier.messages import MAX_PRIORITY
from scraping_project.frontier.seeds import (
    FORBIDDEN_HEADERS,
    FORBIDDEN_META,
    MAX_NESTING,
    MAX_SEED,
    METHODS,
    Seed,
    SeedError,
    parse,
)
from scraping_project.parsing.urls import resolve


def test_a_bare_url_is_a_seed():
    assert parse(b" https://example.com/?a=1&b=2 \n") == Seed(url="https://example.com/?a=1&b=2")


def test_a_json_object_may_say_all_that_a_request_holds():
    raw = {
        "url": "https://example.com/",
        "method": "POST",
        "headers": {"X-A": "b"},
        "body": "x=1",
        "meta": {"page": 1},
        "priority": 5,
        "dont_filter": True,
    }

    assert parse(json.dumps(raw).encode()) == Seed(**raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"example.com",
        b"ftp://example.com/",
        b"https://",
        b"https://exa mple.com/",
        b"https://example.com/\x00",
        b"https://example.com/\xff",
        b"\xff\xfe",
        b"{}",
        b"{",
        b"[]",
        b'{"url": "example.com"}',
        b'{"url": 5}',
        b'{"url": "https://example.com/", "method": "GET /\\r\\n"}',
        b'{"url": "https://example.com/", "headers": {"a b": "c"}}',
        b'{"url": "https://example.com/", "callback": "parse"}',
        b'{"url": "https://example.com/", "priority": "high"}',
        b'{"url": "https://example.com/", "headers": {"a": 1}}',
        b'{"url": "https://example.com/", "meta": []}',
        b'{"url": "https://example.com/", "meta": {"a": ' + b"[" * 10_000 + b"]" * 10_000 + b"}}",
        b'{"url": "https://example.com/"} trailing',
        b"https://example.com/" + b"x" * 8000,
        b'{"url": "https://example.com/", "body": "' + b"x" * MAX_SEED + b'"}',
        b"x" * 100_000,
    ],
)
def test_anything_else_is_refused_in_one_line(raw):
    with pytest.raises(SeedError) as error:
        parse(raw)

    assert "\n" not in str(error.value)


def with_(**fields):
    return json.dumps({"url": "https://example.com/"} | fields).encode()


PROXYS_OWN = ["proxy-connection", "proxy-authorization", "proxy-anything"]


@pytest.mark.parametrize("spelled", [str, str.title, str.upper, lambda name: name.replace("-", "_")])
@pytest.mark.parametrize("name", [*sorted(FORBIDDEN_HEADERS), *PROXYS_OWN])
def test_a_seed_may_not_frame_or_route_its_message(name, spelled):
    with pytest.raises(SeedError, match=f"headers may not hold {spelled(name)}"):
        parse(with_(headers={"Accept": "*/*", spelled(name): "1"}))


@pytest.mark.parametrize("code", [*range(9), *range(10, 32), *range(0x7F, 0xA0)])
def test_no_header_of_a_seed_holds_control_characters(code):
    with pytest.raises(SeedError, match="the header X-A holds control characters"):
        parse(with_(headers={"X-A": f"a{chr(code)}b"}))
    with pytest.raises(SeedError, match="header names are words"):
        parse(with_(headers={f"X-A{chr(code)}": "b"}))


def test_other_headers_of_a_seed_stay_as_they_are():
    headers = {"Accept": "a\tb", "Cookie": "a=b", "X-Host": "é", "Authorization": "Bearer x", "Hosts": ""}

    assert parse(with_(headers=headers)).headers == headers


@pytest.mark.parametrize("method", [*METHODS, *map(str.lower, METHODS)])
def test_a_seed_may_ask_with_the_usual_methods(method):
    assert parse(with_(method=method)).method == method


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "connect", "PROPFIND", "", "GET ", "G\r\nET"])
def test_a_seed_may_ask_with_no_other_method(method):
    with pytest.raises(SeedError, match="method is one of GET, HEAD"):
        parse(with_(method=method))


@pytest.mark.parametrize("priority", [MAX_PRIORITY, -MAX_PRIORITY, 0])
def test_a_priority_that_fits_is_taken(priority):
    assert parse(with_(priority=priority)).priority == priority


@pytest.mark.parametrize("priority", [2**31, -(2**31), 2**63, 2**64, -(2**64), 10**300])
def test_a_priority_that_does_not_fit_is_refused(priority):
    with pytest.raises(SeedError, match="priority"):
        parse(with_(priority=priority))


@pytest.mark.parametrize("priority", [1.5, "1", True, None, [1]])
def test_a_priority_that_is_no_whole_number_is_refused(priority):
    with pytest.raises(SeedError):
        parse(with_(priority=priority))


def nested(deep):
    """So many lists and objects in one another, in turn."""
    value = "x"
    for layer in range(deep):
        value = [value] if layer % 2 else {"a": value}
    return value


def test_meta_is_nested_as_deep_as_may_be_and_no_deeper():
    assert parse(with_(meta={"a": nested(MAX_NESTING - 1)})).meta == {"a": nested(MAX_NESTING - 1)}
    for deep in (MAX_NESTING, 100, 400):
        with pytest.raises(SeedError, match="deep"):
            parse(with_(meta={"a": nested(deep)}))


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, 10**300])
def test_a_number_that_no_queue_can_hold_is_refused(number):
    with pytest.raises(SeedError):
        parse(with_(meta={"a": [number]}))


SECRET = "canary"


@pytest.mark.parametrize(
    "url",
    [
        f"ftp://u:{SECRET}@h.example/",
        f"http://u:{SECRET}@h.example/ x",
        f"http://u:{SECRET}@h.example:99999/",
        f"http://u:{SECRET}@/",
        f"http://u:{SECRET}/w@h.example/",
        f"http://u:w {SECRET}@h.example/",
        f"u:{SECRET}@h.example/",
        f"http://{SECRET}@[::1/",
    ],
)
def test_what_is_said_of_a_refused_url_holds_no_login(url):
    for raw in (url.encode(), json.dumps({"url": url}).encode()):
        with pytest.raises(SeedError) as error:
            parse(raw)
        assert SECRET not in str(error.value)


@pytest.mark.parametrize("key", sorted(FORBIDDEN_META))
def test_a_seed_may_not_steer_the_crawler_through_meta(key):
    with pytest.raises(SeedError, match=f"meta may not hold {key}"):
        parse(json.dumps({"url": "https://example.com/", "meta": {key: 1}}).encode())


@pytest.mark.parametrize("depth", [0, 3, 2**31 - 1])
def test_a_seed_may_lie_deeper_than_a_start(depth):
    seed = parse(json.dumps({"url": "https://example.com/", "meta": {"depth": depth}}).encode())

    assert seed.meta == {"depth": depth}


@pytest.mark.parametrize("depth", [-1, 2**31, 1.0, "1", True, None, []])
def test_a_depth_that_would_let_a_crawl_go_deeper_than_it_may_is_refused(depth):
    with pytest.raises(SeedError, match="depth in meta"):
        parse(json.dumps({"url": "https://example.com/", "meta": {"depth": depth}}).encode())


def test_a_bare_url_is_no_json_line():
    with pytest.raises(SeedError):
        parse(b"https://example.com/", json_only=True)


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("http://ß.example/ß", "http://xn--zca.example/ß"),
        ("http://u@bücher.example:81/", "http://u@xn--bcher-kva.example:81/"),
        ("http://sh\u00ady.example/", "http://shy.example/"),
        ("http://a.example/می\u200cخ", "http://a.example/می\u200cخ"),
        ("http://a.example/\u200d\u00ad\ue000", "http://a.example/\u200d\u00ad\ue000"),
    ],
)
def test_what_is_not_ascii_is_read_as_on_a_page(typed, url):
    assert parse(typed.encode()).url == url
    assert parse(json.dumps({"url": typed}).encode()).url == url
    assert logins.split(Request(parse(typed.encode()).url).url)[0] == resolve("http://b.example/", typed)


@pytest.mark.parametrize("host", ["a\u200db.example", "xn--a.ß", "\u202ea.example"])
def test_a_host_that_no_browser_knows_is_refused(host):
    with pytest.raises(SeedError, match="is no URL"):
        parse(f"http://{host}/".encode())


def test_a_mark_of_the_byte_order_is_no_part_of_a_seed():
    seed = Seed(url="http://a.example/")
    assert (
        parse(b"\xef\xbb\xbfhttp://a.example/") == parse(b'\xef\xbb\xbf{"url": "http://a.example/"}') == seed
    )
