"""What becomes of the work of a worker that leaves, or dies, or only seemed to be dead."""

import pytest

from scraping_project.frontier.errors import WorkerReaped
from tests.support.frontier_worker import (
    LONG,
    SHORT,
    Worker,
    burial,
    end,
    kill,
    ledger_of,
    move,
    nack,
    numbers,
    push,
    reap_until,
    until,
)


def fill(worker, number, slot="a.example"):
    worker.push(*(push(each, slot) for each in range(number)))


def late(server, worker):
    """Whether a worker is past its deadline."""
    return deadline_of(server, worker) < time_of(server)


def deadline_of(server, worker):
    return server.zscore("{links:start_urls}:workers", worker.token)


def time_of(server):
    """Milliseconds."""
    seconds, micros = server.time()
    return seconds * 1_000 + micros // 1_000


def test_leaving_gives_everything_back_in_its_order_and_untouched(frontier, worker, server):
    worker.push(*(push(number, "ab"[number % 2], number % 3) for number in range(600)))
    queues = {key: server.lrange(key, 0, -1) for key in server.keys("*:queue:*")}
    other = Worker(frontier)
    for _ in range(5):
        other.lease(80, turn=40)

    assert frontier.leave(other.token) == 400

    assert {key: server.lrange(key, 0, -1) for key in server.keys("*:queue:*")} == queues
    assert frontier.leave(other.token) == 0
    assert ledger_of(frontier)["queued"] == 600


def test_leaving_gives_back_the_seeds_in_their_order(frontier, worker, server):
    server.lpush(frontier.keys.seeds, "first", "second", "third")
    mine = f"{{links:start_urls}}:seeds:{worker.token}"
    server.lmove(frontier.keys.seeds, mine, "RIGHT", "LEFT")
    server.lmove(frontier.keys.seeds, mine, "RIGHT", "LEFT")

    frontier.leave(worker.token)

    assert server.lrange(frontier.keys.seeds, 0, -1) == [b"third", b"second", b"first"]


def test_a_worker_that_has_left_cannot_go_on(frontier, worker):
    frontier.leave(worker.token)

    with pytest.raises(WorkerReaped):
        worker.step()
    assert not frontier.extend(worker.token, LONG)


def test_a_silent_worker_is_marked_first_and_reaped_a_lease_later(frontier, worker, server):
    fill(worker, 3)
    dead = Worker(frontier, lease=SHORT)
    dead.lease(3, arm_new=1)
    until(lambda: late(server, dead))

    assert frontier.reap(LONG, grace_ms=LONG) == []
    assert frontier.reap(LONG, grace_ms=LONG) == []
    assert ledger_of(frontier)["leased"] == 3

    reap_until(frontier, dead.token)
    assert ledger_of(frontier) | {"leased": 0, "queued": 3} == ledger_of(frontier)
    with pytest.raises(WorkerReaped):
        dead.step()


def comes_back_by_extending(frontier, worker):
    assert frontier.extend(worker.token, SHORT)


def comes_back_by_a_step(frontier, worker):
    worker.step()


@pytest.mark.parametrize("comes_back", [comes_back_by_extending, comes_back_by_a_step])
def test_a_worker_that_comes_back_between_mark_and_deed_is_safe(frontier, worker, server, comes_back):
    slow = Worker(frontier, lease=SHORT)
    until(lambda: late(server, slow))
    assert frontier.reap(0, grace_ms=LONG) == []

    comes_back(frontier, slow)

    until(lambda: late(server, slow))
    assert frontier.reap(0, grace_ms=LONG) == [], "marked anew"
    assert frontier.reap(0, grace_ms=LONG) == [slow.token]


def test_a_worker_whose_process_is_gone_is_reaped_at_once(frontier, worker):
    fill(worker, 3)
    dead = Worker(frontier)
    dead.lease(3)

    assert frontier.reap(LONG, gone=[dead.token, "nobody"]) == [dead.token]
    assert numbers(worker.lease(3)) == [0, 1, 2]


def test_what_is_no_worker_is_taken_out_and_not_reported(frontier, worker, server):
    workers = frontier.keys.of("workers")
    server.zadd(workers, {"nobody": 9e15, b"\xff": 9e15, "past": 1})

    assert frontier.reap(LONG, strangers=[b"nobody", b"\xff"], grace_ms=LONG) == []

    assert server.zrange(workers, 0, -1) == [worker.token.encode()]


