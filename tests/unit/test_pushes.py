"""A push for scrapy-redis's spiders that makes no request."""

import pytest
from scrapy import Request
from scrapy.exceptions import CloseSpider, DontCloseSpider

from scraping_project.spidermiddlewares.pushes import each_by_itself

ONE, TWO = Request("http://a.example/1"), Request("http://a.example/2")
BROKEN = LookupError("broken")


def one(_):
    return ONE


def many(_):
    return [ONE, TWO]


def none(_):
    return None


def generator(_):
    yield ONE
    yield TWO


def raises(_):
    raise BROKEN


def raises_late(_):
    yield ONE
    raise BROKEN


def requests_of(make, data=b"pushed"):
    refused = []
    made = each_by_itself(make, lambda *which: refused.append(which))(data)
    return (list(made) if made is not None and not isinstance(made, Request) else made), refused


@pytest.mark.parametrize(
    ("make", "made"), [(one, ONE), (many, [ONE, TWO]), (none, None), (generator, [ONE, TWO])]
)
def test_what_is_made_of_a_push_is_handed_on_in_its_form(make, made):
    assert requests_of(make) == (made, [])


@pytest.mark.parametrize(("make", "made"), [(raises, []), (raises_late, [ONE])])
@pytest.mark.parametrize(("data", "raw"), [(b"pushed", b"pushed"), ("pushed", b"pushed"), (5, b"5")])
def test_what_is_raised_refuses_the_push(make, made, data, raw):
    assert requests_of(make, data) == (made, [(raw, BROKEN)])


@pytest.mark.parametrize("wish", [CloseSpider, DontCloseSpider])
def test_a_wish_of_the_spider_is_no_fault(wish):
    def raises_wish(_):
        raise wish

    def raises_it_late(_):
        yield ONE
        raise wish

    for make in (raises_wish, raises_it_late):
        with pytest.raises(wish):
            requests_of(make)
