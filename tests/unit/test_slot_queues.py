"""The slots' queues: whose turn it is, and what more to ask for."""

import pytest

from scraping_project.core.slot_queues import AHEAD, MOST, TURN, SlotQueues
from scraping_project.frontier.messages import BLOCKED, GRANTED, PAUSED, REFUSED, YIELD, Grant, Leased
from scraping_project.politeness.clocks import NEVER, RENEW_WITHIN, TOO_FAR, SlotClocks
from tests.support.policies import policy_of

NOW = 1000.0
INTERVAL, RATE, ROOM = 0.25, 0.0, MOST


class Known:
    """The queues of a worker and the clocks they go by."""

    def __init__(self, *, cap=4, concurrency=8, **settings):
        base = {"DOWNLOAD_DELAY": 0, "CONCURRENT_REQUESTS_PER_DOMAIN": cap, "DOWNLOAD_DELAY_JITTER": 0}
        self.slots = SlotClocks(policy_of(base | settings))
        self.queues = SlotQueues(self.slots, concurrency)
        self.last_id = 0

    def grant(self, slot, permits=4, *, lasts=5000, delay=0, wait=0, outcome=GRANTED):
        clock = self.slots.of(slot)
        clock.take(Grant(slot, permits, lasts, wait, delay, outcome), NOW, NOW)
        clock.ask_now = False
        self.slots.changed(clock)
        return clock

    def add(self, slot, number, *, armed=True):
        ids = range(self.last_id + 1, self.last_id + number + 1)
        self.last_id += number
        self.queues.add([Leased(each, 1, 1, 0, slot, 0, b"", armed) for each in ids], ())
        return list(ids)

    def taken(self, now=NOW):
        found = []
        while leased := self.queues.next(now):
            found.append(leased)
        return found

    def asks(self, now=NOW, *, rate=RATE, room=ROOM):
        return self.queues.asks(now, INTERVAL, rate, room)


@pytest.fixture(name="known")
def queues_of_a_worker():
    return Known()


def test_slots_take_turns(known):
    for slot in ("a", "b"):
        known.grant(slot, 3)
        known.add(slot, 3)

    assert [leased.slot for leased in known.taken()] == ["a", "b"] * 3


def test_of_a_slot_the_first_leased_is_the_first_begun(known):
    known.grant("a")
    ids = known.add("a", 4)

    assert [leased.id for leased in known.taken()] == ids


def test_no_more_of_a_slot_are_begun_than_it_has_permits(known):
    clock = known.grant("a", 2)
    known.add("a", 3)

    assert len(known.taken()) == 2
    clock.handed -= 1
    known.slots.changed(clock)
    assert len(known.taken()) == 1


def test_a_slot_with_a_delay_holds_up_no_other(known):
    known.grant("slow", delay=10_000)
    known.grant("fast", 4)
    known.add("slow", 3)
    known.add("fast", 4)

    assert sorted(leased.slot for leased in known.taken()) == ["fast"] * 4 + ["slow"]
    assert known.queues.next_at == NOW + 10
    assert len(known.taken(NOW + 0.1)) == 0


def test_what_a_slot_waits_for_is_known_to_the_instant(known):
    known.grant("a", wait=1500)
    known.add("a", 1)
    assert known.taken(NOW) == []

    assert known.queues.next_at == NOW + 1.5
    assert len(known.taken(NOW + 1.5)) == 1


def test_without_permits_there_is_nothing_to_wait_for(known):
    known.add("a", 3)

    assert known.taken() == []
    assert known.queues.next_at == NEVER
    assert len(known.queues) == 3
    assert known.queues


def test_a_grant_wakes_a_slot_that_had_none(known):
    known.add("a", 1)
    known.taken()
    known.grant("a")

    assert len(known.taken()) == 1
    assert not known.queues


def test_what_is_not_armed_is_not_begun_before_a_checkpoint_said_so(known):
    known.grant("a")
    first, second, third = known.add("a", 3, armed=False)
    assert known.taken() == []

    known.queues.add([], [first, second])

    assert [leased.id for leased in known.taken()] == [first, second]
    known.queues.add([], [third])
    assert [leased.id for leased in known.taken()] == [third]


