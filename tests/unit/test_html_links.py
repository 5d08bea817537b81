import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scraping_project.items import Link
from scraping_project.parsing import html_links
from scraping_project.parsing.html_links import Page, parse

URL = "http://a.example/b/c?q=1"

PIECES = [
    *(
        "<a href=x>",
        "<a href='y#z' rel='nofollow ugc'>",
        "<a href>",
        "</a>",
        "<area href=z>",
        "<iframe src=f>",
        "</iframe>",
    ),
    *(
        "<link rel=next href=n>",
        "<base href=/o/>",
        "<base href='http://['>",
        "<title>",
        "</title>",
        "<svg>",
        "</svg>",
    ),
    *(
        "<meta http-equiv=refresh content='1;url=r'>",
        "<meta name=robots content=none>",
        "<template>",
        "</template>",
    ),
    *(
        "<frameset>",
        "<frame src=g>",
        "<table>",
        "<td>",
        "</table>",
        "<p>",
        "</p>",
        "<b>",
        "</b>",
        "<!--",
        "-->",
        "<",
        ">",
    ),
    *(
        "<script>",
        "</script>",
        "<noscript>",
        "</noscript>",
        "<select>",
        "<math>",
        "'",
        '"',
        "=",
        "\0",
        "\ud800",
        "&amp;",
        "é",
    ),
]
SOUP = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


def urls(text, url=URL):
    return [link.url for link in parse(text, url).links]


def rels(text):
    return [link.rel for link in parse(text, URL).links]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("<title> a \n\t b&amp;c\xa0</title>", "a b&c"),
        ("<title>a<b>c</title>", "a<b>c"),
        ("<title>a</title><title>b</title>", "a"),
        ("<title> </title><title>b</title>", None),
        ("<p>late<title>a</title>", "a"),
        ("<svg><g><a><title>drawing</title></a></g></svg><title>page</title>", "page"),
        ("<math><title>formula</title></math>", None),
        ("<template><title>a</title></template>", None),
        ("no html", None),
        ("", None),
    ],
)
def test_the_title_is_the_first_one_of_the_page_itself(text, title):
    assert parse(text, URL).title == title


def test_links_come_in_document_order_each_url_once():
    text = """
        <link rel=canonical href=/c><meta http-equiv=refresh content="5; url='/r'">
        <a href=/a>a</a><map><area href=/area></map><iframe src=/f></iframe>
        <a href=/a#again>a</a><a href=http://A.example:80/a>a</a>
    """
    assert parse(text, URL).links == [
        Link("http://a.example/c", "canonical"),
        Link("http://a.example/r", "refresh"),
        Link("http://a.example/a"),
        Link("http://a.example/area"),
        Link("http://a.example/f", "frame"),
    ]


def test_the_frames_of_a_frameset_are_links():
    assert parse("<frameset><frame src=x><frame src=y></frameset>", URL).links == [
        Link("http://a.example/b/x", "frame"),
        Link("http://a.example/b/y", "frame"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "<img src=x><script src=x></script><video src=x></video><form action=x></form><a name=x>",
        "<link rel=stylesheet href=x><link rel=icon href=x><link rel=preload href=x><link href=x>",
        "<link rel='alternate stylesheet' href=x><link rel=next href><link rel=next href=''>",
        "<iframe src></iframe><iframe src=''></iframe><iframe src=about:blank></iframe>",
        "<iframe src=x srcdoc='y'></iframe>",
        "<template><a href=x></template><!-- <a href=x> --><script>'<a href=x>'</script>",
        "<a href=mailto:x@a.example><a href=javascript:x><a href=tel:1><a href='data:,x'><a href=ftp://a.example/>",
    ],
)
def test_what_is_not_a_page_is_no_link(text):
    assert parse(text, URL).links == []


@pytest.mark.parametrize("href", ["href", "href=''", "href='#x'", "href=' '"])
def test_an_empty_href_or_a_fragment_is_a_link_to_the_page_itself(href):
    assert urls(f"<a {href}>") == [URL]


