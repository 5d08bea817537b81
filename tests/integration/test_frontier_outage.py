"""What a step does when Redis is full, forgetful, read-only, loading or away, and when its answer is lost."""

import threading

import pytest

from scraping_project.frontier.connection import connect
from scraping_project.frontier.errors import FrontierError, FrontierFull, FrontierUnavailable
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.keys import Keys
from testing.servers import free_port, redis_server
from testing.tcp_proxy import Fault, tcp_proxy
from tests.support.frontier_worker import (
    LONG,
    Worker,
    burial,
    dump,
    end,
    kill,
    ledger_of,
    move,
    nack,
    numbers,
    push,
    until,
)
from tests.support.full_redis import full


@pytest.fixture(name="leased")
def ten_leased_requests(worker):
    worker.push(*(push(number) for number in range(20)))
    return worker.lease(10, arm_new=4)


@pytest.mark.parametrize("first", [push(100), push(0), push(None)], ids=["new", "known", "unfiltered"])
def test_a_full_redis_refuses_a_step_with_pushes_as_a_whole(frontier, worker, leased, server, first):
    before = dump(server)
    ends = {
        "ack": [end(leased[0])],
        "nack": [nack(leased[1])],
        "bury": [burial(leased[2])],
        "release": [end(leased[3])],
        "move": [move(leased[4], 200)],
    }

    with full(server), pytest.raises(FrontierFull):
        worker.step(push=[first, push(101)], want=5, pages=1, started=True, **ends)

    assert dump(server) == before
    reply = worker.again()
    assert (reply.ledger.done, reply.ledger.dead) == (1, 1)


ENDS = {
    "ack": lambda leased: {"ack": [end(leased)]},
    "nack": lambda leased: {"nack": [nack(leased, 9_999_999)]},
    "bury": lambda leased: {"bury": [burial(leased)]},
    "release": lambda leased: {"release": [end(leased)]},
    "move": lambda leased: {"move": [move(leased, 200)]},
    "nothing": lambda _: {},
}


@pytest.mark.parametrize("ending", ENDS)
def test_a_full_redis_takes_a_step_without_pushes(frontier, worker, leased, server, ending):
    with full(server):
        reply = worker.step(**ENDS[ending](leased[0]))

    assert reply.ledger.leased == (10 if ending == "nothing" else 9)


def test_a_full_redis_takes_ends_that_come_too_late(frontier, worker, leased, server):
    worker.ack(leased[0])

    with full(server):
        assert worker.ack(leased[0], leased[1]).ledger.done == 2


def test_in_a_full_redis_workers_live_on_and_leave_and_are_reaped(frontier, worker, leased, server):
    dying, leaving = Worker(frontier), Worker(frontier)
    dying.lease(2, arm_new=1)
    leaving.lease(2)
    server.lpush(f"{{links:start_urls}}:seeds:{leaving.token}", "a seed")

    with full(server):
        assert frontier.extend(worker.token, LONG)
        assert frontier.leave(leaving.token) == 2
        kill(frontier, dying)

    assert server.lrange(frontier.keys.seeds, 0, -1) == [b"a seed"]
    assert ledger_of(frontier)["queued"] == 10


def test_a_full_redis_can_be_cleared_and_swept(frontier, worker, leased, server):
    server.lpush(f"{{links:start_urls}}:seeds:{worker.token}", "a seed")

    with full(server):
        frontier.clear()
        while frontier.sweep(3):
            pass

    assert server.keys("*:queue:*") == []


ADDING = {
    "join": lambda frontier, _: Worker(frontier),
    "requeue": lambda frontier, dead: frontier.requeue([dead.id]),
}


@pytest.mark.parametrize("adding", ADDING)
def test_a_full_redis_refuses_what_only_adds(frontier, worker, leased, server, adding):
    worker.step(bury=[burial(leased[0])])
    before = dump(server)

    with full(server), pytest.raises(FrontierFull):
        ADDING[adding](frontier, leased[0])

    assert dump(server) == before


def test_a_server_that_forgot_the_scripts_is_told_them_again(frontier, worker, server):
    server.script_flush()

    assert worker.push(push(1)) == "1"
    server.script_flush()
    assert numbers(worker.lease()) == [1]


def test_a_server_that_forgets_a_script_as_soon_as_it_was_told_is_away(frontier, worker, server, monkeypatch):
    load = server.script_load

    def load_before_a_failover(script):
        digest = load(script)
        server.script_flush()
        return digest

    server.script_flush()
    with monkeypatch.context() as patched:
        patched.setattr(server, "script_load", load_before_a_failover)
        with pytest.raises(FrontierUnavailable):
            worker.push(push(1))

    assert worker.again().pushed == "1"


def test_a_replica_refuses_and_takes_the_step_once_it_is_promoted(frontier, worker, server):
    worker.push(push(1))
    server.execute_command("REPLICAOF", "127.0.0.1", free_port())

    try:
        with pytest.raises(FrontierUnavailable):
            worker.step(want=1)
        with pytest.raises(FrontierUnavailable):
            frontier.pause()
    finally:
        server.execute_command("REPLICAOF", "NO", "ONE")

    assert numbers(worker.again().leased) == [1]


