"""The frontier against a model of it, through any sequence of what workers do and suffer.

STORM=1 takes all examples, STORM=40 forty times as many.
"""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from scraping_project.frontier.connection import connect
from scraping_project.frontier.errors import CrawlOver, WorkerReaped
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.messages import End, read_leased
from tests.support import thoroughness
from tests.support.frontier_model import ROOT, Crawl, Holder, content_of, groups_of, ids_of
from tests.support.frontier_worker import LONG, Worker, burial, lasting, ledger_of, move, nack, push, strays
from tests.support.thoroughness import STORM

DEATHS = 2
STATES = ("queued", "delayed", "leased", "done", "dead")

fingerprints = st.none() | st.integers(0, 15)
slots = st.sampled_from(["a", "b", "c:d", ""])
priorities = st.sampled_from([0, 0, 5, -1])
requests = st.lists(st.builds(push, fingerprints, slots, priorities), min_size=1, max_size=6)
most_pages = st.sampled_from([None, None, -1, 2, 5])  # above those that are answered
# So long that Redis reads the hash of them in slices, however few there are.
letters = st.sampled_from(
    [b'{"reason":"%s","message":"%s"}' % (word, b"x" * 70) for word in (b"parse", b"tls")]
)
endings = st.sampled_from(["ack", "ack", "nack", "later", "move", "bury", "release", "keep"])