def test_an_armed_one_stays_behind_those_leased_before_it(known):
    known.grant("a")
    (first,) = known.add("a", 1, armed=False)
    (second,) = known.add("a", 1, armed=True)
    assert known.taken() == []

    known.queues.add([], [first, second])

    assert [leased.id for leased in known.taken()] == [first, second]


def test_the_requests_of_a_blocked_slot_are_all_begun_at_once(known):
    known.grant("a", delay=60_000)
    known.add("a", 5)
    assert len(known.taken()) == 1
    known.grant("a", outcome=BLOCKED)

    assert len(known.taken()) == 4


def test_a_shorter_delay_counts_at_once(known):
    known.grant("a", delay=4000)
    known.add("a", 3)
    assert len(known.taken()) == 1
    known.slots.of("a").begin(NOW)
    known.taken(NOW + 0.5)
    known.grant("a", delay=1000)

    assert len(known.taken(NOW + 1)) == 1


def test_of_a_blocked_slot_a_worker_asks_for_more_than_its_delay_allows(known):
    known.grant("a", delay=1000, outcome=BLOCKED)

    assert [ask.want for ask in known.asks()] == [TURN]


def test_a_dropped_queue_is_empty(known):
    known.grant("a")
    known.add("a", 2)
    known.add("a", 2, armed=False)
    known.queues.clear()

    assert len(known.queues) == 0
    assert known.taken() == []


def test_a_new_slot_asks_for_a_turn_and_as_many_permits_as_it_can_use(known):
    known.slots.of("a")
    (ask,) = known.asks()

    assert (ask.want, ask.need, ask.arm) == (TURN, 4, 2 * 8)


def test_a_slot_with_a_delay_asks_for_what_may_be_sent_in_the_next_seconds(known):
    known.grant("a", delay=500)
    (ask,) = known.asks()

    assert ask.want == 1 + int(AHEAD / 0.5)
    assert ask.arm == 1 + 2
    assert ask.need == 4


def test_a_fast_slot_asks_for_what_ends_in_the_next_seconds(known):
    known.grant("a")
    (ask,) = known.asks(rate=100.0)

    assert ask.want == 100 * AHEAD


def test_fast_slots_share_what_a_worker_holds(known):
    for number in range(4):
        known.grant(str(number))

    assert [ask.want for ask in known.asks(rate=100.0)] == [100 * AHEAD / 4] * 4


def test_no_slot_fills_all_of_a_worker(known):
    known.grant("a")
    (ask,) = known.asks(rate=1e6, room=10**9)

    assert ask.want == MOST


def test_no_more_is_asked_for_than_there_is_room(known):
    for slot in "abc":
        known.slots.of(slot)

    assert [ask.want for ask in known.asks(room=TURN + 5)] == [TURN, 5, 0]


def test_a_slot_with_enough_in_hand_and_a_fresh_permit_says_nothing(known):
    known.grant("a")
    known.add("a", TURN)

    assert known.asks() == []


