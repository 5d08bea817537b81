import hashlib

import pytest
from scrapy.http import Response

from scraping_project.http.page_metadata import content_type, site_of
from scraping_project.items import Link

URL = "http://example.com/page"


def response(**headers):
    return Response(URL + "#part", status=404, headers=headers, body=b"body")


def test_a_site_is_what_the_answer_says():
    given = {"ETag": '"1"', "Last-Modified": "Tue, 01 Jul 2025 12:00:00 GMT", "Content-Type": "text/html"}
    site = site_of(response(**given), title="A title", links=iter([Link(URL)]))
    assert (site.url, site.status_code, site.title, site.links) == (URL, 404, "A title", [Link(URL)])
    assert (site.etag, site.last_modified) == ('"1"', "Tue, 01 Jul 2025 12:00:00 GMT")
    assert site.content_hash == hashlib.sha256(b"body").hexdigest()[:32]
    assert site.scraped_at.tzinfo is not None


def test_an_answer_that_the_page_is_as_it_was_has_no_content_to_compare():
    site = site_of(Response(URL, status=304, headers={"ETag": '"1"'}))
    assert (site.status_code, site.content_hash, site.etag) == (304, None, '"1"')


def test_what_the_server_did_not_send_is_none():
    site = site_of(response())
    assert (site.content_type, site.etag, site.last_modified, site.title) == (None, None, None, None)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("text/html; charset=utf-8", "text/html"),
        (" TEXT/HTML ;x", "text/html"),
        ("application/pdf", "application/pdf"),
        ("", None),
        (";charset=utf-8", None),
    ],
)
def test_a_content_type_is_kept_in_lower_case_without_parameters(sent, kept):
    assert content_type(response(**{"Content-Type": sent})) == kept


def test_a_header_of_any_bytes_is_text():
    assert site_of(response(ETag=b"\xff\x00")).etag == "\xff\x00"
