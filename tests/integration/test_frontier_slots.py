"""The permits of slots: who may send when, for all workers of a frontier."""

import json

import pytest

from scraping_project.frontier.messages import (
    BLOCKED,
    GRANTED,
    PAUSED,
    REFUSED,
    YIELD,
    Ask,
)
from tests.support.frontier_worker import Worker, end, kill, lasting, nack, numbers, push, until
from tests.support.full_redis import full

SLOT = "a.example"
KEY = "{links:start_urls}:slot:" + SLOT
PERMIT_MS, TURN_MS, TOO_FAR_MS = 5_000, 5_000, 2_000
REMEMBERED_MS, A_DAY_MS = 600_000, 86_400_000
DELAY = 1_500  # ms: soon enough for a permit to be given before it is over


@pytest.fixture(name="other")
def another_worker(frontier, worker):
    return Worker(frontier)


def say(worker, **parts):
    """One step about one slot: what was granted, the server's time, and all that was heard."""
    reply = worker.step(asks=[Ask(SLOT, **({"need": 1, "crawl": 0} | parts))], robots=True)
    (grant,) = reply.grants or (None,)
    return grant, reply.now_ms, reply


def give_back(worker, **parts):
    return say(worker, need=0, **parts)[1]


def clock(server):
    """The slot's hash: numbers by name, permits by token."""
    return {name.decode(): value.decode() for name, value in server.hgetall(KEY).items()}


def permit_of(server, worker):
    """How many permits a worker has, and until when (ms)."""
    permits, till = clock(server)["@" + worker.token].split()
    return int(permits), int(till)


def holders(server):
    return {name[1:] for name in clock(server) if name.startswith("@")}


def lease_with_permits(worker, want=100, **fields):
    reply = worker.step(want=want, turn=1_000, robots=True, **fields)
    return reply, {grant.slot: grant for grant in reply.grants}


# One holder, where there is a delay


def test_a_slot_with_a_delay_has_one_holder(server, worker, other):
    grant, now, _ = say(worker, delay=DELAY, need=4, cap=4)
    assert (grant.outcome, grant.permits, grant.lasts, grant.delay) == (GRANTED, 4, PERMIT_MS, DELAY)

    refused, then, _ = say(other, delay=DELAY, need=4, cap=4)

    assert (refused.outcome, refused.permits, refused.lasts) == (REFUSED, 0, 0)
    assert refused.wait == now + PERMIT_MS + DELAY - then
    assert holders(server) == {worker.token}


def test_a_holder_has_no_more_permits_than_the_slot_s_concurrency(worker):
    assert say(worker, delay=DELAY, need=9, cap=3)[0].permits == 3


def test_a_slot_whose_robots_txt_is_not_known_has_one_holder(server, worker, other):
    assert say(worker, crawl=-1, need=4, cap=8)[0].outcome == GRANTED
    assert say(other, crawl=-1, need=4, cap=8)[0].outcome == REFUSED

    say(worker, crawl=0, need=4, cap=8)

    assert say(other, crawl=-1, need=4, cap=8)[0].outcome == GRANTED
    assert holders(server) == {worker.token, other.token}


def test_where_robots_txt_is_not_obeyed_it_need_not_be_known(worker, other):
    for each in (worker, other):
        (grant,) = each.step(asks=[Ask(SLOT, need=2, cap=8)]).grants
        assert grant.outcome == GRANTED


def test_the_requests_of_a_slot_that_is_held_are_leased_to_nobody_else(server, worker, other):
    worker.push(*(push(number) for number in range(9)))
    reply, grants = lease_with_permits(worker, delay=DELAY, ahead=2 * DELAY, cap=1)
    assert (len(reply.leased), grants[SLOT].outcome) == (3, GRANTED)

    till = reply.now_ms + PERMIT_MS
    assert int(server.zscore("{links:start_urls}:1:slots", SLOT)) == till + DELAY

    reply, grants = lease_with_permits(other, delay=DELAY, ahead=2 * DELAY, cap=1)

    assert (reply.leased, grants) == ([], {})