def test_a_server_that_is_loading_is_unavailable():
    with redis_server(key_load_delay=5_000, loading_process_events_interval_bytes=1024) as server:
        with connect(server.url) as client:
            worker = Worker(Frontier(client, Keys("links")))
            worker.push(*(push(number, f"slot {number}") for number in range(100)))
            client.bgrewriteaof()
            until(lambda: not client.info("persistence")["aof_rewrite_in_progress"])
        server.kill()
        messages = []
        with connect(server.url) as client:
            worker.frontier = Frontier(client, Keys("links"))

            def repeated():
                try:
                    return worker.again()
                except FrontierUnavailable as error:
                    messages.append(str(error))
                    return None

            repeating = threading.Thread(target=until, args=[repeated])
            repeating.start()
            server.start()  # from this thread, with which the server ends
            repeating.join()

            assert any("loading" in message for message in messages)
            assert worker.again().ledger.queued == 100
            assert worker.frontier.check() == []


def test_a_killed_server_s_frontier_is_as_it_was():
    with redis_server(appendfsync="always") as server, connect(server.url) as client:
        frontier = Frontier(client, Keys("links"))
        worker = Worker(frontier)
        worker.push(push(1), push(2))
        worker.lease(1, arm_new=1)
        server.kill()
        with pytest.raises(FrontierUnavailable):
            worker.push(push(3))
        server.start()

        assert worker.again().pushed == "1"

        assert ledger_of(frontier) | {"leased": 1, "queued": 2} == ledger_of(frontier)
        assert frontier.check() == []


@pytest.fixture(name="proxy")
def proxy_before_the_server(server):
    with tcp_proxy(*address(server)) as proxy:
        yield proxy


@pytest.fixture(name="cut_off")
def worker_behind_the_proxy(frontier, proxy):
    """A worker whose link to the server the proxy can harm; ``frontier`` itself has a link of its own."""
    with connect(f"redis://127.0.0.1:{proxy.port}", timeout=2) as client:
        yield Worker(Frontier(client, frontier.keys))


def address(client):
    options = client.connection_pool.connection_kwargs
    return options["host"], options["port"]


def test_a_step_whose_answer_was_lost_has_one_effect_however_often_it_is_sent(frontier, cut_off, proxy):
    cut_off.push(*(push(number) for number in range(10)))
    leased = cut_off.lease(4, arm_new=4)
    proxy.fault = Fault.CUT_REPLY
    ends = {"ack": [end(leased[0])], "nack": [nack(leased[1])], "move": [move(leased[2], 77)]}

    with pytest.raises(FrontierUnavailable):
        cut_off.step(push=[push(100), push(None), push(0)], want=2, turn=2, pages=1, **ends)
    assert proxy.replies_cut == 1
    for _ in range(2):
        with pytest.raises(FrontierUnavailable):
            cut_off.again()
    after = {name: number for name, number in frontier.counts().items() if name != "reaped"}
    proxy.fault = Fault.NONE
    reply = cut_off.again()

    assert (reply.pushed, numbers(reply.leased)) == ("110", [4, 5])
    assert {name: number for name, number in frontier.counts().items() if name != "reaped"} == after
    assert ledger_of(frontier) == {
        "discovered": 12, "queued": 8, "delayed": 0, "leased": 3, "done": 1, "dead": 0
    }  # fmt: skip
    assert "stale" not in frontier.counts()


def test_joining_whose_answer_was_lost_is_done_once(frontier, proxy):
    with connect(f"redis://127.0.0.1:{proxy.port}", timeout=2) as client:
        behind = Frontier(client, frontier.keys)
        client.ping()
        behind.check()
        Worker(frontier, token="other", seeds="").finish_start()
        proxy.fault = Fault.CUT_REPLY
        with pytest.raises(FrontierUnavailable):
            Worker(behind, token="mine")
        proxy.fault = Fault.NONE

        assert Worker(behind, token="mine").joined.began


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.BLACK_HOLE])
def test_a_step_that_never_arrived_is_done_when_it_is_sent_again(frontier, cut_off, proxy, fault):
    proxy.fault = fault
    with pytest.raises(FrontierUnavailable):
        cut_off.push(push(1))
    assert ledger_of(frontier)["discovered"] == 0

    proxy.fault = Fault.NONE
    proxy.cut()
    assert cut_off.again().pushed == "1"


def test_a_step_that_arrives_after_its_repetition_changes_nothing(frontier, cut_off, proxy):
    proxy.delay = 4.0
    with pytest.raises(FrontierUnavailable):
        cut_off.push(push(1))  # on its way, and given up
    late = cut_off.last
    proxy.delay = 0.0
    cut_off.frontier = frontier
    cut_off.again()
    cut_off.push(push(2))

    with pytest.raises(FrontierError, match="older"):
        frontier.checkpoint(late)
    assert ledger_of(frontier)["discovered"] == 2


def test_a_slow_link_is_no_outage(frontier, cut_off, proxy):
    proxy.delay = 0.02

    assert cut_off.push(push(1)) == "1"
