import json

import pytest
from scrapy import Request

from scraping_project.frontier.seeds import FORBIDDEN_META, MAX_SEED, Seed, SeedError, parse
from scraping_project.html.urls import resolve


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
    assert Request(parse(typed.encode()).url).url == resolve("http://b.example/", typed)


@pytest.mark.parametrize("host", ["a\u200db.example", "xn--a.ß", "\u202ea.example"])
def test_a_host_that_no_browser_knows_is_refused(host):
    with pytest.raises(SeedError, match="is no URL"):
        parse(f"http://{host}/".encode())


def test_a_mark_of_the_byte_order_is_no_part_of_a_seed():
    seed = Seed(url="http://a.example/")
    assert (
        parse(b"\xef\xbb\xbfhttp://a.example/") == parse(b'\xef\xbb\xbf{"url": "http://a.example/"}') == seed
    )