def test_of_a_slot_with_a_delay_the_first_alone_may_begin_before_the_next_checkpoint(worker):
    worker.push(*(push(number) for number in range(5)))
    reply, _ = lease_with_permits(worker, delay=DELAY, ahead=10 * DELAY, cap=1, arm_new=100)

    assert [leased.armed for leased in reply.leased] == [True, False, False, False, False]


def test_a_slot_that_was_asked_for_is_not_leased_from_twice(worker):
    worker.push(*(push(number) for number in range(5)))

    reply = worker.step(asks=[Ask(SLOT, want=1, need=1, cap=8)], want=5, turn=5)

    assert (len(reply.leased), len(reply.grants)) == (1, 1)


# Hand-over


def test_at_hand_over_what_is_left_of_the_delay_is_waited_out_to_the_millisecond(worker, other):
    say(worker, delay=DELAY)
    sent = give_back(worker, sent=300) - 300

    grant, now, _ = say(other, delay=DELAY)

    assert grant.outcome == GRANTED
    assert grant.wait == max(sent + DELAY - now, 0)


def test_a_holder_that_sent_nothing_leaves_nothing_to_wait_for(worker, other):
    say(worker, delay=DELAY)
    give_back(worker)

    assert say(other, delay=DELAY)[0].wait == 0


def test_the_last_send_counts_whoever_says_so_last(server, worker, other):
    say(worker, delay=DELAY)
    last = give_back(worker, sent=100) - 100
    say(other, delay=DELAY, sent=900_000)

    assert int(clock(server)["sent"]) == last


def test_a_turn_that_is_far_off_is_nobody_s_yet(server, worker, other):
    say(worker, delay=60_000)
    sent = give_back(worker, sent=0)

    grant, now, _ = say(other, delay=60_000)

    assert (grant.outcome, grant.wait) == (REFUSED, sent + 60_000 - now)
    assert holders(server) == set()


def test_a_slot_is_looked_at_again_when_its_turn_comes(frontier, server, worker, other):
    worker.push(push(1), push(2))
    lease_with_permits(worker, want=1, delay=60_000, cap=1)
    sent = give_back(worker, delay=60_000, sent=0)

    assert int(server.zscore("{links:start_urls}:1:slots", SLOT)) == sent + 60_000
    assert lease_with_permits(other, delay=60_000, cap=1)[0].leased == []


def test_a_holder_goes_on_without_a_wait(worker):
    say(worker, delay=60_000)

    grant, _, _ = say(worker, delay=60_000, sent=0)

    assert (grant.outcome, grant.wait) == (GRANTED, 0)


def test_a_holder_yields_after_its_turn_when_somebody_waits(server, worker, other):
    say(worker, delay=DELAY)
    say(other, delay=DELAY, waits=True)
    assert say(worker, delay=DELAY)[0].outcome == GRANTED

    server.hincrby(KEY, "since", -TURN_MS - 1)

    assert say(worker, delay=DELAY, in_flight=1)[0].outcome == YIELD
    assert say(other, delay=DELAY, waits=True)[0].outcome == REFUSED
    give_back(worker)
    assert say(other, delay=DELAY, waits=True)[0].outcome == GRANTED
    assert say(other, delay=DELAY)[0].outcome == GRANTED


def test_a_turn_lasts_while_nobody_waits(server, worker, other):
    say(worker, delay=DELAY)
    say(other, delay=DELAY)
    server.hincrby(KEY, "since", -TURN_MS - 1)

    assert say(worker, delay=DELAY)[0].outcome == GRANTED


def test_a_new_holder_s_turn_is_not_cut_short_by_whoever_waited_for_the_last(server, worker, other):
    say(worker, delay=DELAY)
    say(other, delay=DELAY, waits=True)
    give_back(worker)
    say(other, delay=DELAY, waits=True)
    server.hincrby(KEY, "since", -TURN_MS - 1)

    assert say(other, delay=DELAY)[0].outcome == GRANTED