def test_a_bad_link_never_loses_its_siblings():
    text = "<a href=1><a href='http://['><a href='http://a b/'><a href='" + "x" * 9000 + "'><a href=2>"
    assert urls(text) == ["http://a.example/b/1", "http://a.example/b/2"]


def test_links_without_scripts_are_found():
    assert urls("<noscript><a href=x></noscript>") == ["http://a.example/b/x"]


@pytest.mark.parametrize(
    ("bases", "url"),
    [
        ("<base href=/o/>", "http://a.example/o/x"),
        ("<base href='//o.example/p/q'>", "http://o.example/p/x"),
        ("<base target=_top><base href=/o/><base href=/never/>", "http://a.example/o/x"),
        ("<base href=''>", "http://a.example/b/x"),
        ("<base href='http://['>", "http://a.example/b/x"),
        ("<base href='javascript:x'><base href=/never/>", "http://a.example/b/x"),
    ],
)
def test_links_are_relative_to_the_first_base(bases, url):
    assert urls(f"{bases}<a href=x>") == [url]
    assert urls(f"<a href=x>{bases}") == [url]


def test_a_page_whose_own_url_is_unusable_has_no_links():
    assert parse("<title>t</title><base href=x><a href=y>", "nope") == Page("t", [], nofollow=False)


def test_queries_are_written_in_the_encoding_of_the_page():
    assert parse("<base href='?é'><a href='/é?é'><a href=''>", URL, "cp1252").links == [
        Link("http://a.example/%C3%A9?%E9"),
        Link("http://a.example/b/c?%E9"),
    ]


@pytest.mark.parametrize(
    ("rel", "expected"),
    [
        ("", ""),
        ("noopener", ""),
        ("frame refresh", ""),
        ("UGC\n NoFollow  noopener sponsored", "nofollow sponsored ugc"),
        (
            "alternate canonical prev next ugc sponsored nofollow",
            "nofollow sponsored ugc next prev canonical alternate",
        ),
    ],
)
def test_rel_holds_the_marks_that_matter_in_a_fixed_order(rel, expected):
    assert rels(f"<a href=x rel='{rel}'>") == [expected]


def test_link_elements_are_found_by_any_of_their_rels():
    assert rels("<link rel='foo NEXT' href=x><link rel='Alternate' href=y>") == ["next", "alternate"]


def test_a_url_is_nofollow_only_when_every_occurrence_is():
    assert rels("<a href=x rel=nofollow><a href=x#y rel=nofollow>") == ["nofollow"]
    assert rels("<a href=x rel=nofollow><a href=x#y>") == [""]
    assert rels("<a href=x><a href=x rel=nofollow>") == [""]
    assert rels("<a href=x rel=nofollow><iframe src=x></iframe>") == ["frame"]


def test_the_other_marks_of_a_urls_occurrences_are_united():
    assert rels("<a href=x rel='nofollow ugc'><a href=./x rel=next><link rel=canonical href=x>") == [
        "ugc next canonical"
    ]


@pytest.mark.parametrize(
    ("content", "path"),
    [
        *(("5; url=/x", "/x"), ("5;URL='/x'", "/x"), ('0;url="/x" y', "/x"), ("5 /x", "/x"), ("5,/x", "/x")),
        *(
            (" 1.5 ; uRl \t= /x", "/x"),
            (".5;/x", "/x"),
            ("5; '/x", "/x"),
            ("0;urls", "/b/urls"),
            ("0; url", "/b/url"),
        ),
    ],
)
def test_a_meta_refresh_is_a_link(content, path):
    text = f"<meta http-equiv=Refresh content='{content.replace(chr(39), '&#39;')}'>"
    assert parse(text, URL).links == [Link(f"http://a.example{path}", "refresh")]


@pytest.mark.parametrize("content", ["", "5", "5;", "5; url=", "url=/x", "x;/x", "5url=/x", ";/x"])
def test_a_meta_refresh_that_names_no_url_is_no_link(content):
    assert urls(f"<meta http-equiv=refresh content='{content}'>") == []


