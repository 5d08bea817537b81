import asyncio

import pytest
from scrapy import Request
from scrapy.exceptions import IgnoreRequest
from scrapy.http import HtmlResponse, TextResponse
from scrapy.utils.test import get_crawler

from scraping_project.items import Link, Site
from spiders.links import LinksSpider

LINKS = b"<a href=/near>x</a><a href=http://other.example/far>y</a><a rel=nofollow href=/odd>z</a>"
PAGE = b"<title>T</title>" + LINKS
URL = "http://example.com/"


def spider(**arguments):
    return LinksSpider.from_crawler(get_crawler(LinksSpider), **arguments)


def filtered(made, reason="offsite"):
    return made.crawler.stats.get_value(f"frontier/filtered/{reason}")


async def all_of(found):
    return [each async for each in found]


def parsed(made, body=PAGE, response=HtmlResponse, depth=0, **fields):
    request = Request(URL, meta={"depth": depth})
    answer = response(URL, body=body, encoding="utf-8", request=request, **fields)
    site, *requests = asyncio.run(all_of(made.parse(answer)))
    assert isinstance(site, Site)
    return site, [request.url for request in requests]


def test_a_page_is_stored_with_all_its_links_and_followed_on_its_host():
    site, followed = parsed(spider())
    assert site.title == "T"
    assert [link.url for link in site.links] == [f"{URL}near", "http://other.example/far", f"{URL}odd"]
    assert followed == [f"{URL}near", f"{URL}odd"]


def test_links_that_leave_the_host_are_counted():
    made = spider()
    parsed(made)
    assert filtered(made) == 1


def test_a_link_with_a_login_stays_on_its_host_and_is_followed_without_it():
    body = b"<a href=http://u:p@example.com/x>x</a><a href=http://example.com@other.example/x>y</a>"
    assert parsed(spider(), body=body)[1] == ["http://example.com/x"]


def test_with_allowed_domains_every_link_is_left_to_scrapys_own_filter():
    assert len(parsed(spider(allowed_domains=["other.example"]))[1]) == 3


@pytest.mark.parametrize(
    ("status", "follows"), [(200, True), (203, True), (304, False), (404, False), (500, False)]
)
def test_only_good_pages_are_followed(status, follows):
    site, followed = parsed(spider(), status=status)
    assert len(site.links) == 3
    assert bool(followed) is follows


def test_a_page_whose_robots_meta_says_nofollow_is_not_followed():
    site, followed = parsed(spider(), body=b"<meta name=robots content=nofollow>" + PAGE)
    assert len(site.links) == 3
    assert followed == []


@pytest.mark.parametrize(
    ("limit", "depth", "follows"), [(0, 0, False), (1, 0, True), (1, 1, False), (None, 99, True)]
)
def test_links_are_followed_down_to_max_depth(limit, depth, follows):
    assert bool(parsed(spider(max_depth=limit), depth=depth)[1]) is follows


def test_links_that_are_too_deep_are_counted():
    made = spider(max_depth=0)
    parsed(made)
    assert (filtered(made, "depth"), filtered(made)) == (2, 1)


def test_what_is_not_html_is_not_parsed():
    site, followed = parsed(spider(), response=TextResponse)
    assert (site.title, site.links, followed) == (None, [], [])


def redirected(depth, *, to="http://other.example/"):
    return Request(to, meta={"depth": depth, "redirect_urls": [URL + "old"]})


def test_a_redirect_to_another_host_is_dropped_unless_a_seed_made_it():
    made = spider()
    with pytest.raises(IgnoreRequest):
        made.request_scheduled(redirected(1))
    made.request_scheduled(redirected(0))
    made.request_scheduled(redirected(1, to=URL + "new"))
    assert filtered(made) == 1


NEAR, FAR, ODD = Link(f"{URL}near"), Link("http://other.example/far"), Link(f"{URL}odd", "nofollow")


@pytest.mark.parametrize(
    ("arguments", "depth", "links", "followed"),
    [
        ({}, 0, [NEAR, FAR, ODD], [NEAR.url, ODD.url]),
        ({"allowed_domains": ["other.example"]}, 0, [NEAR, FAR], [NEAR.url, FAR.url]),
        ({"max_depth": 2}, 1, [NEAR], [NEAR.url]),
        ({"max_depth": 2}, 2, [NEAR], []),
        ({"max_depth": 2}, 2, [ODD], []),
        ({}, 0, [], []),
        ({}, 0, [ODD], None),
    ],
)
def test_of_a_stored_page_those_links_are_followed_that_were_when_it_was_parsed(
    arguments, depth, links, followed
):
    assert spider(**arguments).follows(URL, depth, links) == followed
