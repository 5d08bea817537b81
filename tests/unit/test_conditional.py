import pytest
from scrapy import Request

from scraping_project.http import conditional

DATE = "Tue, 01 Jul 2025 12:00:00 GMT"


def test_both_validators_become_conditions():
    assert conditional.headers_of('W/"1"', DATE) == {"If-None-Match": 'W/"1"', "If-Modified-Since": DATE}


@pytest.mark.parametrize("etag", [None, "", '"cut…', '"\xff"', '"\x00"', '"1"\r\nX: y'])
def test_a_validator_that_would_not_come_back_as_it_was_is_left_out(etag):
    assert conditional.headers_of(etag, DATE) == {"If-Modified-Since": DATE}


def test_dropping_the_conditions_leaves_the_other_headers():
    request = Request(
        "http://a.example/", headers={"If-None-Match": "1", "if-modified-since": DATE, "X": "y"}
    )
    conditional.drop(request)
    assert request.headers.to_unicode_dict() == {"X": "y"}
