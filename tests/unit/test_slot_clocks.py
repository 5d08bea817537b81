"""A slot's clock: what its permits allow, and when."""

import math

import pytest

from scraping_project.frontier.messages import (
    BLOCKED,
    GRANTED,
    PAUSED,
    REFUSED,
    YIELD,
    Grant,
    Ledger,
    Reply,
)
from scraping_project.politeness.clocks import NEVER, TOO_FAR, SlotClocks
from tests.support.policies import policy_of

NOW = 1000.0
SLOT = "a.example"
LEDGER = Ledger(discovered=0, queued=0, delayed=0, leased=0, done=0, dead=0, pages=0, paused=False)


def slots(**settings):
    base = {"DOWNLOAD_DELAY": 0, "CONCURRENT_REQUESTS_PER_DOMAIN": 4, "DOWNLOAD_DELAY_JITTER": 0}
    return SlotClocks(policy_of(base | settings))


def grant(permits=1, *, lasts=5000, wait=0, delay=0, outcome=GRANTED, slot=SLOT, adaptive=0):
    return Grant(slot, permits, lasts, wait, delay, outcome, adaptive)


def granted(permits=1, *, settings=None, **fields):
    """A clock with permits since NOW."""
    clock = slots(**(settings or {})).of(SLOT)
    clock.take(grant(permits, **fields), NOW, NOW)
    return clock


def reply(*grants, news=()):
    return Reply(
        now_ms=0, pushed="", leased=[], ledger=LEDGER, letters={}, finished=False, grants=grants, news=news
    )


def test_without_a_permit_nothing_is_handed_out_or_sent():
    clock = slots().of(SLOT)

    assert clock.may_hand_out(NOW) == clock.may_send(NOW) == NEVER


def test_no_more_are_on_their_way_than_there_are_permits():
    clock = granted(2)
    for _ in range(2):
        assert clock.may_hand_out(NOW) <= NOW
        assert clock.may_send(NOW) <= NOW
        clock.hand_out(NOW)
        clock.queued += 1
        clock.send(NOW)

    assert clock.may_hand_out(NOW) == clock.may_send(NOW) == NEVER
    clock.on_wire -= 1
    assert clock.may_send(NOW) <= NOW
    assert clock.may_hand_out(NOW) == NEVER


def test_a_permit_counts_from_when_it_was_asked_for_and_ends():
    clock = slots().of(SLOT)
    clock.take(grant(lasts=5000), NOW, NOW + 3)

    assert clock.may_send(NOW + 4.99) <= NOW + 4.99
    assert clock.may_hand_out(NOW + 4.99) <= NOW + 4.99
    assert clock.may_send(NOW + 5) == clock.may_hand_out(NOW + 5) == NEVER


def test_a_wait_counts_from_when_it_was_heard_of():
    clock = slots().of(SLOT)
    clock.take(grant(wait=1500), NOW, NOW + 3)

    assert clock.may_send(NOW + 3) == clock.may_hand_out(NOW + 3) == NOW + 4.5


def test_two_requests_are_a_delay_apart_and_the_later_look_counts():
    clock = granted(delay=2000)
    clock.queued = 1
    clock.send(NOW)
    clock.on_wire -= 1
    assert clock.may_send(NOW) == NOW + 2

    clock.begin(NOW + 0.3)

    assert clock.sent_at == NOW + 0.3
    assert clock.may_send(NOW + 1) == NOW + 2.3


def test_a_retry_after_that_comes_while_a_request_is_on_its_way_to_the_wire_holds():
    clock = granted(2)
    clock.queued = 1
    clock.send(NOW)
    clock.hold_until(NOW + 60)
    clock.begin(NOW + 0.001)

    assert clock.may_send(NOW + 1) == NOW + 60


@pytest.mark.parametrize("outcome", [REFUSED, YIELD, PAUSED])
def test_a_grant_ends_that_a_slot_is_given_back(outcome):
    clock = granted(2)
    clock.take(grant(0, outcome=outcome), NOW, NOW)
    assert clock.giving_back
    assert clock.may_send(NOW) == clock.may_hand_out(NOW) == NEVER

    clock.take(grant(), NOW, NOW)

    assert not clock.giving_back
    assert clock.may_send(NOW) <= NOW
    assert clock.may_hand_out(NOW) <= NOW


