"""How many dead letters there are of each reason and slot, and how they are found and put back by these."""

import json
from itertools import count as numbers_from

import pytest

from scraping_project.frontier.errors import FrontierError
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.messages import Refusal, blob
from tests.support.frontier_worker import Worker, burial, kill, ledger_of, numbers, push

ROOT = "{links:start_urls}:"
unused = numbers_from()
CRAWL, GROUPS = f"{ROOT}crawl", f"{ROOT}1:buried_by"


def letter(reason):
    return json.dumps({"reason": reason, "message": "x" * 70}).encode()


def bury(worker, count, reason="timeout", slot="a.example"):
    """Buries so many requests; returns their ids."""
    ids = []
    while len(ids) < count:
        part = min(count - len(ids), 500)
        worker.push(*(push(next(unused), slot, 9) for _ in range(part)))
        leased = worker.lease(part)
        worker.step(bury=[burial(request, letter(reason)) for request in leased])
        ids += [request.id for request in leased]
    return ids


def groups(server):
    return {name.decode(): number for name, number in server.zrange(GROUPS, 0, -1, withscores=True)}


def forget_groups(server):
    """As an older version leaves a crawl."""
    server.hdel(CRAWL, "grouped")
    server.delete(GROUPS)


def test_letters_are_counted_by_reason_and_slot_whoever_buries_them(frontier, worker, server):
    bury(worker, 3)
    bury(worker, 2, "tls", "a.example")
    bury(worker, 1, "timeout", "b c.example")
    worker.step(refuse=[Refusal(blob(letter("parse")), blob(b"a seed"), "")])
    worker.push(push(9_000, "d.example"))
    server.rpush(f"{ROOT}1:queue:0:d.example", b"no record")
    victim = Worker(frontier)
    victim.lease(5, arm_new=5)
    kill(frontier, victim, deaths=1)

    assert groups(server) == {
        "timeout a.example": 3,
        "tls a.example": 2,
        "timeout b c.example": 1,
        "parse ": 1,
        "undecodable d.example": 1,
        "deliveries d.example": 1,
    }


@pytest.mark.parametrize("text", [b"{", b"5", b"{}", b'{"reason":5}', b'{"reason":"two words"}', b"\xff"])
def test_a_letter_without_a_reason_of_one_word_counts_as_undecodable(frontier, worker, server, text):
    worker.push(push(1))
    (request,) = worker.lease()
    worker.step(bury=[burial(request, text)])

    assert groups(server) == {"undecodable a.example": 1}
    assert sum(frontier.requeue_matching("undecodable", "a.example")) == 1
    assert groups(server) == {}


def test_what_is_put_back_or_cleared_counts_no_more(frontier, worker, server):
    ids = bury(worker, 3)

    assert frontier.requeue(ids[:2]) == 2
    assert groups(server) == {"timeout a.example": 1}
    frontier.clear()
    while frontier.sweep():
        pass
    assert not server.exists(GROUPS)


def test_the_numbers_end_with_the_finished_crawl_they_belong_to(frontier, worker, server):
    bury(worker, 3)
    forget_groups(server)
    worker.finish_start()
    frontier.leave(worker.token)
    frontier.rest()

    frontier.count_letters()

    assert server.pttl(GROUPS) == pytest.approx(server.pttl(CRAWL), abs=10_000)
    assert frontier.requeue([1]) == 1
    assert server.ttl(GROUPS) == -1


def test_a_check_names_a_group_that_is_wrong(frontier, worker, server):
    bury(worker, 3)
    server.zincrby(GROUPS, 5, "timeout a.example")

    checked = frontier.checked()

    assert not checked.grouped
    assert checked.wrong == [
        f"{GROUPS}: 1 groups of dead letters are wrong, as that of 'timeout a.example': 3 found, 8 noted"
    ]
    frontier.count_letters()
    assert groups(server) == {"timeout a.example": 3}


def test_letters_of_an_older_version_are_counted_while_workers_bury_and_put_back(frontier, worker, server):
    ids = bury(worker, 1_200)
    forget_groups(server)
    bury(worker, 10, "tls")
    frontier.requeue(ids[:10])
    assert groups(server) == {}
    assert not frontier.checked().grouped

    told = []

    def work(number):
        told.append(number)
        if len(told) == 1:
            bury(worker, 20, "tls")
            frontier.requeue(ids[10:300])

    frontier.count_letters(work)

    assert len(told) > 1
    assert groups(server) == {"timeout a.example": 900, "tls a.example": 30}
    assert not server.exists(f"{ROOT}1:counted")
    assert frontier.checked().grouped


