import pytest
from scrapy import Request
from scrapy.exceptions import NotConfigured
from scrapy.utils.test import get_crawler

from scraping_project.downloadermiddlewares.identity import BrowserUserAgent


def middleware(**settings):
    return BrowserUserAgent.from_crawler(get_crawler(settings_dict=settings))


def test_an_honest_crawler_keeps_its_own_name():
    with pytest.raises(NotConfigured):
        middleware(USER_AGENT_MODE="honest")


def test_an_unknown_mode_is_refused_with_what_to_do():
    with pytest.raises(ValueError, match="'sneaky': set it to honest or browser"):
        middleware(USER_AGENT_MODE="sneaky")


def test_every_request_of_a_run_comes_from_the_same_browser():
    made, requests = middleware(USER_AGENT_MODE="browser"), [Request("http://a/"), Request("http://b/")]
    for request in requests:
        made.process_request(request)
    (name,) = {request.headers["User-Agent"] for request in requests}
    assert name.startswith(b"Mozilla/5.0 (")


def test_a_request_that_names_its_own_user_agent_keeps_it():
    request = Request("http://a/", headers={"User-Agent": "mine"})
    middleware(USER_AGENT_MODE="browser").process_request(request)
    assert request.headers["User-Agent"] == b"mine"