def test_who_yields_keeps_what_is_in_flight_from_others(server, worker, other):
    say(worker, delay=DELAY, need=4, cap=4)
    say(other, delay=DELAY, waits=True)
    server.hincrby(KEY, "since", -TURN_MS - 1)
    before = permit_of(server, worker)[1]

    grant, now, _ = say(worker, delay=DELAY, need=4, cap=4, in_flight=2)

    assert permit_of(server, worker) == (2, now + PERMIT_MS)
    assert (grant.outcome, grant.lasts) == (YIELD, PERMIT_MS)
    assert now + PERMIT_MS >= before


def test_who_yields_with_nothing_in_flight_hears_how_long_it_still_holds_the_slot(server, worker, other):
    say(worker, delay=DELAY)
    say(other, delay=DELAY, waits=True)
    server.hincrby(KEY, "since", -TURN_MS - 1)
    before = permit_of(server, worker)

    grant, now, _ = say(worker, delay=DELAY)

    assert permit_of(server, worker) == before
    assert (grant.outcome, grant.lasts) == (YIELD, before[1] - now)


def test_who_gives_back_what_another_waits_for_gets_none_of_it_in_that_step(server, worker, other):
    # Given a slot with requests, whose holder was told to yield
    worker.push(*(push(number) for number in range(3)))
    say(worker, delay=0, cap=1)
    say(other, delay=0, cap=1, waits=True)
    server.hincrby(KEY, "since", -TURN_MS - 1)
    assert say(worker, delay=0, cap=1)[0].outcome == YIELD

    # When it gives the slot back and looks for work in the same step
    reply, grants = lease_with_permits(worker, asks=[Ask(SLOT, need=0, crawl=0)], cap=1)

    # Then whoever waits for it is next
    assert (reply.leased, grants, holders(server)) == ([], {}, set())
    assert say(other, delay=0, cap=1, waits=True)[0].outcome == GRANTED


def test_what_nobody_waits_for_may_be_leased_in_the_step_that_gives_it_back(worker):
    say(worker, cap=1)

    reply, grants = lease_with_permits(worker, push=[push(1)], asks=[Ask(SLOT, need=0, crawl=0)], cap=1)

    assert (numbers(reply.leased), grants[SLOT].outcome) == ([1], GRANTED)


# Death


def test_after_a_holder_fell_silent_its_permit_and_a_delay_are_waited_out(server, worker, other):
    say(worker, delay=DELAY)
    _, till = permit_of(server, worker)
    past = till - PERMIT_MS - 1
    server.hset(KEY, "@" + worker.token, f"1 {past}")

    grant, now, _ = say(other, delay=DELAY)

    assert (grant.outcome, grant.wait) == (GRANTED, max(past + DELAY - now, 0))
    assert holders(server) == {other.token}
    assert int(clock(server)["sent"]) == past


def test_a_reaped_worker_has_no_permits_and_may_have_sent_until_then(frontier, server, worker, other):
    worker.push(push(1), push(2))
    before = lease_with_permits(worker, want=1, delay=60_000, cap=1)[0].now_ms

    kill(frontier, worker)

    assert holders(server) == set()
    sent = int(clock(server)["sent"])
    assert int(server.zscore("{links:start_urls}:1:slots", SLOT)) == sent + 60_000
    grant, now, _ = say(other, delay=60_000)
    assert before <= sent <= now
    assert (grant.outcome, grant.wait) == (REFUSED, sent + 60_000 - now)
    assert lease_with_permits(other, delay=60_000, cap=1)[0].leased == []


def test_a_worker_that_leaves_has_no_permits(frontier, server, worker, other):
    worker.push(push(1), push(2))
    lease_with_permits(worker, want=1, delay=DELAY, cap=1)

    frontier.leave(worker.token)

    assert holders(server) == set()
    assert say(other, delay=DELAY)[0].outcome == GRANTED


# Sharing, where there is no delay


def test_without_a_delay_permits_are_shared_and_never_more_than_the_cap(frontier, server, worker, other):
    third = Worker(frontier)
    shares = [say(each, need=8, cap=8)[0].permits for each in (worker, other, third)]
    assert shares == [8, 0, 0]

    for _ in range(6):
        for each in (worker, other, third):
            say(each, need=8, cap=8)
            given = [
                permit_of(server, each)[0] for each in (worker, other, third) if each.token in holders(server)
            ]
            assert sum(given) <= 8

    assert len(given) == 3
    assert min(given) >= 2