def test_on_a_page_whose_robots_meta_says_nofollow_every_link_is():
    page = parse("<meta name=robots content=nofollow><a href=x><a href=y rel=ugc>", URL)
    assert [link.rel for link in page.links] == ["nofollow", "nofollow ugc"]


@pytest.mark.parametrize(
    ("content", "nofollow"),
    [
        *(("nofollow", True), ("NOINDEX,NoFollow", True), ("noindex nofollow", True), ("none", True)),
        *(
            ("", False),
            ("noindex", False),
            ("follow", False),
            ("max-image-preview: none", False),
            ("nofollowing", False),
        ),
    ],
)
def test_a_robots_meta_may_forbid_following(content, nofollow):
    assert parse(f"<META NAME=Robots CONTENT='{content}'>", URL).nofollow is nofollow
    assert parse(f"<meta name=other content='{content}'>", URL).nofollow is False


def test_a_later_robots_meta_allows_nothing_again():
    assert parse("<meta name=robots content=nofollow><meta name=robots content=follow>", URL).nofollow is True


@settings(max_examples=200)
@given(
    text=st.one_of(st.text(), SOUP),
    url=st.one_of(st.just(URL), st.text()),
    encoding=st.sampled_from(["utf-8", "cp1252"]),
)
def test_any_text_parses_into_distinct_absolute_urls(text, url, encoding):
    found = [link.url for link in parse(text, url, encoding).links]
    assert len(found) == len(set(found))
    assert all(target.startswith(("http://", "https://")) and "#" not in target for target in found)


def test_nul_and_lone_surrogates_do_no_harm():
    assert parse("<title>a\0b\ud800c</title>\0<a href='x\0y'>\udfff<a href=z>", URL) == Page(
        "a\ufffdbc", [Link("http://a.example/b/x%EF%BF%BDy"), Link("http://a.example/b/z")], nofollow=False
    )


@pytest.mark.parametrize(
    "text",
    [
        "<div>" * 200_000,
        "<DIV></x>" * 100_000,
        "<div class='<'>" * 200_000,
        "<p>" + "".join(f"<b id={number}>" for number in range(3000)) + "</p>" + "<p>x</p>" * 3000,
        "<p><b id=1>" * 3000,
    ],
    ids=[
        "nested",
        "nested_and_hidden",
        "nested_and_disguised",
        "formatting_left_open",
        "formatting_in_open_paragraphs",
    ],
)
def test_a_page_that_nests_beyond_reason_is_read_without_its_nesting(text):
    assert html_links._is_costly(text)
    assert parse(f"{text}<title>t</title><a href=x>", URL) == Page(
        "t", [Link("http://a.example/b/x")], nofollow=False
    )


@pytest.mark.parametrize("text", ["<div>" * 1000, "<p>x<br><img>" * 500, "<div><p>x</p></div>" * 10_000])
def test_a_page_that_nests_as_pages_do_is_read_as_it_is(text):
    assert not html_links._is_costly(text)


def test_a_page_read_without_its_nesting_yields_the_same(monkeypatch):
    text = """<!DOCTYPE html><html><head><title>t > b</title><base href="/o/"><meta name=robots content=none>
        <meta http-equiv=refresh content="5; url=/r"><link rel=next href=n><style>a > b {}</style></head>
        <body class="a > b"><div title='<a href=never>'><script>"<a href=never>"</script><a-b><p><a class=x
        href="y?a>b" rel=nofollow><b>y</b></a></p><svg><g><title>s</title></g></svg><table><td><a href=z>
        </table><!-- <a href=never> --><template><a href=never></template><textarea><a href=never></textarea>
        <iframe src=f><a href=never></iframe><area href=area></div></body></html>"""
    plain = parse(text, URL)
    monkeypatch.setattr(html_links, "_is_costly", lambda _text: True)
    assert parse(text, URL) == plain
    assert len(plain.links) == 6


