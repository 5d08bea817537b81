"""However much a frontier holds, a script does a bounded part of it: Redis serves others in between."""

from collections import defaultdict

import pytest
from redis.commands.core import Script

from scraping_project.frontier.ledger_check import TRIES
from scraping_project.frontier.pending_requests import PendingRequests
from scraping_project.frontier.scripts import PARTS, source
from tests.support.frontier_worker import LONG, Worker, burial, end, kill, ledger_of, push

ROOT = "{links:start_urls}:"
LEASES = 5_000  # more than a script puts in order
SLOTS = 12_000  # more than a script looks at


@pytest.fixture(name="most_commands")
def commands_of_each_script(server, monkeypatch):
    """How many commands of Redis the longest call of each script has run, by its name."""
    most, names, run = defaultdict(int), {source(verb): verb for verb in PARTS}, Script.__call__

    def counted(script, *arguments):
        before = commands(server)
        answer = run(script, *arguments)
        name = names[script.script]
        most[name] = max(most[name], commands(server) - before)
        return answer

    monkeypatch.setattr(Script, "__call__", counted)
    return most


def commands(server):
    return sum(each["calls"] for each in server.info("commandstats").values())


def hold(worker, count):
    """Leases so many, of one slot."""
    for first in range(0, count, 500):
        worker.push(*(push(number) for number in range(first, first + 500)))
    while worker.lease(500):
        pass


def queues(server):
    return {key: server.lrange(key, 0, -1) for key in server.keys("*:queue:*")}


def test_a_worker_that_leaves_gives_back_all_it_holds_bit_by_bit_in_its_order(
    frontier, worker, server, most_commands
):
    for first in range(0, LEASES, 500):
        worker.push(*(push(number) for number in range(first, first + 500)))
    before = queues(server)
    other = Worker(frontier)
    while other.lease(500):
        pass
    most_commands.clear()

    assert frontier.leave(other.token) == LEASES

    assert most_commands["leave"] < 8_000
    assert queues(server) == before


def test_a_worker_that_stops_in_the_midst_of_leaving_is_not_to_blame_for_the_rest(frontier, worker):
    other = Worker(frontier)
    other.push(*(push(number) for number in range(10)))
    other.lease(10, arm_new=10)

    assert frontier._call("leave", token=other.token, most=3) == [3, 1]

    assert ledger_of(frontier)["leased"] == 7
    assert frontier.check() == []
    assert not frontier.extend(other.token, LONG)
    kill(frontier, other)
    assert [request.deaths for request in worker.lease(10)] == [0] * 10


def test_a_worker_that_is_reaped_gives_back_all_it_holds_bit_by_bit(frontier, worker, most_commands):
    dead = Worker(frontier)
    hold(dead, LEASES)
    most_commands.clear()

    gone = [dead.token]
    while frontier.reap(LONG, gone=gone, grace_ms=LONG) != [dead.token]:
        gone = []
        assert frontier.check() == []

    assert most_commands["reap"] < 9_000
    assert ledger_of(frontier)["queued"] == LEASES


def test_the_permits_of_a_worker_end_bit_by_bit(frontier, worker, server, most_commands):
    dead = Worker(frontier)
    server.sadd(f"{ROOT}permits:{dead.token}", *(f"slot-{number}" for number in range(SLOTS)))

    kill_in_passes(frontier, dead)

    assert most_commands["reap"] < 2_000
    leaving = Worker(frontier)
    server.sadd(f"{ROOT}permits:{leaving.token}", *(f"slot-{number}" for number in range(SLOTS)))
    frontier.leave(leaving.token)
    assert most_commands["leave"] < 2_000
    assert server.keys(f"{ROOT}permits:*") == []


def kill_in_passes(frontier, worker):
    while frontier.reap(LONG, gone=[worker.token], grace_ms=LONG) != [worker.token]:
        pass


def test_after_the_clock_was_set_back_every_slot_is_looked_at_again_bit_by_bit(
    frontier, worker, server, most_commands
):
    for first in range(0, SLOTS, 500):
        worker.push(*(push(number, f"slot-{number}") for number in range(first, first + 500)))
    later = server.time()[0] * 1_000 + LONG
    slots = dict.fromkeys(server.zrange(f"{ROOT}1:slots", 0, -1), later)
    server.zadd(f"{ROOT}1:slots", slots)
    server.hset(f"{ROOT}crawl", "reaped", later)

    frontier.reap(LONG)

    assert most_commands["reap"] < 5_100
    assert server.zcount(f"{ROOT}1:slots", later, "+inf") == 0
    assert not server.hexists(f"{ROOT}crawl", "to look at")
    assert worker.lease(5, turn=1) != []


def test_one_that_died_while_it_looked_at_slots_is_followed_by_others(frontier, worker, server):
    slots = {f"slot-{number}": 9e15 for number in range(SLOTS)}
    server.zadd(f"{ROOT}1:slots", slots)
    server.hset(f"{ROOT}crawl", mapping={"to look at": SLOTS})
    arguments = {"lease": LONG, "gone": [], "strangers": [], "most": 0, "deaths": 5, "grace": LONG}
    assert frontier._call("reap", **arguments) == [[], SLOTS - 5_000]

    frontier.reap(LONG, grace_ms=LONG)

    assert server.zcount(f"{ROOT}1:slots", 9e15, "+inf") == 0
    server.delete(f"{ROOT}1:slots")