def test_a_worker_gets_what_others_leave(worker, other):
    assert say(worker, need=3, cap=8)[0].permits == 3
    assert say(other, need=8, cap=8)[0].permits == 5


def test_who_has_more_than_a_share_keeps_what_is_in_flight(worker, other):
    say(worker, need=8, cap=8)
    assert say(other, need=8, cap=8)[0].outcome == REFUSED

    assert say(worker, need=8, cap=8, in_flight=7)[0].permits == 4  # but begins none until so many are left
    assert say(other, need=8, cap=8)[0].permits == 1
    assert say(worker, need=8, cap=8, in_flight=1)[0].permits == 4
    assert say(other, need=8, cap=8)[0].permits == 4


def test_what_nobody_else_lacks_a_worker_keeps(worker, other):
    say(worker, need=6, cap=8)
    say(other, need=2, cap=8)

    assert [say(worker, need=6, cap=8)[0].permits for _ in range(3)] == [6, 6, 6]


def test_a_share_is_given_back_when_those_that_lacked_it_are_gone(server, worker, other):
    say(worker, need=8, cap=8)
    say(other, need=8, cap=8)
    assert say(worker, need=8, cap=8)[0].permits == 4
    say(other, need=8, cap=8)
    give_back(other)

    until(lambda: say(worker, need=8, cap=8)[0].permits == 8)


def test_who_gets_no_share_is_told_to_ask_again(worker, other):
    say(worker, need=2, cap=2)

    grant, _, _ = say(other, need=1, cap=2)

    assert (grant.outcome, grant.wait) == (REFUSED, 250)


def test_a_single_permit_goes_round_among_those_that_wait_for_it(server, worker, other):
    say(worker, need=1, cap=1)
    assert say(other, need=1, cap=1, waits=True)[0].outcome == REFUSED
    server.hincrby(KEY, "since", -TURN_MS - 1)

    assert say(worker, need=1, cap=1)[0].outcome == YIELD
    give_back(worker)
    assert say(other, need=1, cap=1, waits=True)[0].outcome == GRANTED


def test_fewer_permits_than_workers_are_one_each(frontier, server, worker, other):
    third = Worker(frontier)
    for each in (worker, other, third):
        say(each, need=2, cap=2)
    for _ in range(3):
        outcomes = [say(each, need=2, cap=2)[0].outcome for each in (worker, other, third)]
        assert outcomes[1:] == [GRANTED, REFUSED]
    assert outcomes[0] == GRANTED
    given = [int(value.split()[0]) for name, value in clock(server).items() if name.startswith("@")]

    assert given == [1, 1]


# What travels with a slot


def test_a_crawl_delay_holds_for_all_and_the_longest_counts(worker, other):
    say(worker, crawl=1_000)
    give_back(worker, crawl=DELAY)

    assert say(other, crawl=-1)[0].delay == DELAY
    assert say(other, crawl=0)[0].delay == DELAY


def test_a_retry_after_holds_for_all(worker, other):
    say(worker)
    ends = give_back(worker, after=30_000) + 30_000

    grant, now, _ = say(other)

    assert (grant.outcome, grant.wait) == (REFUSED, ends - now)


def test_a_hold_is_told_without_a_step_and_to_all(frontier, worker, other):
    since = say(worker)[1]

    frontier.hold({SLOT: 30_000, "b.example": 1_000})

    assert set(news(other, since)) == {SLOT, "b.example"}
    grant, now, _ = say(worker)
    ends = now + grant.wait
    assert (grant.outcome, since + 30_000 <= ends <= now + 30_000) == (GRANTED, True)
    grant, now, _ = say(other)
    assert (grant.outcome, grant.wait) == (REFUSED, ends - now)