def test_half_empty_it_asks_for_the_rest(known):
    known.grant("a")
    known.add("a", TURN // 2)

    assert [ask.want for ask in known.asks()] == [TURN - TURN // 2]


def test_a_permit_is_renewed_before_it_ends(known):
    known.grant("a")
    known.add("a", TURN)

    assert known.asks(NOW + 5 - RENEW_WITHIN) == []
    assert [ask.want for ask in known.asks(NOW + 5.01 - RENEW_WITHIN)] == [0]


def test_a_clock_with_something_to_say_asks_at_once(known):
    clock = known.grant("a")
    known.add("a", TURN)
    clock.learn_robots(0.0)

    assert [(ask.want, ask.crawl_delay_ms) for ask in known.asks()] == [(0, 0)]


def test_permits_are_asked_for_as_far_as_there_is_work(known):
    clock = known.grant("a")
    known.queues.note_fruitless(known.asks(), [])
    clock.handed = 1
    clock.ask_now = True

    (ask,) = known.asks(room=0)
    assert ask.need == 1


def test_a_slot_that_has_nothing_more_is_given_back_when_all_is_done(known):
    clock = known.grant("a")
    clock.handed = 1
    known.queues.note_fruitless(known.asks(), [])
    assert known.asks(room=0) == []

    clock.handed = 0
    (ask,) = known.asks()

    assert (ask.want, ask.need) == (0, 0)
    assert list(known.slots) == []
    assert known.asks() == []


def test_an_ask_that_brought_something_is_not_fruitless(known):
    known.grant("a")
    asks = known.asks()
    (request,) = [Leased(1, 1, 1, 0, "a", 0, b"", True)]
    known.queues.note_fruitless(asks, [request])

    assert [ask.need > 0 for ask in known.asks()] == [True]


def test_what_is_leased_makes_a_slot_worth_asking_again(known):
    known.grant("a", 20)
    known.queues.note_fruitless(known.asks(), [])
    assert not known.queues.runs_low
    known.add("a", 1)

    assert known.queues.runs_low


def test_a_slot_with_a_delay_never_runs_low(known):
    known.grant("a", delay=1000)
    known.add("a", 1)

    assert not known.queues.runs_low


def test_a_slot_that_was_refused_gives_up_its_requests_then_its_place(known):
    known.grant("a")
    known.add("a", 2)
    known.add("a", 2, armed=False)
    known.grant("a", 0, outcome=REFUSED)
    assert known.asks() == []

    assert [leased.id for leased in known.queues.give_up()] == [1, 2, 3, 4]
    assert list(known.queues.give_up()) == []
    assert [ask.need for ask in known.asks()] == [0]


def test_nothing_is_given_up_of_a_slot_that_goes_on(known):
    known.grant("a")
    known.add("a", 2)

    assert list(known.queues.give_up()) == []


def test_a_worker_that_goes_gives_up_all_that_it_has_not_begun(known):
    known.grant("a")
    known.add("a", 2)
    known.add("a", 2, armed=False)
    known.queues.add([Leased(9, 1, 0, 0, "b", 0, b"", too_many=True)], ())

    assert [leased.id for leased in known.queues.give_up(everything=True)] == [9, 1, 2, 3, 4]
    assert not known.queues


def test_a_slot_that_is_given_back_keeps_its_permits_while_something_is_in_flight(known):
    clock = known.grant("a")
    clock.on_wire = 2
    known.grant("a", 0, outcome=REFUSED)
    assert known.asks() == []

    (ask,) = known.asks(NOW + 4)

    assert (ask.want, ask.need, ask.in_flight) == (0, 2, 2)
    assert list(known.slots) == [clock]


def test_a_slot_whose_turn_is_far_off_is_given_back(known):
    clock = known.grant("a", delay=1000)
    known.add("a", 1)
    clock.hold_until(NOW + TOO_FAR + 1)
    assert known.asks() == []

    assert len(list(known.queues.give_up())) == 1
    (ask,) = known.asks()
    assert (ask.need, ask.after_ms) == (0, int(TOO_FAR + 1) * 1000)
    assert list(known.slots) == []


def test_of_a_blocked_slot_nothing_is_given_up_though_its_turn_is_far_off(known):
    clock = known.grant("a", delay=60_000)
    clock.begin(NOW)
    clock.on_wire = 1
    known.grant("a", delay=60_000, outcome=BLOCKED)
    known.add("a", 3)
    known.asks()

    assert list(known.queues.give_up()) == []


def test_a_slot_that_is_granted_while_it_is_given_back_goes_on(known):
    clock = known.grant("a")
    clock.queued = 1
    known.grant("a", 0, lasts=4000, outcome=YIELD)
    assert [ask.need for ask in known.asks()] == [0]

    known.grant("a")
    known.add("a", 1)

    assert list(known.queues.give_up()) == []
    assert clock.may_send(NOW) <= NOW


def test_what_waits_in_the_downloader_asks_for_one_permit_until_it_has_it(known):
    clock = known.grant("a", 0, lasts=0, outcome=REFUSED)
    clock.queued = 1

    (ask,) = known.asks()

    assert (ask.need, ask.want, ask.waits) == (1, 0, True)
    assert not clock.giving_back
    assert list(known.slots) == [clock]


def test_the_clock_of_what_waits_in_the_downloader_is_kept_while_its_turn_is_far_off(known):
    clock = known.grant("a", delay=1000)
    clock.handed = clock.queued = 1
    clock.hold_until(NOW + 60)

    assert [(ask.need, ask.after_ms) for ask in known.asks()] == [(0, 60_000)]
    assert known.asks(NOW + 60 - TOO_FAR - 0.01) == []
    assert list(known.slots) == [clock]
    assert [(ask.need, ask.waits) for ask in known.asks(NOW + 60 - TOO_FAR)] == [(1, True)]


@pytest.mark.parametrize("outcome", [REFUSED, YIELD, PAUSED])
def test_a_page_that_waits_in_the_downloader_gives_back_what_it_holds_and_asks_again(known, outcome):
    clock = known.grant("a", delay=1000)
    clock.handed = clock.queued = 1
    known.grant("a", 0, lasts=4000, outcome=outcome)

    assert [[ask.need for ask in known.asks()] for _ in range(2)] == [[0], [1]]
    known.grant("a")

    assert clock.may_send(NOW) <= NOW


def test_a_page_whose_robots_txt_asks_for_a_long_delay_is_sent_when_that_is_over(known):
    clock = known.grant("a", delay=1000)
    clock.hand_out(NOW)
    clock.begin(NOW)
    clock.learn_robots(10.0)
    clock.queued = 1
    now, holds = NOW, True
    while now < NOW + 11:
        now += INTERVAL
        for ask in known.asks(now):
            holds = ask.need > 0
            if holds:
                clock.take(Grant("a", ask.need, 5000, 0, 10_000, GRANTED), now, now)
        assert holds or clock.may_send(now) == NEVER
        assert clock.may_send(now) > now or now >= NOW + 10

    assert clock.may_send(now) <= now


def test_what_is_handed_out_and_not_yet_in_the_downloader_asks_for_nothing(known):
    clock = known.grant("a", 0, lasts=0, outcome=REFUSED)
    clock.handed = 1

    assert known.asks() == []
    assert list(known.slots) == [clock]


def test_news_of_a_slot_are_asked_after_though_its_turn_is_far_off(known):
    clock = known.grant("a", delay=60_000)
    clock.queued = 1
    clock.begin(NOW)
    known.asks()
    assert known.asks() == []

    clock.ask_now = True

    assert [ask.need for ask in known.asks()] == [1]


def test_a_slot_that_is_given_back_holds_no_more_than_is_on_the_wire(known):
    clock = known.grant("a")
    clock.handed, clock.on_wire, clock.queued = 3, 1, 2
    known.grant("a", 0, outcome=YIELD)

    (ask,) = known.asks(NOW + 4)
    assert (ask.need, ask.in_flight) == (1, 1)


def test_who_begins_nothing_more_asks_for_what_is_in_the_downloader_and_gives_back_the_rest(known):
    known.grant("idle")
    waiting = known.grant("waiting", delay=1000)
    waiting.handed = waiting.queued = 1

    asks = known.queues.last_asks(NOW + 5.01 - RENEW_WITHIN, INTERVAL, RATE)

    assert [(ask.slot, ask.want, ask.need) for ask in asks] == [("idle", 0, 0), ("waiting", 0, 4)]
    assert list(known.slots) == [waiting]


def test_farewells_give_every_permit_back(known):
    for slot in "ab":
        known.grant(slot)

    assert [(ask.slot, ask.need, ask.want) for ask in known.queues.farewells(NOW)] == [
        ("a", 0, 0),
        ("b", 0, 0),
    ]


def test_what_is_at_hand_is_what_may_be_sent_soon(known):
    known.grant("fast", 3)
    known.add("fast", 20)
    assert known.queues.at_hand(NOW) == 6

    known.grant("slow", delay=10_000)
    known.add("slow", 20)
    assert known.queues.at_hand(NOW) == 7


def test_to_arm_are_the_next_of_those_that_wait_for_it(known):
    known.grant("a", delay=500)
    known.add("a", 5, armed=False)

    assert known.queues.to_arm(INTERVAL, RATE) == [1, 2, 3]
    known.queues.add([], [1, 2, 3])
    assert known.queues.to_arm(INTERVAL, RATE) == []


def test_a_thousand_waiting_slots_cost_a_look_at_the_next_one(known):
    for number in range(1000):
        known.grant(str(number), delay=10_000, wait=1000)
        known.add(str(number), 1)
    assert known.taken() == []
    known.grant("fast")
    known.add("fast", 1)

    assert known.queues.next(NOW).slot == "fast"


def test_another_slot_asks_first_each_time(known):
    for slot in "abc":
        known.grant(slot).ask_now = True

    first = []
    for _ in range(4):
        first.append(known.asks()[0].slot)
        for slot in "abc":
            known.slots.of(slot).ask_now = True

    assert first == ["a", "b", "c", "a"]
