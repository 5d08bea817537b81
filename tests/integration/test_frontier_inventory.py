"""Which frontiers a Redis holds, and how each stands."""

import pytest

from scraping_project.frontier import inventory
from scraping_project.frontier.errors import FrontierError
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.inventory import Standing, exists, standings
from scraping_project.frontier.keys import Keys
from tests.support.frontier_worker import Worker, nack, push

NOTHING = {"queued": 0, "delayed": 0, "leased": 0, "done": 0, "dead": 0, "workers": 0, "seeds": 0}


def standing(name, *, paused=False, **numbers):
    return Standing(name=name, paused=paused, **(NOTHING | numbers))


def test_each_frontier_stands_with_what_it_holds(server):
    worker = Worker(Frontier(server, Keys("busy")))
    worker.push(*(push(number, f"{number}.example") for number in range(4)))
    acked, delayed, _ = worker.lease(3)
    worker.step(nack=[nack(delayed, 60_000)], ack=[])
    worker.ack(acked)
    Frontier(server, Keys("idle")).pause()

    assert standings(server, []) == [
        standing("busy", queued=1, delayed=1, leased=1, done=1, workers=1),
        standing("idle", paused=True),
    ]


def test_seeds_of_every_kind_are_counted(server):
    server.lpush("a:start_urls", "1", "2")
    server.sadd("b:start_urls", "1")
    server.zadd("c:start_urls", {"1": 1, "2": 2, "3": 3})

    assert standings(server, []) == [standing("a", seeds=2), standing("b", seeds=1), standing("c", seeds=3)]


def test_keys_that_only_look_like_a_frontiers_are_none(server):
    server.set("text:start_urls", "theirs")
    server.lpush("no name:start_urls", "1")
    server.set("{other:start_urls}:crawl", "theirs")
    server.hset("{no name:start_urls}:crawl", "id", "theirs")
    server.hset("{x:start_urls}:worker:crawl", "id", "theirs")

    assert standings(server, []) == []


def test_a_spider_whose_name_makes_no_frontiers_has_its_seeds_under_its_own(server):
    spider = Keys.of_spider("my spider")
    server.lpush("my spider:start_urls", "1", "2")
    waiting = standings(server, [spider])
    Worker(Frontier(server, spider))

    assert waiting == [standing(spider.name, seeds=2)]
    assert standings(server, [spider]) == [standing(spider.name, seeds=2, workers=1)]
    assert exists(server, spider)


def test_a_cleared_frontier_and_an_order_alone_are_known_and_not_listed(server):
    cleared, ordered = Frontier(server, Keys("cleared")), Frontier(server, Keys("ordered"))
    cleared.clear()
    ordered.order("a.example", {"paused": True})

    assert standings(server, []) == []
    assert exists(server, cleared.keys)
    assert exists(server, ordered.keys)
    assert not exists(server, Keys("other"))


def test_more_frontiers_than_are_read_at_once_are_all_found(server, monkeypatch):
    monkeypatch.setattr(inventory, "SLICE", 7)
    names = [f"f{number:02}" for number in range(40)]
    for name in names:
        server.lpush(f"{name}:start_urls", "1")

    assert [found.name for found in standings(server, [])] == names


def test_a_foreign_value_among_the_workers_is_named(server):
    server.lpush("a:start_urls", "1")
    server.set("{a:start_urls}:workers", "theirs")

    with pytest.raises(FrontierError, match=r"\{a:start_urls\}:workers"):
        standings(server, [])
