"""A crawl from its first worker to its end, and what its successor finds."""

import pytest

from scraping_project.frontier.errors import (
    CrawlFollowed,
    CrawlOver,
    CrawlRefused,
    FrontierError,
    WorkerReaped,
)
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.messages import End, blob
from tests.support.frontier_worker import (
    Worker,
    burial,
    dump,
    kill,
    lasting,
    ledger_of,
    nack,
    numbers,
    push,
    strays,
)


def finish(worker):
    """Ends all that there is; returns the last answer."""
    while leased := worker.lease(1_000):
        worker.ack(*leased)
    reply = worker.finish_start()
    assert reply.finished
    return reply


def sweep(frontier, most=200):
    while frontier.sweep(most):
        assert frontier.check() == []


def test_the_first_worker_begins_a_crawl_and_the_next_joins_it(frontier):
    first, second = Worker(frontier), Worker(frontier)

    assert first.joined.began
    assert not second.joined.began
    assert (second.joined.epoch, second.joined.crawl_id) == (first.joined.epoch, first.joined.crawl_id)


def test_a_worker_learns_whether_it_comes_first(frontier):
    first, second = Worker(frontier), Worker(frontier)
    frontier.leave(first.token)
    third = Worker(frontier)
    kill(frontier, third)
    frontier.leave(second.token)

    assert [worker.joined.alone for worker in (first, second, third)] == [True, False, False]
    assert Worker(frontier).joined.alone


def test_a_worker_whose_deadline_has_passed_is_no_company(frontier):
    Worker(frontier, lease=-1)

    assert Worker(frontier).joined.alone


def test_an_unfinished_crawl_is_resumed_with_what_is_queued(frontier, worker):
    worker.push(push(1), push(2), push(3))
    worker.step(started=True, want=2, turn=2, pages=7)
    worker.step(nack=[nack(request, 3_600_000) for request in worker.again().leased[:1]])
    frontier.leave(worker.token)

    resumed = Worker(frontier)

    assert not resumed.joined.began
    assert (resumed.joined.queued, resumed.joined.pages) == (3, 7)


@pytest.mark.parametrize(("other", "what"), [({"rules": "{2}"}, "rules"), ({"seeds": "[2]"}, "seeds")])
def test_an_unfinished_crawl_refuses_workers_with_other_rules_or_seeds(frontier, worker, server, other, what):
    worker.push(push(1))
    before = dump(server)

    with pytest.raises(CrawlRefused) as refused:
        Worker(frontier, **other)

    assert refused.value.what == what
    assert refused.value.in_force == {"rules": "{}", "seeds": "[]"}[what]
    assert dump(server) == before


def test_a_worker_that_waits_for_seeds_joins_whatever_the_seeds_are(frontier, worker):
    worker.push(push(1))

    assert Worker(frontier, seeds="").joined.queued == 1


def test_a_crawl_that_was_begun_by_a_waiting_worker_takes_the_seeds_of_the_first_that_has_some(frontier):
    waiting = Worker(frontier, seeds="")
    waiting.push(push(1))
    assert not Worker(frontier, seeds="[1]").joined.began

    with pytest.raises(CrawlRefused):
        Worker(frontier, seeds="[2]")


def test_a_finished_crawl_is_followed_by_a_new_one_that_knows_nothing(frontier, worker):
    worker.step(push=[push(1)], filtered={"offsite": 1}, pages=3)
    finish(worker)

    again = Worker(frontier, rules="{other}", seeds="[other]")

    assert again.joined.began
    assert again.joined.epoch > worker.joined.epoch
    assert (again.joined.queued, again.joined.pages) == (0, 0)
    assert again.push(push(1)) == "1"
    assert "filtered:offsite" not in frontier.counts()
    with pytest.raises(CrawlFollowed):
        worker.step()


def test_a_worker_that_comes_late_joins_the_finished_crawl_of_those_it_was_started_with(frontier):
    first = Worker(frontier, together="a command")
    first.push(push(1))
    finish(first)
    frontier.leave(first.token)

    late = Worker(frontier, together="a command")

    assert not late.joined.began
    assert late.joined.crawl_id == first.joined.crawl_id
    assert late.push(push(1)) == "0"
    finish(late)