def test_one_that_has_joined_is_no_stranger_whatever_its_name(frontier, worker):
    fill(worker, 3)
    worker.lease(3)

    assert frontier.reap(LONG, strangers=[worker.token.encode()], grace_ms=LONG) == []

    assert frontier.extend(worker.token, LONG)
    assert ledger_of(frontier)["leased"] == 3


def test_after_redis_was_away_everybody_is_spared(frontier, worker, server):
    silent = Worker(frontier, lease=SHORT)
    until(lambda: late(server, silent))
    assert frontier.reap(0, grace_ms=LONG) == []  # marked: the next pass would act
    server.hincrby("{links:start_urls}:crawl", "reaped", -LONG)

    before = time_of(server)
    assert frontier.reap(SHORT) == []

    assert deadline_of(server, silent) >= before + SHORT
    until(lambda: late(server, silent))
    assert frontier.reap(0, grace_ms=LONG) == [], "marked anew"
    assert frontier.reap(0, grace_ms=LONG) == [silent.token]


def test_a_worker_that_holds_much_is_returned_in_passes_and_cannot_come_back_meanwhile(frontier, worker):
    fill(worker, 100)
    dead = Worker(frontier)
    dead.lease(100, arm_new=7)

    assert frontier.reap(LONG, gone=[dead.token], most=30, grace_ms=LONG) == []

    assert ledger_of(frontier) | {"leased": 70, "queued": 30} == ledger_of(frontier)
    assert frontier.check() == []
    assert not frontier.extend(dead.token, LONG)
    with pytest.raises(WorkerReaped):
        dead.step()
    passes = [frontier.reap(LONG, most=30, grace_ms=LONG) for _ in range(3)]
    assert passes == [[], [], [dead.token]]
    assert numbers(worker.lease(100)) == [0, *range(7, 100)]


def test_a_pass_returns_no_more_than_its_measure_of_all_the_dead(frontier, worker):
    fill(worker, 40)
    dead = [Worker(frontier) for _ in range(4)]
    for each in dead:
        each.lease(10)
    tokens = [each.token for each in dead]

    assert len(frontier.reap(LONG, gone=tokens, most=15, grace_ms=LONG)) == 1
    assert ledger_of(frontier)["leased"] == 25
    frontier.reap(LONG, most=15, grace_ms=LONG)
    assert ledger_of(frontier)["leased"] == 10
    frontier.reap(LONG, most=15, grace_ms=LONG)
    assert sorted(numbers(worker.lease(40))) == list(range(40))


def test_what_only_lay_in_the_buffer_of_the_dead_is_no_suspect(frontier, worker):
    fill(worker, 4)
    dead = Worker(frontier)
    dead.lease(4, arm_new=1)
    kill(frontier, dead)

    leased = worker.lease(4)
    assert sorted((request.deaths, *numbers([request])) for request in leased) == [
        (0, 1),
        (0, 2),
        (0, 3),
        (1, 0),
    ]


def test_a_worker_holds_one_suspect_at_a_time_and_others_of_the_slot_go_on(frontier, worker):
    fill(worker, 6)
    dead = Worker(frontier)
    dead.lease(3, arm_new=3)
    kill(frontier, dead)

    leased = worker.lease(10)
    assert sorted(request.deaths for request in leased) == [0, 0, 0, 1]
    assert worker.lease(10) == []
    (suspect,) = (request for request in leased if request.deaths)
    other = Worker(frontier)
    assert [request.deaths for request in other.lease(10)] == [1]

    worker.ack(suspect)
    assert [request.deaths for request in worker.lease(10)] == [1]


def test_a_worker_takes_one_suspect_of_all_slots_and_leaves_the_others_where_they_are(frontier, worker):
    worker.push(*(push(number, "abc"[number % 3]) for number in range(6)))
    dead = Worker(frontier)
    dead.lease(3, turn=1, arm_new=3)
    kill(frontier, dead)

    assert sorted(request.deaths for request in worker.lease(10)) == [0, 0, 0, 1]
    worker.push(*(push(number, "abc"[number % 3]) for number in range(6, 12)))
    assert [request.deaths for request in worker.lease(10)] == [0] * 6


ENDS = {
    "ack": lambda request: {"ack": [end(request)]},
    "nack": lambda request: {"nack": [nack(request)]},
    "bury": lambda request: {"bury": [burial(request)]},
    "move": lambda request: {"move": [move(request, 99)]},
    "release": lambda request: {"release": [end(request)]},
}


