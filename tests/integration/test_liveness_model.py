"""Whatever happens to workers, sites and orders: what may be sent is sent soon.

STORM=1 takes all examples, STORM=40 forty times as many.
"""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from scraping_project.frontier.connection import connect
from tests.support import thoroughness
from tests.support.thoroughness import STORM
from tests.support.timed_cluster import TimedCluster

SLOTS = ("a.example", "b.example", "c.example")
#: Seconds, beyond its delay, within which a slot that may send does.
PATIENCE = 10.0
PERMIT = 5.0
#: Seconds between any two things that happen.
A_WHILE = 3.0
#: Seconds that are looked at when nothing is forbidden any more; to send all may take far more.
AT_THE_END = 60.0

slots = st.sampled_from(SLOTS)
waits = st.floats(0.1, 12.0)


class Machine(RuleBasedStateMachine):
    """A cluster in told time; each slot's ``idle_since`` begins anew when it sends or may not send."""

    def __init__(self, server):
        super().__init__()
        self.server = server
        self.idle_since = dict.fromkeys(SLOTS, 0.0)
        self.excused = dict.fromkeys(SLOTS, 0.0)  # when it had nothing but suspects
        self.slowest = dict.fromkeys(SLOTS, 0.0)  # s, the longest delay a slot has had
        self.paused = False
        self.held_till = 0.0  # for as long as a permit lasts, after the clock of Redis was set forward

    @initialize(delay=st.sampled_from([0.2, 0.0, 1.0]), cap=st.sampled_from([1, 2, 4]))
    def two_workers_begin(self, delay, cap):
        self.cluster = TimedCluster(self.server, DOWNLOAD_DELAY=delay, CONCURRENT_REQUESTS_PER_DOMAIN=cap)
        self.cluster.join(2)
        self.slowest = dict.fromkeys(SLOTS, delay)
        for slot in SLOTS:
            self.cluster.sites[slot].files_at = SLOTS[0]
            self.cluster.push(slot, 10)

    @rule(slot=slots, pages=st.integers(1, 6))
    def links_are_found(self, slot, pages):
        self.cluster.push(slot, pages)

    @rule(slot=slots, files_at=slots, files=st.integers(0, 3), latency=st.sampled_from([0.05, 0.6, 3.0]))
    def pages_have_files(self, slot, files_at, files, latency):
        site = self.cluster.sites[slot]
        site.files_at, site.files, site.latency = files_at, files, latency

    @rule(slot=slots, delay=st.sampled_from([0.5, 3.0, 8.0]))
    def robots_txt_asks_for_a_delay(self, slot, delay):
        self.cluster.sites[slot].crawl_delay = delay
        self.slowest[slot] = max(self.slowest[slot], delay)

    @rule(slot=slots, seconds=st.sampled_from([1.0, 4.0, 20.0]))
    def a_site_asks_for_time(self, slot, seconds):
        site = self.cluster.sites[slot]
        site.after = max(site.after, self.cluster.now + seconds)  # who was told of longer obeys

    @rule(
        slot=slots,
        order=st.sampled_from([{}, {}, {"paused": True}, {"blocked": True}, {"delay": 2000}, {"delay": 0}]),
    )
    def the_operator_says(self, slot, order):
        self.cluster.order(slot, order)
        self.slowest[slot] = max(self.slowest[slot], order.get("delay", 0) / 1000)

    @rule(paused=st.sampled_from([False, False, True]))
    def the_crawl_is_paused_or_resumed(self, paused):
        (self.cluster.frontier.pause if paused else self.cluster.frontier.resume)()
        self.paused = paused

    @rule(seconds=st.sampled_from([2, 8, 3600]))
    def the_clock_of_redis_is_set_forward(self, seconds):
        self.cluster.jumped += seconds
        self.held_till = self.cluster.now + PERMIT

    @precondition(lambda self: len(self.cluster.workers) < 4 and not self.cluster.is_done)
    @rule()
    def a_worker_joins(self):
        self.cluster.join()

    @precondition(lambda self: len(self.cluster.workers) > 1)
    @rule(data=st.data())
    def a_worker_is_killed(self, data):
        self.cluster.kill(data.draw(st.sampled_from(self.cluster.workers)))

    @precondition(lambda self: len(self.cluster.workers) > 1)
    @rule(data=st.data(), seconds=waits)
    def a_worker_is_stopped_for_a_while(self, data, seconds):
        data.draw(st.sampled_from(self.cluster.workers[1:])).awake_at = self.cluster.now + seconds

    @rule(seconds=waits)
    def time_passes(self, seconds):
        self._let_pass(seconds)

    @invariant()
    def what_may_be_sent_is_sent_soon(self):
        self._let_pass(A_WHILE)

    def _let_pass(self, seconds):
        until = self.cluster.now + seconds
        while self.cluster.now < until:
            seen = len(self.cluster.sent)
            self.cluster.tick()
            sent = {each.slot for each in self.cluster.sent[seen:]}
            for slot in SLOTS:
                self._look_at(slot, has_sent=slot in sent)

    def _look_at(self, slot, *, has_sent):
        cluster = self.cluster
        if has_sent or self._may_not_send(slot):
            self.idle_since[slot] = cluster.now
        idle = cluster.now - max(self.idle_since[slot], self.excused[slot])
        if idle > self.slowest[slot] + PATIENCE:
            # A worker takes one suspect at a time, which may wait for files of another slot.
            assert cluster.unsent(slot) <= cluster.suspects(slot), f"{slot} waits for {idle} s"
            assert any(map(self._goes_on, SLOTS)), f"{slot}: nothing is sent for {idle} s"
            self.excused[slot] = cluster.now

    def _goes_on(self, slot):
        """Whether the slot has something to send, and does so, or may not."""
        idle = self.cluster.now - self.idle_since[slot]
        has_something = self.cluster.unsent(slot) or self.cluster.in_flight(slot)
        return has_something and idle <= self.slowest[slot] + PATIENCE

    def _may_not_send(self, slot):
        site = self.cluster.sites[slot]
        forbidden = (
            self.paused
            or self.held_till > self.cluster.now
            or site.order.get("paused")
            or site.order.get("blocked")
        )
        asked_for_time = site.after > self.cluster.now
        return forbidden or asked_for_time or self.cluster.in_flight(slot) or not self.cluster.unsent(slot)

    def teardown(self):
        if not hasattr(self, "cluster"):
            return
        self.the_crawl_is_paused_or_resumed(False)
        for slot in SLOTS:
            self.cluster.order(slot, {})
        latest = self.cluster.now + AT_THE_END
        while not self.cluster.is_done and self.cluster.now < latest:
            self._let_pass(A_WHILE)
        assert self.cluster.frontier.check() == []


def how_long(examples):
    return settings(
        max_examples=thoroughness.examples(examples),
        stateful_step_count=12,
        phases=[Phase.generate],  # to make a fault's example shorter takes minutes of told time
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.timeout(0 if STORM else 300)
@pytest.mark.parametrize(("kind", "examples"), [("redis", 12), ("redis-6.2", 4), ("valkey-9", 4)])
def test_what_may_be_sent_is_sent_soon(redis_servers, kind, examples):
    with connect(redis_servers(kind).url) as server:
        run_state_machine_as_test(lambda: Machine(server), settings=how_long(examples))
        server.flushall()