@pytest.mark.parametrize("others", ["another command", ""])
def test_a_worker_of_another_command_begins_the_next_crawl(frontier, others):
    first = Worker(frontier, together="a command")
    finish(first)

    assert Worker(frontier, together=others).joined.began


def test_all_that_resume_a_crawl_together_stay_with_it(frontier, worker):
    worker.push(push(1))
    frontier.leave(worker.token)
    first = Worker(frontier, together="a second command")
    finish(first)

    assert not Worker(frontier, together="a second command").joined.began


def test_a_waiting_worker_stays_with_a_finished_crawl(frontier, worker):
    worker.push(push(1))
    finish(worker)

    waiting = Worker(frontier, seeds="")

    assert not waiting.joined.began
    assert waiting.push(push(1)) == "0"


def test_a_waiting_worker_with_other_rules_begins_anew_once_nobody_is_left(frontier, worker):
    finish(worker)
    with pytest.raises(CrawlRefused):
        Worker(frontier, seeds="", rules="{2}")

    frontier.leave(worker.token)

    assert Worker(frontier, seeds="", rules="{2}").joined.began


def test_joining_again_after_a_lost_answer_is_the_same_joining(frontier, server):
    worker = Worker(frontier)
    worker.push(push(1))
    before = dump(server)

    again = Worker(frontier, token=worker.token)

    assert again.joined.began
    assert dump(server) == before


def test_a_crawl_is_not_finished_before_every_worker_has_pushed_its_start(frontier, worker):
    other = Worker(frontier)
    assert not worker.finish_start().finished
    assert other.finish_start().finished
    assert worker.step().finished


@pytest.mark.parametrize("state", ["queued", "leased", "delayed"])
def test_a_crawl_is_not_finished_while_a_request_is(frontier, worker, state):
    worker.finish_start()
    other = Worker(frontier, seeds="")
    other.push(push(1))
    if state != "queued":
        leased = other.lease()
    if state == "delayed":
        other.step(nack=[nack(*leased, 3_600_000)])

    assert not worker.step().finished
    assert ledger_of(frontier)[state] == 1


def test_a_crawl_with_dead_letters_finishes(frontier, worker):
    worker.push(push(1))
    worker.step(bury=[burial(*worker.lease())])

    assert worker.finish_start().finished


def test_a_crawl_is_not_finished_before_the_last_dead_letter_of_the_reaper_has_its_row(frontier, worker):
    worker.push(push(1))
    worker.finish_start()
    dead = Worker(frontier)
    dead.finish_start()
    dead.lease(1, arm_new=1)
    kill(frontier, dead, deaths=1)

    next_worker = Worker(frontier)

    assert not next_worker.joined.began
    reply = next_worker.finish_start()
    assert not reply.finished
    assert next_worker.step(logged=list(reply.letters)).finished


def test_a_crawl_is_not_finished_while_a_worker_has_a_seed_on_its_way(frontier, worker, server):
    worker.finish_start()
    waiting = Worker(frontier, seeds="")
    taken = f"{{links:start_urls}}:seeds:{waiting.token}"
    server.lpush(taken, b"http://a.example/\xff")
    assert not worker.step().finished

    reply = waiting.step(push=[push(1)], taken=[blob(b"http://a.example/\xff")])

    assert reply.pushed == "1"
    assert not server.exists(taken)
    assert finish(worker).finished


def test_a_seed_is_removed_once_for_each_time_it_was_pushed(frontier, worker, server):
    taken = f"{{links:start_urls}}:seeds:{worker.token}"
    server.lpush(taken, "b", "a", "b")

    worker.step(push=[push(1)], taken=[blob(b"b")])
    worker.again()

    assert server.lrange(taken, 0, -1) == [b"a", b"b"]