def test_a_slot_that_is_blocked_is_not_given_back():
    clock = granted()
    clock.take(grant(0, outcome=REFUSED), NOW, NOW)

    clock.take(grant(outcome=BLOCKED), NOW, NOW)

    assert not clock.giving_back


def test_what_is_handed_out_is_a_delay_apart_too():
    clock = granted(4, delay=2000)
    clock.hand_out(NOW)

    assert clock.may_hand_out(NOW) == NOW + 2


def test_jitter_only_lengthens():
    waits = []
    for _ in range(200):
        clock = granted(delay=1000, settings={"DOWNLOAD_DELAY_JITTER": 0.5})
        clock.send(NOW)
        clock.begin(NOW)
        waits.append(clock.next_send - NOW)

    assert min(waits) >= 1.0
    assert max(waits) <= 1.5
    assert len(set(waits)) > 100


def test_a_longer_delay_holds_for_the_gap_that_has_begun():
    clock = granted(delay=1000)
    clock.begin(NOW)
    clock.take(grant(delay=4000), NOW, NOW)

    assert clock.may_send(NOW) == NOW + 4


def test_a_site_that_wants_to_be_left_alone_is_left_alone_and_the_frontier_hears_of_it():
    clock = granted(delay=1000)
    clock.ask(NOW, want=0, arm=0, need=1)
    clock.hold_until(NOW + 30)
    clock.hold_until(NOW + 10)

    assert clock.may_send(NOW) == NOW + 30
    assert clock.ask_now
    assert clock.ask(NOW + 1, want=0, arm=0, need=1).after_ms == 29_000
    assert not clock.ask_now
    assert clock.ask(NOW + 31, want=0, arm=0, need=1).after_ms == 0


def test_a_crawl_delay_that_is_news_ends_the_permits_that_were_shared():
    clock = granted(4)
    clock.begin(NOW)
    clock.learn_robots(2.0)

    assert clock.may_send(NOW) == NEVER
    assert clock.next_send == NOW + 2
    assert clock.ask_now


def test_a_crawl_delay_under_the_own_delay_changes_nothing_but_is_told():
    clock = granted(delay=3000)
    clock.ask_now = False
    clock.learn_robots(2.0)

    assert clock.delay == 3
    assert clock.may_send(NOW) <= NOW
    assert clock.ask(NOW, want=0, arm=0, need=1).crawl_delay_ms == 2000


def test_only_the_longest_crawl_delay_of_a_slot_counts():
    clock = granted(delay=1000)
    clock.learn_robots(5.0)
    clock.ask_now = False
    clock.learn_robots(0.0)

    assert (clock.delay, clock.ask_now) == (5.0, False)


def test_that_robots_txt_asks_for_nothing_is_told_once():
    clock = granted()
    assert clock.ask(NOW, want=0, arm=0, need=1).crawl_delay_ms == -1

    clock.learn_robots(0.0)

    assert clock.ask_now
    assert clock.ask(NOW, want=0, arm=0, need=1).crawl_delay_ms == 0
    clock.learn_robots(0.0)
    assert not clock.ask_now


@pytest.mark.parametrize("learn", ["learn_robots", "adapt"])
def test_what_is_known_here_outweighs_a_shorter_delay_that_is_granted(learn):
    clock = granted(delay=1000)
    getattr(clock, learn)(5.0)
    clock.take(grant(delay=1000), NOW, NOW)

    assert clock.delay == 5


def test_a_shorter_delay_that_is_granted_ends_no_retry_after():
    clock = granted(delay=4000)
    clock.begin(NOW)
    clock.hold_until(NOW + 30)
    clock.take(grant(delay=1000), NOW, NOW)

    assert clock.next_send == NOW + 30


