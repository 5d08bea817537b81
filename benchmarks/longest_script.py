"""How long a frontier keeps Redis from others: its longest script under large loads, by Redis's own slow log.

    python -m benchmarks.longest_script [--quick]

A million requests queued over 100,000 slots; 100,000 dead letters listed and put back; a worker that leaves
and one that is reaped with 20,000 leases each; Redis's clock set back; a check, a clear, and its sweep.
"""

import argparse
import sys
from collections.abc import Iterator

import redis

from benchmarks.frontier import Steps, worker
from benchmarks.table import Row, show
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.messages import Burial, End, Push, blob
from scraping_project.frontier.scripts import PARTS, source

GOAL_MS = 100
MILLION, SLOTS, LETTERS, LEASES = 1_000_000, 100_000, 100_000, 20_000
LEASE_MS = 600_000
LETTER = blob(b'{"reason":"parse"}')


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of all that")
    options = parser.parse_args()
    show("longest script", longest(10 if options.quick else 1))
    return 0


def longest(share: int) -> Iterator[Row]:
    """A row for each kind of load, of 1/share of the size, with the name of what took longest."""
    with worker() as (client, frontier, step):
        client.config_set("slowlog-log-slower-than", 100)  # microseconds
        client.config_set("slowlog-max-len", 100_000)
        log = SlowLog(client)
        push(frontier, step, MILLION // share, SLOTS // share)
        yield log.row(f"{MILLION // share:,} pushes over {SLOTS // share:,} slots")
        bury(frontier, step, LETTERS // share)
        yield log.row(f"{LETTERS // share:,} requests leased and buried")
        letters = [letter.id for letter in frontier.dead()]
        for first in range(0, len(letters), 500):
            frontier.requeue(letters[first : first + 500])
        yield log.row(f"{len(letters):,} dead letters listed and put back")
        joined = frontier.join("other", crawl_id="", rules="", seeds="", host="", pid=0, lease_ms=LEASE_MS)
        others = Steps(joined.epoch, "other")
        lease(frontier, others, LEASES // share)
        frontier.leave("other")
        yield log.row(f"a worker leaves with {LEASES // share:,} leases")
        frontier.join("third", crawl_id="", rules="", seeds="", host="", pid=0, lease_ms=LEASE_MS)
        lease(frontier, Steps(joined.epoch, "third"), LEASES // share)
        while "third" not in frontier.reap(LEASE_MS, gone=["third"], grace_ms=LEASE_MS):
            pass
        yield log.row(f"a worker is reaped with {LEASES // share:,} leases")
        set_clock_back(client, frontier)
        frontier.reap(LEASE_MS)
        yield log.row(f"Redis's clock is set back under {frontier.slots():,} slots")
        if wrong := frontier.check():
            raise SystemExit(f"the ledger is wrong: {wrong}")
        yield log.row("check")
        frontier.clear()
        while frontier.sweep():
            pass
        yield log.row("clear, and sweep")


class SlowLog:
    """Redis's own; each row tells of what has come since the last."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._verbs = {client.script_load(source(verb)): verb for verb in PARTS}
        client.slowlog_reset()

    def row(self, what: str) -> Row:
        entries = self._client.slowlog_get(100_000)
        self._client.slowlog_reset()
        slowest = max(entries, key=lambda entry: entry["duration"], default=None)
        if slowest is None:
            return Row(f"ms, the longest of: {what}", 0, GOAL_MS, "<=")
        command, *rest = slowest["command"].split()
        name = self._verbs[rest[0].decode()] if command == b"EVALSHA" else command.decode()
        return Row(f"ms, the longest of: {what} ({name})", slowest["duration"] / 1000, GOAL_MS, "<=")


def push(frontier: Frontier, step: Steps, count: int, slots: int) -> None:
    for first in range(0, count, 500):
        pushes = [Push(str(n), f"slot-{n % slots}", 0, blob(b"x" * 70)) for n in range(first, first + 500)]
        frontier.checkpoint(step(push=pushes))


def lease(frontier: Frontier, step: Steps, count: int) -> list[End]:
    ends: list[End] = []
    while len(ends) < count:
        reply = frontier.checkpoint(step(want=min(500, count - len(ends)), turn=4, arm_new=100))
        ends += [End(leased.id, leased.delivery) for leased in reply.leased]
    return ends


def bury(frontier: Frontier, step: Steps, count: int) -> None:
    while count > 0:
        ends = lease(frontier, step, min(500, count))
        frontier.checkpoint(step(bury=[Burial(end.id, end.delivery, LETTER) for end in ends]))
        count -= len(ends)


def set_clock_back(client: redis.Redis, frontier: Frontier) -> None:
    """By an hour, as it shows in what a frontier has noted."""
    crawl = frontier.keys.of("crawl")
    epoch = int(client.hget(crawl, "epoch") or 0)
    slots = frontier.keys.of(epoch, "slots")
    later = float(client.time()[0] * 1000 + 3_600_000)
    client.eval(
        "for _, slot in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do"
        " redis.call('ZADD', KEYS[1], ARGV[1], slot) end",
        1,
        slots,
        later,
    )
    client.hset(crawl, "reaped", int(later))
    client.slowlog_reset()


if __name__ == "__main__":
    sys.exit(main())