def test_a_hold_that_is_told_twice_or_ends_sooner_changes_nothing(frontier, server, worker):
    frontier.hold({SLOT: 30_000})
    after, since = clock(server)["after"], say(worker)[1] + 1

    frontier.hold({SLOT: 10})

    assert clock(server)["after"] == after
    assert news(worker, since) == []


def test_a_hold_outlives_its_worker_and_its_crawl(frontier, server, worker):
    frontier.hold({SLOT: 30_000})
    after = clock(server)["after"]
    kill(frontier, worker)
    frontier.clear()

    other = Worker(frontier)
    grant, now, _ = say(other)

    assert (grant.outcome, grant.wait) == (REFUSED, int(after) - now)


def test_a_hold_is_told_to_a_redis_that_is_full(frontier, server, worker):
    with full(server):
        frontier.hold({SLOT: 30_000})

    assert int(clock(server)["after"]) > say(worker)[1]


def test_a_shorter_retry_after_ends_no_longer_one(worker, other):
    say(worker)
    ends = give_back(worker, after=30_000) + 30_000
    grant, now, _ = say(other, after=10)

    assert grant.wait == ends - now


def test_a_holder_is_told_to_wait_for_a_retry_after(worker):
    say(worker)
    grant, _, _ = say(worker, after=30_000)

    assert (grant.outcome, grant.wait) == (GRANTED, 30_000)


def test_a_slot_that_asked_for_time_is_leased_to_nobody_until_then(worker, other):
    worker.push(push(1), push(2))
    lease_with_permits(worker, want=1, cap=1)
    give_back(worker, after=30_000)

    assert lease_with_permits(other, cap=1)[0].leased == []


def test_an_adaptive_delay_holds_for_all_until_another_is_said(worker, other):
    say(worker, adaptive=DELAY)
    give_back(worker)
    grant, _, _ = say(other, adaptive=-1)
    assert (grant.delay, grant.adaptive) == (DELAY, DELAY)

    grant, _, _ = say(other, adaptive=0)
    assert (grant.delay, grant.adaptive) == (0, 0)


def test_who_leases_of_a_slot_hears_of_its_adaptive_delay_too(worker, other):
    worker.push(push(1))
    say(worker, adaptive=DELAY)
    give_back(worker)

    _, grants = lease_with_permits(other, cap=1)

    assert grants[SLOT].adaptive == DELAY


@pytest.mark.parametrize(
    ("parts", "delay"),
    [
        ({"delay": 500, "crawl": 400, "adaptive": 300}, 500),
        ({"delay": 300, "crawl": 500, "adaptive": 400}, 500),
        ({"delay": 300, "crawl": 400, "adaptive": 500}, 500),
    ],
)
def test_the_longest_of_all_delays_is_in_force(worker, parts, delay):
    assert say(worker, **parts)[0].delay == delay


def test_a_slot_has_settings_of_its_own(worker):
    worker.push(push(1, "own.example"), push(2, "other.example"))
    _, grants = lease_with_permits(worker, delay=700, cap=2, own={"own.example": (300, 1)})

    found = {slot: (grant.delay, grant.permits) for slot, grant in grants.items()}
    assert found == {"own.example": (300, 1), "other.example": (700, 2)}


# The operator's word


def test_an_order_s_delay_takes_the_place_of_the_settings_but_of_nothing_the_site_says(frontier, worker):
    frontier.order(SLOT, {"delay": 100})
    assert say(worker, delay=5_000)[0].delay == 100
    assert say(worker, delay=5_000, crawl=DELAY)[0].delay == DELAY
    frontier.order(SLOT, {})
    assert say(worker, delay=5_000)[0].delay == 5_000


def test_a_paused_slot_is_leased_to_nobody_until_it_is_resumed(frontier, worker):
    worker.push(push(1), push(2, "b.example"))
    frontier.order(SLOT, {"paused": True})

    assert numbers(lease_with_permits(worker)[0].leased) == [2]
    assert say(worker)[0].outcome == PAUSED

    frontier.order(SLOT, {})
    assert numbers(lease_with_permits(worker)[0].leased) == [1]