def test_an_adaptive_delay_goes_up_and_down_but_not_below_the_own_one():
    clock = granted(delay=1000, settings={"DOWNLOAD_DELAY": 1.0})
    clock.adapt(8.0)
    assert clock.delay == 8
    clock.adapt(4.0)
    assert clock.delay == 4
    clock.adapt(0.5)
    assert clock.delay == 1
    assert clock.ask(NOW, want=0, arm=0, need=1).adaptive_ms == 500


def test_an_adaptive_delay_does_not_go_below_the_crawl_delay():
    clock = granted(delay=1000)
    clock.learn_robots(3.0)
    clock.adapt(8.0)
    clock.adapt(0.0)

    assert clock.delay == 3


def test_an_adaptive_delay_leaves_a_longer_one_of_the_frontier_alone():
    clock = granted(delay=9000)
    clock.adapt(4.0)
    clock.adapt(2.0)

    assert clock.delay == 9


def test_what_this_worker_has_learnt_counts_until_it_gives_the_slot_back():
    clock = granted(delay=2000, adaptive=2000)
    clock.adapt(4.0)
    clock.take(grant(delay=2000, adaptive=2000), NOW, NOW)
    assert clock.adaptive == 4

    assert clock.give_back(NOW).adaptive_ms == 4000
    clock.take(grant(delay=1000, adaptive=1000), NOW, NOW)

    assert clock.adaptive == clock.delay == 1


def test_permits_that_were_given_back_are_used_no_more():
    clock = granted(2)
    assert clock.give_back(NOW).need == 0

    assert clock.may_send(NOW) == clock.may_hand_out(NOW) == NEVER


@pytest.mark.parametrize("outcome", [REFUSED, YIELD, PAUSED])
def test_what_is_refused_is_given_back_and_begins_nothing(outcome):
    clock = granted(4)
    clock.hand_out(NOW)
    clock.take(grant(0, wait=1000, outcome=outcome), NOW, NOW)

    assert clock.giving_back
    assert clock.may_hand_out(NOW) == clock.may_send(NOW) == NEVER
    clock.giving_back = False  # something waits in the downloader, and asks again
    assert clock.may_hand_out(NOW) == clock.may_send(NOW) == NEVER


def test_a_slot_that_is_given_back_begins_nothing_though_it_has_permits():
    clock = granted(4)
    clock.giving_back = True

    assert clock.may_hand_out(NOW) == clock.may_send(NOW) == NEVER


def test_the_requests_of_a_slot_that_is_blocked_are_handed_out_at_once_to_be_refused():
    clock = granted(delay=60_000)
    clock.begin(NOW)
    clock.take(grant(outcome=BLOCKED), NOW, NOW)
    assert clock.may_hand_out(NOW + 100) <= NOW + 100
    assert clock.blocked

    clock.take(grant(delay=60_000), NOW, NOW)
    assert not clock.blocked
    assert clock.may_hand_out(NOW) == NOW + 60


def test_a_slot_whose_turn_is_far_off_is_left_to_others():
    clock = granted()
    clock.next_send = NOW + TOO_FAR
    assert not clock.is_too_far(NOW)
    assert clock.is_too_far(NOW - 1)


def test_an_ask_says_what_the_frontier_must_know_in_milliseconds_on_the_safe_side():
    clock = slots(DOWNLOAD_DELAY=0.2501, CONCURRENT_REQUESTS_PER_DOMAIN=8).of(SLOT)
    ask = clock.ask(NOW, want=3, arm=2, need=1)
    assert (ask.slot, ask.want, ask.arm, ask.need) == (SLOT, 3, 2, 1)
    assert (ask.delay_ms, ask.cap, ask.sent_ms, ask.in_flight, ask.waits) == (251, 8, -1, 0, False)

    clock.queued, clock.handed, clock.on_wire, clock.sent_at = 2, 1, 3, NOW
    ask = clock.ask(NOW + 1.2349, want=0, arm=0, need=1)
    assert (ask.sent_ms, ask.in_flight, ask.waits) == (1234, 3, True)


