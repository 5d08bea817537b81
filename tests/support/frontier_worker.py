"""A worker as the frontier's tests see it: one that says and hears, and crawls nothing."""

import re
import secrets
import time

from scraping_project.frontier.keys import CATALOGUE
from scraping_project.frontier.messages import Burial, End, Leased, Move, Nack, Push, Step, blob

LONG = 600_000  # ms: a lease no test outlives
SHORT = 40  # ms: one that they wait for
PATIENCE = 20.0  # seconds until a test gives up waiting


def push(number, slot="a.example", priority=0, payload=None):
    """A request with the fingerprint ``number``; None to pass the dupe filter."""
    fingerprint = "" if number is None else str(number)
    return Push(fingerprint, slot, priority, blob(payload or f"payload {number}".encode()))


def end(leased):
    return End(leased.id, leased.delivery)


def nack(leased, delay_ms=0, slot=None, priority=None, payload=None):
    slot = leased.slot if slot is None else slot
    priority = leased.priority if priority is None else priority
    return Nack(leased.id, leased.delivery, delay_ms, slot, priority, blob(payload or leased.payload))


def move(leased, number, slot="b.example", priority=0, payload=None):
    fingerprint = "" if number is None else str(number)
    payload = payload or f"payload {number}".encode()
    return Move(leased.id, leased.delivery, fingerprint, slot, priority, blob(payload))


def burial(leased, letter=b'{"reason":"parse"}'):
    return Burial(leased.id, leased.delivery, blob(letter))


class Worker:
    """Joins at once; each ``step`` has the next sequence and ``again`` repeats the last."""

    def __init__(self, frontier, *, rules="{}", seeds="[]", lease=LONG, token=None, together=""):
        self.frontier = frontier
        self.token = token or secrets.token_hex(4)
        self.lease_ms = lease
        self.joined = frontier.join(
            self.token,
            crawl_id=secrets.token_hex(4),
            rules=rules,
            seeds=seeds,
            host="here",
            pid=1,
            lease_ms=lease,
            together=together,
        )
        self.last = Step(token=self.token, epoch=self.joined.epoch, sequence=0, lease=lease)

    def step(self, **parts):
        sequence = self.last.sequence + 1
        self.last = Step(
            token=self.token, epoch=self.joined.epoch, sequence=sequence, lease=self.lease_ms, **parts
        )
        return self.again()

    def again(self):
        return self.frontier.checkpoint(self.last)

    def push(self, *requests):
        return self.step(push=requests).pushed

    def lease(self, want=1, *, turn=1_000, skip=(), arm_new=0) -> list[Leased]:
        return self.step(want=want, turn=turn, skip=skip, arm_new=arm_new).leased

    def ack(self, *requests):
        return self.step(ack=[end(request) for request in requests])

    def finish_start(self):
        return self.step(started=True)

    @property
    def ledger(self):
        return self.step().ledger


def numbers(leased):
    """The numbers that were pushed, read from the payloads."""
    return [int(request.payload.rsplit(b" ", 1)[1]) for request in leased]


def until(condition):
    """Waits until a condition holds and returns what it gave."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.002)
    return found


def reap_until(frontier, *tokens, **options):
    """Reaps until these workers are reaped; no pass counts as one after which Redis was away."""
    found = set()

    def all_found():
        found.update(frontier.reap(SHORT, **({"grace_ms": LONG} | options)))
        return found >= set(tokens)

    until(all_found)


def kill(frontier, worker, **options):
    """Reaps a worker whose process is known to be gone."""
    assert frontier.reap(LONG, gone=[worker.token], grace_ms=LONG, **options) == [worker.token]


def ledger_of(frontier):
    counts = frontier.counts()
    names = ("discovered", "queued", "delayed", "leased", "done", "dead")
    return {name: counts.get(name, 0) for name in names}


def dump(server):
    """All that is in a server, for comparison: key to its content."""
    return {key: server.dump(key) for key in server.scan_iter()}


def lasting(server):
    """The keys that do not expire by themselves."""
    return [key for key in server.scan_iter() if server.ttl(key) < 0]


def strays(server, keys):
    """The keys of a server that the catalogue does not name."""
    names = "|".join(re.sub("<.*?>", ".*", name) for name in CATALOGUE)
    known = re.compile(f"{re.escape(keys.prefix)}:(?:{names})|{re.escape(keys.seeds)}".encode(), re.DOTALL)
    return [key for key in server.scan_iter() if not known.fullmatch(key)]