def test_slots_of_nothing_but_suspects_cost_a_worker_that_holds_one_no_more_than_a_few_looks(
    frontier, worker, server, most_commands
):
    worker.push(push(1))
    dead = Worker(frontier)
    dead.lease(1, arm_new=1)
    kill(frontier, dead)
    (suspect,) = worker.lease()
    assert suspect.deaths == 1
    server.zadd(f"{ROOT}1:slots", {f"slot-{number}": 1 for number in range(SLOTS)})
    most_commands.clear()

    assert worker.lease() == []

    assert most_commands["checkpoint"] < 2_200
    server.delete(f"{ROOT}1:slots")


def test_what_former_crawls_left_is_swept_up_bit_by_bit(frontier, worker, server, most_commands):
    worker.push(*(push(number, f"slot-{number % 40}", number // 40) for number in range(4_000)))
    frontier.clear()

    while frontier.sweep(200):
        pass

    assert most_commands["sweep"] < 500
    assert server.keys(f"{ROOT}1:*") == []


def test_a_time_to_live_is_given_and_taken_bit_by_bit(frontier, worker, server, monkeypatch, most_commands):
    monkeypatch.setattr("scraping_project.frontier.frontier.BUCKETS", 5)
    hold(worker, 5_000)
    leased = [end[0] for end in server.hscan_iter(f"{ROOT}leases:{worker.token}")]
    assert len(leased) == 5_000
    frontier.leave(worker.token)
    done = Worker(frontier)
    while requests := done.lease(500):
        done.ack(*requests)
    done.finish_start()
    frontier.leave(done.token)
    assert len(server.keys(f"{ROOT}1:seen:*")) > 20

    frontier.rest()
    Worker(frontier, seeds="")

    assert most_commands["expire"] < 60
    assert most_commands["persist"] < 60
    assert server.ttl(f"{ROOT}1:seen:20") == -1


def test_a_check_reads_page_by_page_and_runs_no_script_where_nothing_is_dead(frontier, worker, server):
    for first in range(0, 2_000, 500):
        worker.push(*(push(number, f"slot-{number}") for number in range(first, first + 500)))
    worker.lease(900, turn=1, arm_new=900)
    told = []
    server.config_resetstat()

    assert frontier.checked(lambda *part: told.append(part)).wrong == []

    used = {name.removeprefix("cmdstat_").lower() for name in server.info("commandstats")}
    assert used <= {"zcard", "zrange", "hmget", "hget", "hlen", "hgetall", "llen", "scard", "sscan", "zscan",
                    "info", "multi", "exec", "config", "config|resetstat"}  # fmt: skip
    assert server.info("commandstats")["cmdstat_hgetall"]["calls"] == 2  # the counters, before and after
    assert ("slots", 500, 1_100) in told
    assert ("slots", 1_100, 1_100) in told
    assert told[-1][0] == "buckets of the dupe filter"


def test_a_check_says_when_somebody_worked_meanwhile_and_counts_again(frontier, worker):
    numbers, counted = iter(range(1_000)), []

    def work(what, *_):
        counted.append(what)
        if what == "slots":  # after they are counted, and before the counters are read again
            worker.push(push(next(numbers), "b.example"))

    worker.push(push(2_000))
    checked = frontier.checked(work)

    assert checked.moved
    assert [line.partition(":")[0] for line in checked.wrong] == ["queued"]
    assert counted.count("slots") == TRIES
    assert (frontier.checked().moved, frontier.check()) == (False, [])


def test_a_check_that_is_disturbed_once_is_exact_the_second_time(frontier, worker):
    left = [push(1, "b.example")]
    worker.push(push(2))

    checked = frontier.checked(lambda what, *_: left and what == "slots" and worker.push(left.pop()))

    assert (checked.wrong, checked.moved) == ([], False)


def test_leases_and_releases_that_leave_the_counters_as_they_were_count_as_work(frontier, worker):
    worker.push(push(1))

    def work(*_):
        worker.step(release=[end(request) for request in worker.lease()])

    work()
    before = frontier.counts()

    assert frontier.checked(work).moved
    assert frontier.counts() == before


def test_letters_are_read_page_by_page(frontier, worker, server):
    for first in range(0, 1_500, 500):
        worker.push(*(push(number) for number in range(first, first + 500)))
        worker.step(bury=[burial(request) for request in worker.lease(500)])
    server.config_resetstat()

    assert len(list(frontier.dead())) == 1_500

    calls = server.info("commandstats")
    assert calls["cmdstat_hmget"]["calls"] < 20
    assert "cmdstat_hgetall" not in calls


def test_a_repair_looks_through_long_queues_bit_by_bit(frontier, worker, server, monkeypatch):
    text = source("repair").replace("local REACH = 1000000", "local REACH = 1000")
    assert text != source("repair")
    frontier._scripts._scripts["repair"] = server.register_script(text)
    worker.push(*(push(number) for number in range(2_000)))
    ends = [each.withdrawal(1) for each in PendingRequests(server, frontier.keys).read([])]
    monkeypatch.setattr(frontier, "_call", counted := Counted(frontier._call))

    repaired = frontier.repair(worker.token, 1, LONG, highest=1, ends=sorted(ends, key=lambda end: end.id))

    assert repaired.ended == 2_000
    assert counted.calls == 1  # each lay at the front
    worker.push(*(push(number) for number in range(2_000, 4_000)))
    ends = [each.withdrawal(1) for each in PendingRequests(server, frontier.keys).read([])][-900:]
    assert frontier.repair(worker.token, 1, LONG, highest=1, ends=ends).ended == 900
    assert counted.calls > 100
    assert frontier.check() == []


class Counted:
    """Counts how often it is called."""

    def __init__(self, call):
        self._call = call
        self.calls = 0

    def __call__(self, *arguments, **named):
        self.calls += 1
        return self._call(*arguments, **named)