def test_a_count_that_was_killed_is_begun_again_and_one_beside_it_goes_on(frontier, worker, server):
    bury(worker, 1_200)
    forget_groups(server)
    with pytest.raises(KeyboardInterrupt):
        frontier.count_letters(interrupt)
    counted_by_two = []

    def count_too(number):
        counted_by_two.append(number)
        if len(counted_by_two) == 1:
            Frontier(server, frontier.keys).count_letters()

    frontier.count_letters(count_too)

    assert groups(server) == {"timeout a.example": 1_200}


def test_a_count_that_others_have_overtaken_does_not_end_theirs(frontier, worker, server):
    bury(worker, 1_200)
    forget_groups(server)
    began, cursor = frontier._call("count_letters", began="", cursor="0", most=500)
    slow = {"began": began.decode(), "cursor": cursor.decode(), "most": 500}
    frontier.count_letters()
    server.hdel(CRAWL, "grouped")
    with pytest.raises(KeyboardInterrupt):
        frontier.count_letters(interrupt)

    while slow["cursor"] != "0":
        slow["cursor"] = frontier._call("count_letters", **slow)[1].decode()

    assert not frontier.checked().grouped
    frontier.count_letters()
    assert groups(server) == {"timeout a.example": 1_200}


def interrupt(_):
    raise KeyboardInterrupt


def test_a_frontier_without_a_crawl_has_nothing_to_count(frontier, server):
    frontier.count_letters()

    assert server.keys("*") == []


def test_a_group_is_put_back_slice_by_slice_and_after_a_kill_another_call_does_the_rest(
    frontier, worker, server
):
    bury(worker, 1_200)
    bury(worker, 3, "tls")
    bury(worker, 4, "timeout", "b.example")

    first = next(frontier.requeue_matching("timeout", "a.example"))  # and its process is killed
    assert 0 < first < 1_200
    assert sum(frontier.requeue_matching("timeout", "a.example")) == 1_200 - first
    assert list(frontier.requeue_matching("timeout", "a.example")) == []

    assert ledger_of(frontier) | {"queued": 1_200, "dead": 7} == ledger_of(frontier)
    assert sum(frontier.requeue_matching(slot="b.example")) == 4
    assert sum(frontier.requeue_matching()) == 3


def test_a_finished_crawl_of_which_nothing_is_put_back_rests_again(frontier, worker, server):
    bury(worker, 1)
    worker.finish_start()
    frontier.leave(worker.token)
    frontier.rest()

    assert list(frontier.requeue_matching("tls")) == []
    assert server.ttl(CRAWL) > 0


def pages_of(frontier, **filters):
    after = ""
    while True:
        page = frontier.dead_page(after=after, **filters)
        yield page.letters
        if not (after := page.after):
            return


@pytest.mark.parametrize("limit", [7, 50, 1_000])
def test_pages_have_every_letter_of_a_group_once_and_no_other(frontier, worker, limit):
    wanted = bury(worker, 130)
    bury(worker, 60, "tls")
    others = bury(worker, 11, "timeout", "b.example")

    pages = list(pages_of(frontier, reason="timeout", slot="a.example", limit=limit))
    assert sorted(each.id for page in pages for each in page) == wanted
    assert all(len(page) == limit for page in pages[:-1])
    every = [each.id for page in pages_of(frontier, limit=limit) for each in page]
    assert (len(every), len(set(every))) == (201, 201)
    chosen = pages_of(frontier, limit=limit, chosen=lambda each: each.request.slot == "b.example")
    assert sorted(each.id for page in chosen for each in page) == others


def test_a_page_looks_at_so_many_letters_and_says_where_it_stopped(frontier, worker, monkeypatch):
    monkeypatch.setattr("scraping_project.frontier.dead_letters.LOOKED_AT", 600)
    bury(worker, 1_500)

    page = frontier.dead_page(reason="tls")

    assert page.letters == []
    assert page.after
    assert len(list(pages_of(frontier, reason="tls"))) in {2, 3}


def test_a_place_that_no_page_has_named_is_refused(frontier):
    for after in ("x", "1", "1:", "-1:0", "1:2:3", "1" * 30 + ":0"):
        with pytest.raises(FrontierError, match="is no place among dead letters"):
            frontier.dead_page(after=after)


def test_letters_are_found_by_their_ids(frontier, worker):
    ids = bury(worker, 3)

    found = frontier.dead_of([ids[2], 999, ids[0]])

    assert [each.id for each in found] == [ids[2], ids[0]]
    assert numbers([each.request for each in found])
    assert found[0].letter["reason"] == "timeout"
    assert frontier.dead_of([]) == []


def test_large_requests_are_read_a_few_at_a_time(frontier, worker, server):
    for number in range(12):
        worker.push(push(number, payload=b"x" * 1_000_000))
        worker.step(bury=[burial(request, letter("timeout")) for request in worker.lease()])
    server.config_resetstat()

    assert len(list(frontier.dead())) == 12

    assert server.info("commandstats")["cmdstat_hmget"]["calls"] >= 1 + 12 / 4
