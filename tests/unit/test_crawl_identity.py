"""What of a spider says which crawl it works on, and what it was told of it."""

import json

import pytest
from scrapy import Spider

from scraping_project.worker.crawl_arguments import CrawlArguments
from scraping_project.worker.crawl_identity import rules_of, seeds_of, settle
from spiders.links import LinksSpider

A, B = "http://a.example/", "http://b.example/"


def spider(kind=Spider, **attributes):
    made = kind("mine") if kind is Spider or issubclass(kind, OwnStart) else kind()
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


class OwnStart(Spider):
    async def start(self):
        yield {}


class OldStart(Spider):
    name = "old"

    def start_requests(self):
        return []


class OfScrapyRedis(OldStart):
    def schedule_next_requests(self):
        pass


def settled(**attributes):
    made = spider(**attributes)
    settle(made)
    return made


@pytest.mark.parametrize("name", ["start_urls", "allowed_domains"])
def test_what_can_be_read_only_once_becomes_a_list_and_all_else_stays_what_it_is(name):
    assert getattr(settled(**{name: (each for each in "ab")}), name) == ["a", "b"]
    assert getattr(settled(**{name: filter(None, ["a", ""])}), name) == ["a"]
    for value in (["a"], ("a",), {"a"}, frozenset("a"), {"a": 1}, {"a": 1}.keys()):
        assert getattr(settled(**{name: value}), name) is value


def test_the_rules_hold_the_domains_of_any_iterable_those_of_a_set_in_one_order():
    def domains(value):
        return json.loads(rules_of(settled(allowed_domains=value), {})).get("allowed_domains")

    assert domains(["b", "a"]) == domains(("b", "a")) == domains(iter("ba")) == ["b", "a"]
    assert domains({"b", "a"}) == domains(frozenset("ba")) == ["a", "b"]
    assert domains({None, "b", "a"}) == ["a", "b"]
    assert domains(None) == domains([]) == domains(filter(None, [""])) is None


def test_the_seeds_are_the_start_urls_in_any_order():
    assert {seeds_of(settled(start_urls=urls)) for urls in ([A, B], (B, A), {A, B}, iter([B, A]))} == {
        f"{A} {B}"
    }


@pytest.mark.parametrize("urls", [[(A, 1)], [{"url": A}], [None], [[A]]])
def test_what_a_start_of_its_own_makes_of_start_urls_that_are_none_is_not_known(urls):
    made = spider(OwnStart, start_urls=urls)
    settle(made)

    assert seeds_of(made) == "start()"


def test_start_requests_alone_are_refused(caplog):
    with pytest.raises(ValueError, match="calls start_requests"):
        settle(spider(OldStart))
    settle(spider(OfScrapyRedis))
    assert caplog.messages == []


def test_start_requests_beside_start_urls_are_said_to_be_called_no_more(caplog):
    settle(spider(OldStart, start_urls=[A]))

    assert caplog.messages == ["Scrapy calls start_requests() no more, so the crawl begins at start_urls"]


def test_arguments_of_the_crawl_are_those_that_were_given_or_that_the_class_declares():
    taken = {"frontier": "f", "max_depth": 1, "max_pages": 2}
    ordinary = spider(**taken)

    assert CrawlArguments.of(ordinary, {}) == CrawlArguments("", None, 0)
    assert CrawlArguments.of(ordinary, {"max_depth": "0", "max_pages": "7", "frontier": "x"}) == ("x", 0, 7)
    ordinary.crawl_arguments = ("max_pages",)
    assert CrawlArguments.of(ordinary, {"max_pages": "7", "frontier": "x"}) == ("x", None, 2)
    assert CrawlArguments.of(LinksSpider(**taken), {}) == ("f", 1, 2)
    assert CrawlArguments.of(LinksSpider(), {}) == ("", None, 0)


def test_a_depth_is_a_rule_where_it_is_an_argument_of_the_crawl():
    assert json.loads(rules_of(LinksSpider(max_depth=0), {})) == {"max_depth": 0}
    assert json.loads(rules_of(spider(max_depth=3), {})) == {}
    assert json.loads(rules_of(spider(max_depth=3), {"max_depth": "4"})) == {"max_depth": 4}
