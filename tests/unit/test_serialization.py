import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scrapy import Request, Spider
from scrapy.http import FormRequest, JsonRequest, Response

from scraping_project.http import serialization


class Example(Spider):
    name = "example"
    not_a_method = 1

    def parse_page(self, response: Response) -> None:
        """Serves as a callback."""

    def failed(self, failure: object) -> None:
        """Serves as an errback."""


class OwnRequest(Request):
    pass


spider = Example()
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
data = st.dictionaries(st.text(min_size=1), plain, max_size=3)
names = st.text("abcXYZ-", min_size=1).map(lambda name: f"X{name}")
header_values = st.text(st.characters(min_codepoint=32, max_codepoint=126))
given_fields = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["GET", "POST", "PUT"]),
        "headers": st.dictionaries(names, header_values | st.lists(header_values, min_size=2, max_size=2)),
        "cookies": st.dictionaries(st.text(), st.text()),
        "meta": data,
        "cb_kwargs": data,
        "flags": st.lists(st.text()),
        "priority": st.integers(-1000, 1000),
        "dont_filter": st.booleans(),
        "encoding": st.sampled_from(["utf-8", "cp1252", "gb18030"]),
    }
)


def round_trip(request):
    return serialization.decode(serialization.encode(request, spider), spider)


def assert_same(one, other):
    assert type(one) is type(other)
    assert one.to_dict(spider=spider) == other.to_dict(spider=spider)


@given(given_fields, st.binary())
def test_a_request_comes_back_as_it_was(fields, body):
    request = Request(
        "https://example.com/?a=1&b=2#c",
        callback=spider.parse_page,
        errback=spider.failed,
        body=body,
        **fields,
    )

    again = round_trip(request)

    assert_same(again, request)
    assert again.callback == spider.parse_page
    assert again.errback == spider.failed


@given(st.dictionaries(st.text(), st.text()))
def test_a_form_request_comes_back_as_it_was(formdata):
    request = FormRequest("https://example.com/", formdata=formdata)

    assert_same(round_trip(request), request)


@given(st.dictionaries(st.text(), st.text() | st.integers()))
def test_a_json_request_comes_back_as_it_was(values):
    request = JsonRequest("https://example.com/", data=values)

    assert_same(round_trip(request), request)


def test_what_is_as_by_default_takes_no_room():
    assert len(serialization.encode(Request("https://example.com/"), spider)) < 40


@pytest.mark.parametrize(
    ("request_", "fix"),
    [
        (Request("https://example.com/", callback=lambda _: None), "make it a method of the spider"),
        (Request("https://example.com/", errback=lambda _: None), "make it a method of the spider"),
        (Request("https://example.com/", meta={"lock": object()}), "keep meta and cb_kwargs to plain data"),
        (Request("https://example.com/", cb_kwargs={"x": 2**64}), "keep meta and cb_kwargs to plain data"),
        (OwnRequest("https://example.com/"), "yield one of those"),
    ],
)
def test_what_can_not_be_resumed_is_refused_with_the_fix(request_, fix):
    with pytest.raises(serialization.Unstorable, match=fix):
        serialization.encode(request_, spider)


class Other(Spider):
    name = "other"

    def parse_page(self, response: Response) -> None:
        """Has the name of another spider's callback."""


def test_a_callback_that_only_has_the_name_of_one_of_the_spiders_is_refused():
    request = Request("https://example.com/", callback=Other().parse_page)

    with pytest.raises(serialization.Unstorable):
        serialization.encode(request, spider)


def test_a_callback_under_another_name_than_its_functions_comes_back():
    class Aliasing(Example):
        parse = Example.parse_page
        parse_page = Example.failed

    aliasing = Aliasing()
    request = Request("https://example.com/", callback=aliasing.parse)

    assert serialization.decode(serialization.encode(request, aliasing), aliasing).callback == aliasing.parse


def test_what_a_later_version_adds_is_passed_over():
    assert serialization.decode(packed(something_new=1), spider).url == "https://example.com/"


def test_meta_that_holds_itself_is_refused():
    meta = {}
    meta["meta"] = meta

    with pytest.raises(serialization.Unstorable):
        serialization.encode(Request("https://example.com/", meta=meta), spider)


def packed(**fields):
    return msgspec.msgpack.encode({"url": "https://example.com/", **fields})


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        packed()[:-1],
        packed() + b"x",
        b"cposix\nsystem\n(S'exit 1'\ntR.",
        msgspec.msgpack.encode(5),
        msgspec.msgpack.encode(["https://example.com/"]),
        msgspec.msgpack.encode({}),
        packed(url=5),
        packed(url="no url"),
        packed(_class="subprocess.Popen"),
        packed(_class="scrapy.http.request.Nothing"),
        packed(callback="__init__"),
        packed(callback="__class__"),
        packed(errback="nothing_of_that_name"),
        packed(callback="not_a_method"),
        packed(callback=5),
        b"\x91" * 100_000,
    ],
)
def test_bytes_that_hold_no_request_of_this_spider_are_undecodable(payload):
    with pytest.raises(serialization.Undecodable):
        serialization.decode(payload, spider)


@given(st.binary())
def test_no_bytes_raise_anything_but_undecodable(payload):
    try:
        serialization.decode(payload, spider)
    except serialization.Undecodable:
        return


def test_the_url_is_read_from_what_can_not_be_resumed():
    assert serialization.url_of(packed(callback="nothing_of_that_name")) == "https://example.com/"


@pytest.mark.parametrize(
    "seed",
    [
        "file:///etc/passwd",
        "data:,x",
        "ftp://a.example/x",
        "https://a.example/x y",
        '{"url": "https://a.example/"}',
    ],
)
def test_no_request_is_made_of_a_refused_seed_but_its_text_is_read(seed):
    payload = serialization.of_refused(seed)

    assert serialization.url_of(payload) == seed
    with pytest.raises(serialization.Undecodable, match="push it as a new one"):
        serialization.decode(payload, spider)


@pytest.mark.parametrize("url", ["file:///a", "data:,x", "ftp://a.example/x", "s3://bucket/x"])
def test_a_spider_of_ones_own_may_ask_for_any_scheme(url):
    assert round_trip(Request(url)).url == url


@given(st.binary())
@example(b"\xa1\xff")
@example(b"\x91" * 100_000)
def test_bytes_without_a_url_have_none(payload):
    assert serialization.url_of(payload) == ""


def test_of_a_long_url_that_was_refused_a_part_is_kept():
    assert serialization.url_of(serialization.of_refused("x" * 10_000_000)) == "x" * serialization.MAX_REFUSED