@pytest.mark.parametrize(
    "name", ["noembed", "noframes", "script", "style", "template", "textarea", "xmp", "iframe", "title"]
)
def test_raw_text_read_without_nesting_bears_no_links(monkeypatch, name):
    monkeypatch.setattr(html_links, "_is_costly", lambda _text: True)
    assert urls(f"<{name}><a href=never></{name}><a href=x>") == ["http://a.example/b/x"]


@pytest.mark.parametrize("name", ["svg", "math"])
def test_a_drawing_read_without_nesting_does_not_name_the_page(monkeypatch, name):
    monkeypatch.setattr(html_links, "_is_costly", lambda _text: True)
    assert parse(f"<{name}><title>s</title></{name}><title>t</title>", URL).title == "t"


def test_a_frameset_read_without_nesting_yields_the_same(monkeypatch):
    text = (
        "<html><title>t</title><frameset cols=*><frame src=x><noframes><a href=never></noframes></frameset>"
    )
    plain = parse(text, URL)
    monkeypatch.setattr(html_links, "_is_costly", lambda _text: True)
    assert parse(text, URL) == plain == Page("t", [Link("http://a.example/b/x", "frame")], nofollow=False)


def test_a_drawing_with_many_titles_does_not_name_the_page():
    assert parse("<svg>" + "<g><title>s</title></g>" * 5000 + "</svg><title>t</title>", URL).title == "t"


def test_a_title_deeper_in_a_drawing_than_drawings_go_names_the_page():
    assert parse("<svg>" + "<a>" * 40_000 + "<title>s</title>" * 40_000, URL).title == "s"


def test_a_megabyte_of_unfinished_tags_is_text():
    assert parse("<a href=x>" + "<d" * 500_000, URL).links == [Link("http://a.example/b/x")]


@pytest.mark.parametrize("rel", ["search", "index", "help", "Up", "license"])
def test_a_link_element_that_leads_to_a_page_is_a_link(rel):
    page = parse(f'<link rel="{rel}" href="/there">', URL)
    assert page.links == [Link("http://a.example/there")]


@pytest.mark.parametrize("rel", ["stylesheet", "icon", "preload", "manifest", "dns-prefetch", "pingback"])
def test_a_link_element_that_loads_a_part_of_the_page_is_none(rel):
    assert parse(f'<link rel="{rel}" href="/there">', URL).links == []


def hrefs(count, start=0):
    return "".join(f"<a href=/{number}>" for number in range(start, start + count))


def test_of_more_links_than_are_kept_the_first_are_and_the_others_are_counted():
    page = parse(hrefs(5) + hrefs(30), URL, most=10)

    assert [link.url for link in page.links] == [f"http://a.example/{number}" for number in range(10)]
    assert page.left_out == 20


@pytest.mark.parametrize("most", [10, 11, html_links.ALL_LINKS])
def test_a_page_with_no_more_links_than_are_kept_is_kept_whole(most):
    page = parse(hrefs(10) + "<a href=tel:1><a href=/3>", URL, most=most)

    assert (len(page.links), page.left_out) == (10, 0 if most > 10 else 1)


@pytest.mark.parametrize("other", ["", "<p>", "</a>"])
def test_of_very_many_links_no_more_are_parsed_than_may_be_kept_and_all_are_counted(monkeypatch, other):
    parsed = []
    elements = html_links._elements
    monkeypatch.setattr(html_links, "_elements", lambda text: parsed.append(text) or elements(text))
    many = 120_000

    page = parse(f"<base href=/o/><title>t</title>{hrefs(many).replace('>', f'>{other}')}<a>", URL, most=100)

    assert (page.title, len(page.links), page.links[0].url) == ("t", 100, "http://a.example/0")
    assert parsed[0].count("<") <= html_links._MANY_TAGS
    assert page.left_out in (many - 100, many - 99)  # a link without an href looks like one, unread


def test_a_page_of_many_links_may_be_kept_whole():
    assert len(parse(hrefs(60_000), URL, most=60_000).links) == 60_000
    assert len(parse(hrefs(60_000), URL, most=html_links.ALL_LINKS).links) == 60_000