@pytest.mark.parametrize("ending", ENDS)
def test_a_worker_may_hold_another_suspect_once_its_own_has_ended(frontier, worker, ending):
    fill(worker, 2)
    dead = Worker(frontier)
    dead.lease(2, arm_new=2)
    kill(frontier, dead)
    (suspect,) = worker.lease(10)

    worker.step(**ENDS[ending](suspect))

    assert sum(request.deaths for request in worker.lease(10)) == 1


def test_a_request_that_was_a_suspect_once_takes_no_blame_for_it_later(frontier, worker):
    fill(worker, 1)
    dead = Worker(frontier)
    dead.lease(1, arm_new=1)
    kill(frontier, dead)
    dead = Worker(frontier)
    dead.step(nack=[nack(*dead.lease())])
    worker.push(push(50))
    dead.lease(2, arm_new=2)

    kill(frontier, dead)

    assert [request.deaths for request in worker.lease(5) + Worker(frontier).lease(5)] == [1, 1]


def test_slots_of_nothing_but_suspects_do_not_hide_the_others(frontier, worker):
    worker.push(*(push(number, f"slot-{number:03}") for number in range(300)))
    dead = Worker(frontier)
    dead.lease(300, arm_new=300)
    kill(frontier, dead)
    (suspect,) = worker.lease(1)
    assert suspect.deaths == 1
    worker.push(push(1_000, "zzz"))

    assert numbers(worker.lease(1)) == [1_000]


def test_a_death_counts_against_the_suspect_held_and_not_against_its_neighbours(frontier, worker):
    fill(worker, 3)
    first = Worker(frontier)
    first.lease(1, arm_new=1)
    kill(frontier, first)
    second = Worker(frontier)
    assert sorted(request.deaths for request in second.lease(3, arm_new=3)) == [0, 0, 1]

    kill(frontier, second)

    assert sorted(request.deaths for request in worker.lease(3)) == [0, 0, 2]


def test_workers_that_die_one_after_the_other_are_counted_against_all_suspects_in_turn(frontier, worker):
    fill(worker, 3)
    first = Worker(frontier)
    first.lease(3, arm_new=3)
    kill(frontier, first)

    for _ in range(3):
        another = Worker(frontier)
        another.lease(3, arm_new=3)
        kill(frontier, another)

    workers = [worker, Worker(frontier), Worker(frontier)]
    assert [request.deaths for each in workers for request in each.lease(3)] == [2, 2, 2]


def test_a_death_does_not_count_against_a_suspect_that_was_not_begun(frontier, worker):
    fill(worker, 2)
    first = Worker(frontier)
    first.lease(1, arm_new=1)
    kill(frontier, first)
    second = Worker(frontier)
    leased = second.lease(2)
    second.step(arm=[request.id for request in leased if not request.deaths])

    kill(frontier, second)

    assert [request.deaths for request in worker.lease(2) + Worker(frontier).lease(2)] == [1, 1]


def test_a_suspect_keeps_its_priority_and_its_place_of_honour_when_it_is_released(frontier, worker):
    worker.push(push(1, priority=-8), push(2, priority=-8))
    dead = Worker(frontier)
    dead.lease(2, arm_new=2)
    kill(frontier, dead)
    (suspect,) = worker.lease(5)

    worker.step(release=[end(suspect)])

    assert worker.lease(5) == [suspect]
    assert suspect.priority == -8


def test_the_seeds_of_a_dead_worker_are_given_back(frontier, worker, server):
    server.lpush(frontier.keys.seeds, "first", "second")
    dead = Worker(frontier)
    server.lmove(frontier.keys.seeds, f"{{links:start_urls}}:seeds:{dead.token}", "RIGHT", "LEFT")

    kill(frontier, dead)

    assert server.lrange(frontier.keys.seeds, 0, -1) == [b"second", b"first"]


def test_a_seed_that_comes_to_a_worker_already_reaped_is_given_back_too(frontier, worker, server):
    dead = Worker(frontier)
    kill(frontier, dead)
    server.lpush(f"{{links:start_urls}}:seeds:{dead.token}", "late")
    assert not worker.finish_start().finished

    frontier.reap(LONG, grace_ms=LONG)

    assert server.lrange(frontier.keys.seeds, 0, -1) == [b"late"]
    assert worker.step().finished


def test_a_dead_worker_does_not_keep_the_crawl_from_its_end(frontier, worker):
    dead = Worker(frontier)
    assert not worker.finish_start().finished

    kill(frontier, dead)

    assert worker.step().finished