def test_a_blocked_slot_is_leased_to_whoever_wants_to_end_it_whatever_the_delay(
    frontier, server, worker, other
):
    worker.push(*(push(number) for number in range(4)))
    frontier.order(SLOT, {"blocked": True})

    for each in (worker, other):
        reply, grants = lease_with_permits(each, want=2, delay=60_000, ahead=120_000, cap=1)
        assert len(reply.leased) == 2
        assert grants[SLOT].outcome == BLOCKED
    assert say(other, delay=60_000, want=1)[0].outcome == BLOCKED
    assert holders(server) == set()


def test_what_is_blocked_and_paused_is_blocked(frontier, worker):
    frontier.order(SLOT, {"blocked": True, "paused": True})

    assert say(worker)[0].outcome == BLOCKED


def test_orders_are_remembered_until_they_are_forgotten(frontier, server):
    frontier.order(SLOT, {"delay": 100, "paused": True})
    frontier.order("b.example", {"blocked": True})
    assert frontier.orders() == {SLOT: {"delay": 100, "paused": True}, "b.example": {"blocked": True}}

    frontier.order(SLOT, {})
    frontier.order("b.example", {})

    assert frontier.orders() == {}
    assert not server.exists("{links:start_urls}:orders")


def test_a_crawl_that_is_cleared_leaves_orders_and_clocks(frontier, server, worker):
    frontier.order(SLOT, {"delay": 100})
    say(worker, delay=DELAY)
    frontier.clear()

    assert frontier.orders() == {SLOT: {"delay": 100}}
    assert "sent" in clock(server) or holders(server)


def test_a_paused_crawl_still_learns_what_a_site_asked_for(frontier, server, worker, other):
    say(worker)
    frontier.pause()
    worker.step(asks=[Ask(SLOT, need=0, crawl=DELAY, after=30_000)], robots=True)
    assert holders(server) == set()
    frontier.resume()

    grant, _, _ = say(other, crawl=-1)

    assert (grant.outcome, grant.delay) == (REFUSED, DELAY)


def test_what_comes_after_a_slot_s_budget_is_handed_out_as_too_many(frontier, worker, other):
    worker.push(*(push(number) for number in range(5)))
    reply, _ = lease_with_permits(worker, slot_pages=3)
    again = worker.again()

    assert numbers(reply.leased) == [0, 1, 2, 3, 4]
    assert [request.too_many for request in reply.leased] == [False, False, False, True, True]
    assert again.leased == reply.leased


def test_a_retry_and_a_redelivery_cost_no_budget(frontier, worker, other):
    worker.push(push(1), push(2))
    (leased,) = lease_with_permits(worker, want=1, slot_pages=2)[0].leased
    worker.step(nack=[nack(leased)])
    reply, _ = lease_with_permits(worker, want=1, slot_pages=2)
    kill(frontier, worker)
    assert numbers(reply.leased) == [2]

    reply, _ = lease_with_permits(other, slot_pages=2)

    assert sorted(numbers(reply.leased)) == [1, 2]
    assert not any(request.too_many for request in reply.leased)


def too_many(reply):
    return [request.too_many for request in reply.leased]


def released_to(worker, other, reply):
    worker.step(release=[end(request) for request in reply.leased])
    return worker


def left_to(worker, other, reply):
    worker.frontier.leave(worker.token)
    return other


def reaped_to(worker, other, reply):
    kill(worker.frontier, worker)
    return other


@pytest.mark.parametrize("give_back_to", [released_to, left_to, reaped_to])
def test_what_comes_back_unbegun_may_be_sent_and_what_was_too_many_still_is(
    frontier, worker, other, give_back_to
):
    worker.push(*(push(number) for number in range(10)))
    sent, _ = lease_with_permits(worker, want=2, slot_pages=5)
    worker.ack(*sent.leased)
    before, _ = lease_with_permits(worker, slot_pages=5)
    assert too_many(before) == [False] * 3 + [True] * 5

    heir = give_back_to(worker, other, before)

    after, _ = lease_with_permits(heir, slot_pages=5)
    assert numbers(after.leased) == numbers(before.leased)
    assert too_many(after) == too_many(before)