class Machine(RuleBasedStateMachine):
    """Workers live in ``workers``; the crashed say nothing; ``ghosts`` speak though nobody may listen."""

    def __init__(self, server):
        super().__init__()
        server.flushall()
        self.server = server
        self.frontier = Frontier(server, Keys("links"))
        self.paused, self.joined, self.cleared = False, 0, False
        self.counting = "", "0"  # how far a count of the dead letters has come
        self.crawl = Crawl()
        self.workers, self.crashed, self.ghosts = {}, {}, []
        self.answers = {}  # token to the last answer
        self.past = []  # leases that have ended, and those of others
        for _ in range(3):
            self.join()
        self._step(self.workers["worker-1"], push=[push(each, "aab"[each % 3]) for each in range(8)])

    @precondition(lambda self: len(self.workers) < 4)
    @rule(number=st.integers(1, 3))
    def workers_join(self, number):
        for _ in range(number):
            self.join()

    def join(self):
        begins = self.frontier.counts().get("epoch", 0) == 0 or self.crawl.finished or self.cleared
        self.joined += 1
        worker = Worker(self.frontier, token=f"worker-{self.joined}")
        assert worker.joined.began == begins
        if begins:
            self._new_crawl(CrawlOver)
        assert worker.joined.queued == self.crawl.total("queued") + self.crawl.total("delayed")
        self.workers[worker.token] = worker
        self.crawl.holders[worker.token] = Holder()

    def _new_crawl(self, refusal):
        gone = list(self.crawl.holders)
        everyone = self.workers | self.crashed
        self.ghosts += [(everyone[token], refusal) for token in gone if token in everyone]
        holders = {} if refusal is WorkerReaped else {token: Holder(starting=False) for token in gone}
        for token in gone:
            self.workers.pop(token, None)
            if refusal is WorkerReaped:
                self.crashed.pop(token, None)
        self.crawl, self.past, self.cleared = Crawl(), [], refusal is WorkerReaped
        self.crawl.holders = holders

    def _step(self, worker, **parts):
        crawl, holder = self.crawl, self.crawl.holders[worker.token]
        due = [] if self.paused else self._due()
        reply = worker.step(**parts)
        step = worker.last
        assert reply.pushed == "".join(map(crawl.push, step.push))
        for each in step.move:
            crawl.move(holder, each)
        for each in step.nack:
            crawl.nack(holder, each)
        for each in step.bury:
            crawl.bury(holder, each)
        crawl.release(holder, step.release)
        for each in step.ack:
            crawl.ack(holder, each)
        holder.armed |= set(step.arm) & set(holder.held)
        holder.starting &= not step.started
        crawl.pages += step.pages
        crawl.outbox -= set(step.logged)
        if self.paused:
            assert reply.leased == []
        else:
            crawl.due(due)
            crawl.lease(holder, step, reply.leased)
        assert set(reply.letters) == crawl.outbox
        assert reply.finished == crawl.finished
        self.answers[worker.token] = reply
        self.past += reply.leased

    def _due(self):
        records = self.server.zrangebyscore(f"{ROOT}{self.frontier.counts()['epoch']}:delayed", "-inf", 1)
        return [read_leased(record).id for record in records]

    def _held(self, worker):
        mine = set(self.crawl.holders[worker.token].held)
        latest = {request.id: request for request in self.past}
        return [latest[each] for each in sorted(mine)]

    def a_worker(self, data):
        return self.workers[data.draw(st.sampled_from(sorted(self.workers)))]

    @precondition(lambda self: self.workers)
    @rule(data=st.data(), new=requests)
    def push(self, data, new):
        self._step(self.a_worker(data), push=new)

    @precondition(lambda self: self.workers)
    @rule(
        data=st.data(),
        want=st.integers(1, 8),
        turn=st.integers(1, 4),
        skip=st.sets(slots, max_size=1),
        arm_new=st.integers(0, 8),
        more=most_pages,
    )
    def lease(self, data, *, want, turn, skip, arm_new, more):
        parts = {"want": want, "turn": turn, "skip": sorted(skip), "arm_new": arm_new}
        self._step(self.a_worker(data), max_pages=self._max_pages(more), **parts)

    def _max_pages(self, more):
        return 0 if more is None else max(self.crawl.pages + more, 1)

    @precondition(lambda self: self.workers)
    @rule(data=st.data(), new=requests, want=st.integers(0, 3), started=st.booleans(), more=most_pages)
    def work(self, data, new, want, started, more):
        worker = self.a_worker(data)
        if not self._held(worker):
            self._step(worker, want=4, turn=3, arm_new=2)
        parts = {kind: [] for kind in ("ack", "nack", "move", "bury", "release")}
        for held in self._held(worker):
            ending = data.draw(endings)
            if ending in {"ack", "release"}:
                parts[ending].append(End(held.id, held.delivery))
            elif ending in {"nack", "later"}:
                delay = 3_600_000 if ending == "later" else 0
                parts["nack"].append(nack(held, delay, data.draw(slots), data.draw(priorities), b"again"))
            elif ending == "move":
                target = data.draw(fingerprints), data.draw(slots), data.draw(priorities)
                parts["move"].append(move(held, *target))
            elif ending == "bury":
                parts["bury"].append(burial(held, data.draw(letters)))
        parts |= {"pages": len(parts["ack"]), "max_pages": self._max_pages(more)}
        self._step(worker, push=new, want=want, turn=2, started=started, **parts)

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def arm(self, data):
        worker = self.a_worker(data)
        self._step(worker, arm=[held.id for held in self._held(worker) if data.draw(st.booleans())] + [999])

    @precondition(lambda self: self.workers and self.past)
    @rule(data=st.data(), offset=st.integers(-1, 1))
    def end_what_may_not_be_its_own(self, data, offset):
        lease = data.draw(st.sampled_from(self.past))
        kind = data.draw(st.sampled_from(["ack", "release"]))
        self._step(self.a_worker(data), **{kind: [End(lease.id, lease.delivery + offset)]})

    @precondition(lambda self: any(token in self.answers for token in self.workers))
    @rule(data=st.data())
    def repeat(self, data):
        worker = self.workers[data.draw(st.sampled_from(sorted(set(self.answers) & set(self.workers))))]
        reply = worker.again()
        before = self.answers[worker.token]
        assert (reply.pushed, reply.leased) == (before.pushed, before.leased)

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def crash(self, data):
        worker = self.a_worker(data)
        self.crashed[worker.token] = self.workers.pop(worker.token)

    @precondition(lambda self: self.workers)
    @rule(data=st.data(), want=st.integers(1, 5), arm_new=st.integers(1, 5))
    def die_at_work(self, data, want, arm_new):
        worker = self.a_worker(data)
        self._step(worker, want=want, turn=3, arm_new=arm_new)
        self.crashed[worker.token] = self.workers.pop(worker.token)
        self._reap([worker.token], 500)

    @precondition(lambda self: self.crashed)
    @rule(most=st.integers(0, 6), data=st.data())
    def reap(self, most, data):
        self._reap([token for token in sorted(self.crashed) if data.draw(st.booleans())], most)

    def _reap(self, gone, most):
        unknown = [token for token in gone if token not in self.crawl.holders]
        fresh = [token for token in gone if token not in unknown and not self.crawl.holders[token].condemned]
        reaped = self.frontier.reap(LONG, gone=[*gone, *gone, "x"], most=most, deaths=DEATHS, grace_ms=LONG)
        assert reaped == self.crawl.reap(fresh, most, DEATHS)
        for token in reaped:
            self.ghosts.append((self.crashed.pop(token), WorkerReaped))

    @precondition(lambda self: self.ghosts)
    @rule(data=st.data(), new=requests)
    def ghost_speaks(self, data, new):
        ghost, refusal = data.draw(st.sampled_from(self.ghosts))
        ends = [End(request.id, request.delivery) for request in self.past]
        # One of a former crawl is reaped in time, or its crawl cleared; either way it is told.
        with pytest.raises((refusal, WorkerReaped)):
            ghost.step(push=new, ack=ends, want=3, turn=3)

    @precondition(lambda self: any(holder.condemned for holder in self.crawl.holders.values()))
    @rule()
    def half_reaped_speaks(self):
        for token, holder in self.crawl.holders.items():
            if holder.condemned:
                with pytest.raises(WorkerReaped):
                    self.crashed[token].step(want=1)
                assert not self.frontier.extend(token, LONG)
                assert self.frontier.leave(token) == 0

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def leave(self, data):
        worker = self.a_worker(data)
        assert self.frontier.leave(worker.token) == self.crawl.leave(worker.token)
        self.ghosts.append((self.workers.pop(worker.token), WorkerReaped))

    def dead(self):
        return sorted(each for each, request in self.crawl.requests.items() if request.state == "dead")

    @precondition(lambda self: self.dead())
    @rule(data=st.data())
    def requeue(self, data):
        dead = self.dead()
        ids = [each for each in dead if data.draw(st.booleans())]
        assert self.frontier.requeue([*ids, 999]) == len(ids)
        for each in ids:
            self.crawl.requeue(each)

    @precondition(lambda self: self.dead())
    @rule(reason=st.sampled_from([None, "parse", "deliveries"]), slot=st.none() | slots)
    def requeue_a_group(self, reason, slot):
        chosen = [
            each
            for each in self.dead()
            if reason in (None, self.crawl.requests[each].reason)
            and slot in (None, self.crawl.requests[each].slot)
        ]
        before = {each: list(queue) for each, queue in self.crawl.queues.items()}
        assert sum(self.frontier.requeue_matching(reason, slot)) == len(chosen)
        for each in self._in_the_order_of_their_queues(chosen, before):
            self.crawl.requeue(each)

    def _in_the_order_of_their_queues(self, chosen, before):
        """Dead letters come in no order: the model takes that in which Redis has put them back."""
        found = content_of(self.server, self.frontier.counts()["epoch"])["queues"]
        back = [each for name, queue in found.items() for each in queue[len(before.get(name, [])) :]]
        assert sorted(back) == chosen
        return back

    @rule()
    def an_older_version_has_begun_the_crawl(self):
        self.server.hdel(ROOT + "crawl", "grouped")
        epoch = self.frontier.counts()["epoch"]
        self.server.delete(f"{ROOT}{epoch}:buried_by", f"{ROOT}{epoch}:counted")

    @rule(most=st.integers(1, 3), begins_anew=st.booleans())
    def count_some_letters(self, most, begins_anew):
        began, cursor = ("", "0") if begins_anew else self.counting
        began, cursor = self.frontier._call("count_letters", began=began, cursor=cursor, most=most)
        self.counting = began.decode(), cursor.decode()

    @rule(data=st.data())
    def clear(self, data):
        if data.draw(st.sampled_from(range(20))) != 13:  # rarely, or no crawl gets far
            return
        waiting = sum(self.crawl.total(state) for state in ("queued", "delayed", "leased"))
        assert self.frontier.clear() == waiting
        self._new_crawl(WorkerReaped)

    @rule(paused=st.sampled_from([False, False, False, True]))
    def pause_or_resume(self, paused):
        self.paused = paused
        (self.frontier.pause if paused else self.frontier.resume)()

    @precondition(lambda self: self.crawl.total("delayed"))
    @rule()
    def time_passes(self):
        delayed = f"{ROOT}{self.frontier.counts()['epoch']}:delayed"
        for record in self.server.zrange(delayed, 0, -1):
            self.server.zadd(delayed, {record: 0})

    @precondition(lambda self: self.workers and self.crawl.outbox)
    @rule(data=st.data())
    def log(self, data):
        self._step(self.a_worker(data), logged=sorted(self.crawl.outbox))

    @rule(most=st.integers(1, 5))
    def sweep(self, most):
        self.frontier.sweep(most)

    @rule()
    def rest(self):
        self.frontier.rest()
        if self.crawl.finished and not self.crawl.holders and not self.paused and not self.cleared:
            assert lasting(self.server) == []

    @invariant()
    def the_ledger_agrees(self):
        assert self.frontier.check() == []
        ledger = ledger_of(self.frontier)
        assert ledger == {"discovered": len(self.crawl.requests)} | {
            state: self.crawl.total(state) for state in STATES
        }
        counts = self.frontier.counts()
        names = ("filtered:duplicate", "filtered:redirect known", "stale")
        assert [counts.get(name, 0) for name in names] == [self.crawl.counts[name] for name in names]
        assert counts["seen"] == len(self.crawl.known)

    @invariant()
    def every_request_is_where_it_should_be(self):
        epoch = self.frontier.counts()["epoch"]
        assert content_of(self.server, epoch) == self.crawl.content()
        assert strays(self.server, self.frontier.keys) == []

    @invariant()
    def the_dead_are_counted_by_reason_and_slot(self):
        counts = self.frontier.counts()
        epoch, grouped = counts["epoch"], counts.get("grouped", 0)
        counted = ids_of(self.server.smembers(f"{ROOT}{epoch}:counted"))
        found = {name.decode(): number for name, number in groups_of(self.server, epoch).items()}
        expected = self.crawl.groups() if grouped == 1 else self.crawl.groups(counted)
        assert found == expected
        assert counted <= set(self.dead())

    @invariant()
    def nobody_holds_two_suspects(self):
        for holder in self.crawl.holders.values():
            assert sum(self.crawl.requests[each].deaths > 0 for each in holder.held) <= 1


def how_long(examples):
    return settings(
        max_examples=thoroughness.examples(examples),
        stateful_step_count=120 if STORM > 1 else 40,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.timeout(0 if STORM else 300)
@pytest.mark.parametrize(("kind", "examples"), [("redis", 250), ("redis-6.2", 60), ("valkey-9", 60)])
def test_the_frontier_does_what_its_model_does(redis_servers, kind, examples):
    with connect(redis_servers(kind).url) as server:
        run_state_machine_as_test(lambda: Machine(server), settings=how_long(examples))
        server.flushall()