def test_a_slot_of_download_slots_has_settings_of_its_own():
    own = {SLOT: {"delay": 0.5, "concurrency": 2, "jitter": 0.1}, "b.example": {"concurrency": 0}}
    known = slots(DOWNLOAD_DELAY=3, DOWNLOAD_SLOTS=own)

    clock = known.of(SLOT)
    assert (clock.own_delay, clock.cap, clock.jitter) == (0.5, 2, 0.1)
    other = known.of("c.example")
    assert (other.own_delay, other.cap, other.jitter) == (3.0, 4, 0.0)
    assert known.own() == {SLOT: (500, 2), "b.example": (3000, 1)}


def test_a_slot_has_one_clock_until_it_is_forgotten():
    known = slots()
    clock = known.of(SLOT)
    assert known.of(SLOT) is clock
    assert list(known) == [clock]

    known.remove(clock)
    assert list(known) == []


def test_grants_reach_their_clocks_and_those_who_watch():
    known, seen = slots(), []
    known.watchers.append(lambda clock: seen.append(clock.name))
    known.take_in(reply(grant(3), grant(1, slot="b.example")), NOW, NOW)

    assert [known.of(name).permits for name in (SLOT, "b.example")] == [3, 1]
    assert seen == [SLOT, "b.example"]


def test_news_of_a_slot_are_asked_after_at_once_and_shared_permits_wait_for_the_answer():
    known = slots()
    known.take_in(reply(grant(4), grant(1, slot="slow.example", delay=1000)), NOW, NOW)
    for clock in known:
        clock.ask_now = False

    known.take_in(reply(news=[SLOT, "slow.example", "unknown.example"]), NOW, NOW)

    assert [clock.ask_now for clock in known] == [True, True]
    assert known.of(SLOT).may_send(NOW) == NEVER
    assert known.of("slow.example").may_send(NOW) <= NOW


def test_a_grant_that_comes_with_the_news_holds():
    known = slots()
    known.take_in(reply(grant(4), news=[SLOT]), NOW, NOW)

    assert known.of(SLOT).may_send(NOW) <= NOW


class Handed:
    def __init__(self, clock, sent_ms=NOW * 1000):
        self.clock = clock
        self.sent_ms = sent_ms


def test_an_attempt_comes_back_once_however_often_that_is_said():
    known, seen = slots(), []
    clock = known.of(SLOT)
    clock.handed = 2
    known.watchers.append(seen.append)
    attempt = Handed(clock)
    for _ in range(3):
        known.came_back(attempt)

    assert clock.handed == 1
    assert seen == [clock]


@pytest.mark.parametrize(("sent_ms", "next_at"), [(NOW * 1000, NOW + 60), (None, NOW)])
def test_the_next_is_handed_out_at_once_when_one_came_back_unsent(sent_ms, next_at):
    known = slots(DOWNLOAD_DELAY=60)
    known.take_in(reply(grant(delay=60_000, lasts=600_000)), NOW, NOW)
    clock = known.of(SLOT)
    clock.hand_out(NOW)
    known.came_back(Handed(clock, sent_ms))

    assert max(clock.may_hand_out(NOW), NOW) == next_at


def test_a_worker_that_was_reaped_has_no_permits():
    known = slots()
    known.take_in(reply(grant(4)), NOW, NOW)
    known.of(SLOT).ask_now = False
    known.lose_all()

    assert known.of(SLOT).may_send(NOW) == NEVER
    assert known.of(SLOT).ask_now


def test_a_clock_is_busy_while_anything_of_it_is_under_way():
    clock = granted()
    assert not clock.busy
    for name in ("handed", "on_wire", "queued"):
        setattr(clock, name, 1)
        assert clock.busy
        setattr(clock, name, 0)


def test_never_is_later_than_anything():
    assert math.isinf(NEVER)


def test_nothing_is_sent_while_it_is_not_known_when_the_last_one_left():
    clock = granted(2)
    clock.leaving = 1
    assert clock.may_send(NOW) == NEVER
    clock.leaving = 0
    assert clock.may_send(NOW) <= NOW