def test_a_slot_s_budget_is_counted_back_for_whoever_is_next(frontier, worker, other):
    worker.push(*(push(number) for number in range(5)))
    leased, _ = lease_with_permits(worker, slot_pages=5)
    worker.step(release=[end(request) for request in leased.leased])
    worker.push(*(push(number, priority=1) for number in range(5, 10)))

    reply, _ = lease_with_permits(worker, slot_pages=5)

    assert too_many(reply) == [False] * 5 + [True] * 5


def test_what_is_too_many_is_not_armed_so_no_death_counts_against_it(frontier, worker, other):
    worker.push(push(1), push(2))
    reply, _ = lease_with_permits(worker, slot_pages=1, arm_new=9)
    kill(frontier, worker)

    again, _ = lease_with_permits(other, slot_pages=1)

    assert [request.armed for request in reply.leased] == [True, False]
    assert sorted((request.deaths, request.too_many) for request in again.leased) == [(0, True), (1, False)]


def test_without_a_budget_nothing_is_counted(frontier, server, worker):
    worker.push(push(1))
    worker.step(release=[end(request) for request in worker.lease()])

    assert not server.exists("{links:start_urls}:1:handed")


# News


def news(worker, since):
    return worker.step(news_ms=since).news


@pytest.mark.parametrize("parts", [{"crawl": DELAY}, {"after": 30_000}])
def test_what_a_site_says_reaches_the_other_workers_once(worker, other, parts):
    for each in (worker, other):
        say(each, need=1, cap=8)
    since = other.step().now_ms

    say(worker, need=1, cap=8, **parts)

    reply = other.step(news_ms=since)
    assert reply.news == [SLOT]
    assert news(other, reply.now_ms + 1) == []


@pytest.mark.parametrize(
    "parts", [{"crawl": 0}, {"crawl": 500}, {"after": 0}, {"after": 10}, {"adaptive": 9}]
)
def test_what_is_known_or_shorter_is_no_news(worker, other, parts):
    say(worker, need=1, cap=8, crawl=500, after=60_000)
    since = other.step().now_ms + 1

    until(lambda: say(worker, need=1, cap=8, **parts)[1] > since)

    assert news(other, since) == []


def test_an_order_is_news(frontier, worker):
    since = worker.step().now_ms
    frontier.order(SLOT, {"paused": True})

    assert news(worker, since) == [SLOT]


def test_old_news_are_forgotten(frontier, server, worker):
    frontier.order(SLOT, {"paused": True})
    server.zadd("{links:start_urls}:news", {SLOT: 1, "b.example": 9e15})
    frontier.reap(60_000)

    assert server.zrange("{links:start_urls}:news", 0, -1) == [b"b.example"]


# A step whose answer got lost


def test_a_repeated_step_has_the_same_permits_for_what_is_left_of_them(worker):
    grant, now, _ = say(worker, delay=DELAY, need=2, cap=2)
    reply = until(lambda: again if (again := worker.again()).now_ms > now else None)

    (again,) = reply.grants
    assert again.lasts == PERMIT_MS - (reply.now_ms - now)
    assert (again.permits, again.delay, again.wait, again.outcome) == (2, DELAY, grant.wait, GRANTED)


# What is left behind


def test_a_slot_s_key_expires_when_it_has_nothing_left_to_say(server, worker):
    worker.step(asks=[Ask(SLOT, need=1, delay=50)])
    assert server.pttl(KEY) > 0
    worker.step(asks=[Ask(SLOT, need=0, sent=0)])

    until(lambda: not server.exists(KEY))


def test_a_slot_that_was_never_asked_leaves_no_key(server, worker):
    worker.step(asks=[Ask(SLOT, need=1, delay=DELAY)])
    worker.step(asks=[Ask(SLOT, need=0)])

    assert not server.exists(KEY)


def test_a_key_lives_as_long_as_what_it_says(server, worker):
    say(worker, delay=60_000, crawl=-1)
    assert PERMIT_MS < server.pttl(KEY) <= PERMIT_MS + 60_001
    give_back(worker, crawl=-1, after=90_000)
    assert 60_001 < server.pttl(KEY) <= 90_001