def everything(frontier, server):
    """A crawl that has something in every place there is."""
    worker = Worker(frontier)
    worker.push(*(push(number, f"slot {number % 7}", number % 5) for number in range(900)))
    for deaths in (2, 1):  # suspects, then dead letters
        dead = Worker(frontier)
        dead.lease(30, arm_new=30)
        kill(frontier, dead, deaths=deaths)
    assert worker.step().letters
    leased = worker.lease(50, arm_new=5)
    worker.step(nack=[nack(request, 3_600_000) for request in leased[:10]])
    worker.step(bury=[burial(request) for request in leased[10:20]], filtered={"offsite": 1})
    server.lpush(f"{{links:start_urls}}:seeds:{worker.token}", "a seed")
    counts = frontier.counts()
    assert min(counts[name] for name in ("queued", "delayed", "leased", "dead")) > 0
    return worker


def test_clearing_forgets_the_crawl_and_says_how_much_was_waiting(frontier, server):
    everything(frontier, server)
    ledger = ledger_of(frontier)

    assert frontier.clear() == ledger["queued"] + ledger["delayed"] + ledger["leased"]

    assert set(ledger_of(frontier).values()) == {0}
    assert frontier.check() == []
    assert server.lrange(frontier.keys.seeds, 0, -1) == [b"a seed"]


def test_the_workers_of_a_cleared_crawl_find_out_and_change_nothing(frontier, server):
    worker = everything(frontier, server)
    frontier.clear()
    fresh = Worker(frontier)
    fresh.push(push(1))
    before = dump(server)

    with pytest.raises((CrawlOver, WorkerReaped)):
        worker.step(push=[push(2)], want=5)

    assert not frontier.extend(worker.token, 1_000)
    assert dump(server) == before


def test_clearing_leaves_other_frontiers_as_they_are(frontier, server):
    others = [Frontier(server, Keys(name)) for name in ("links2", "link", "other")]
    for other in others:
        everything(other, server)
    everything(frontier, server)
    mine = [key for key in server.scan_iter() if key.startswith((b"{links:", b"links:"))]
    kept = {key: value for key, value in dump(server).items() if key not in mine}

    frontier.clear()
    sweep(frontier)

    after = dump(server)
    assert {key: after[key] for key in kept} == kept
    for other in others:
        assert strays(server, other.keys) != []  # the others' keys, which are none of its own
        server.delete(*server.keys(f"{{{other.keys.seeds}}}*"), other.keys.seeds)


@pytest.mark.parametrize("most", [1, 7, 200])
def test_sweeping_leaves_nothing_of_a_crawl_that_is_over(frontier, server, most):
    everything(frontier, server)
    frontier.clear()

    sweep(frontier, most)

    assert set(lasting(server)) == {frontier.keys.seeds.encode()}


def test_sweeping_spares_the_crawl_that_has_followed(frontier, server):
    everything(frontier, server)
    frontier.clear()
    worker = Worker(frontier)
    worker.push(push(1), push(2))

    sweep(frontier, 3)

    assert numbers(worker.lease(5)) == [1, 2]
    assert worker.push(push(1)) == "0"


def test_sweeping_goes_on_where_it_stopped_through_several_crawls(frontier, server):
    for _ in range(3):
        everything(frontier, server)
        frontier.clear()

    sweep(frontier, 2)

    assert server.keys("*:seen:*") == server.keys("*:queue:*") == []


def test_a_paused_frontier_stays_paused_when_it_is_cleared(frontier, server):
    Worker(frontier)
    frontier.pause()

    frontier.clear()

    assert Worker(frontier).ledger.paused


def test_clearing_a_frontier_that_never_was_changes_nothing_for_its_first_crawl(frontier):
    assert frontier.clear() == 0

    worker = Worker(frontier)
    assert worker.joined.began
    assert worker.push(push(1)) == "1"


def test_checking_finds_what_does_not_agree(frontier, server, worker):
    worker.push(push(1), push(2), push(3))
    worker.lease(arm_new=1)
    server.hincrby("{links:start_urls}:crawl", "queued", 1)
    server.sadd(f"{{links:start_urls}}:armed:{worker.token}", 99)
    server.hset("{links:start_urls}:1:buried", 98, "x")

    wrong = frontier.check()

    assert {line.partition(":")[0] for line in wrong} == {"queued", "discovered", "dead", "armed"}
    server.flushall()


def test_a_worker_that_never_joined_is_refused(frontier, worker):
    worker.token = "never"

    with pytest.raises(FrontierError):
        worker.step(ack=[End(1, 1)])