def test_what_robots_txt_says_is_remembered_for_some_minutes(server, worker):
    say(worker, crawl=0)
    give_back(worker)

    assert PERMIT_MS < server.pttl(KEY) <= REMEMBERED_MS + 1
    assert lasting(server).count(KEY.encode()) == 0


# Redis's clock was set back


def test_times_that_lie_too_far_ahead_came_of_a_clock_that_was_set_back(server, worker, other):
    say(worker, delay=DELAY)
    server.hset(KEY, "@" + worker.token, f"1 {10**13}")
    grant, now, _ = say(other, delay=DELAY)
    assert grant.wait <= PERMIT_MS + DELAY

    give_back(worker)
    server.hset(KEY, mapping={"sent": 10**13, "after": 10**13})
    grant, now, _ = say(other, delay=DELAY)

    assert grant.wait <= A_DAY_MS
    assert int(clock(server)["sent"]) <= now


def test_a_holder_s_turn_ends_after_the_clock_was_set_back(server, worker, other):
    say(worker, delay=DELAY)
    say(other, delay=DELAY, waits=True)
    server.hset(KEY, "since", 10**13)
    _, now, _ = say(worker, delay=DELAY)

    assert int(clock(server)["since"]) <= now


# Redis's clock was set forward


def leap(worker):
    """The worker says that the clock has leapt; returns the time until which slots are held."""
    return worker.step(leapt=True).now_ms + PERMIT_MS


def test_after_a_leap_a_slot_waits_for_as_long_as_somebody_may_have_a_permit(server, worker, other):
    say(worker, delay=DELAY)
    server.delete(KEY)  # it has expired
    held_till = leap(other)

    grant, now, _ = say(other, delay=DELAY)

    assert (grant.outcome, grant.wait) == (REFUSED, held_till + DELAY - now)
    assert holders(server) == set()


def test_who_has_seen_a_leap_has_no_permits_any_more(server, worker, other):
    for each in (worker, other):
        say(each, need=1, cap=8)

    leap(worker)

    assert holders(server) == {other.token}


def test_where_a_leap_is_seen_nothing_is_leased_in_that_step(worker):
    worker.push(push(1))

    assert worker.step(want=1, turn=1, leapt=True, cap=1).leased == []


def test_a_leap_before_the_clock_was_set_back_holds_up_nobody(server, worker):
    worker.push(push(1))
    server.hset("{links:start_urls}:crawl", "held", 10**13)

    assert say(worker, delay=DELAY)[0].outcome == GRANTED


# Size


def commands(server, step):
    """How many commands Redis executed for a step."""

    def calls():
        return sum(stats["calls"] for stats in server.info("commandstats").values())

    before = calls()
    step()
    return calls() - before


def fill(worker, slots, first=0):
    for at in range(first, slots, 2_000):
        worker.push(*(push(number, f"slot-{number}") for number in range(at, min(at + 2_000, slots))))


def test_a_step_costs_the_same_with_a_thousand_slots_and_with_a_hundred_thousand(server, worker):
    def step():
        reply, _ = lease_with_permits(worker, want=32, delay=1_000, ahead=2_000, cap=1)
        assert len(reply.leased) == 32
        worker.ack(*reply.leased)

    fill(worker, 1_000)
    few = commands(server, step)
    fill(worker, 100_000, first=1_000)

    assert commands(server, step) == pytest.approx(few, abs=5)


def test_slots_that_must_wait_cost_a_look_nothing(server, worker, other):
    fill(worker, 2_000)
    lease_with_permits(worker, want=2_000, delay=60_000, cap=1)
    fill(worker, 2_001, first=2_000)

    count = commands(server, lambda: lease_with_permits(other, want=32, delay=60_000, cap=1))

    assert count < 60


def test_an_order_is_plain_json(frontier, server):
    frontier.order(SLOT, {"delay": 250, "paused": True})

    assert json.loads(server.hget("{links:start_urls}:orders", SLOT)) == {"delay": 250, "paused": True}
