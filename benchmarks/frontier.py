"""What the frontier costs: memory a URL and a request, and requests a second through its scripts.

    python -m benchmarks.frontier [--million N] [--quick]

One client on loopback, steps of 500 pushes and of 200 leases with the acks of the last 200. Bytes are the
growth of used_memory, all keys included.
"""

import argparse
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from benchmarks.numbers import at_least
from benchmarks.table import Row, show
from scraping_project.frontier.connection import connect
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.messages import End, Push, Step, blob
from testing import servers

LEASE_MS = 600_000
PUSHES, LEASES, SLOTS = 500, 200, 1000
MILLION = 1_000_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--million", type=at_least(1), default=1, metavar="N", help="millions of URLs in the dupe filter"
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of all that")
    options = parser.parse_args()
    share = 10 if options.quick else 1
    show("frontier", [*memory(100_000 // share), *seen(options.million * MILLION // share)])
    return 0


def memory(count: int) -> Iterator[Row]:
    """So many requests with URLs of 60 characters over 1,000 slots: queued, then leased and acked."""
    with worker() as (client, frontier, step):
        before = used(client)
        began = time.perf_counter()
        for first in range(0, count, PUSHES):
            frontier.checkpoint(step(push=[request(n) for n in range(first, first + PUSHES)]))
        pushed = time.perf_counter() - began
        yield Row(
            f"bytes a queued request of {count:,} (URL of 60 characters, dupe filter included)",
            (used(client) - before) / count,
            200,
            "<=",
        )
        yield Row("requests a second, pushed", count / pushed)
        began, ends = time.perf_counter(), []
        while True:
            reply = frontier.checkpoint(step(ack=ends, want=LEASES, turn=4, arm_new=LEASES, started=True))
            ends = [End(leased.id, leased.delivery) for leased in reply.leased]
            if not ends:
                break
        yield Row("requests a second, leased and acked", count / (time.perf_counter() - began))
        yield Row("bytes a done request", (used(client) - before) / count)
        if wrong := frontier.check():
            raise SystemExit(f"the ledger is wrong: {wrong}")


def seen(count: int) -> Iterator[Row]:
    """Random fingerprints in the dupe filter alone: each is leased and acked at once."""
    with worker() as (client, frontier, step):
        chance = random.Random(1)  # noqa: S311  not for secrets
        before, ends = used(client), []
        for _ in range(0, count, PUSHES):
            push = [Push(str(chance.getrandbits(63)), "slot", 0, blob(b"")) for _ in range(PUSHES)]
            reply = frontier.checkpoint(step(push=push, ack=ends, want=PUSHES, turn=PUSHES, started=True))
            ends = [End(leased.id, leased.delivery) for leased in reply.leased]
        frontier.checkpoint(step(ack=ends))
        goal = 10 if count >= MILLION else None  # what the filter begins with weighs on fewer
        yield Row(f"bytes a URL in the dupe filter at {count:,}", (used(client) - before) / count, goal, "<=")


def request(number: int) -> Push:
    url = f"https://host{number % SLOTS:04}.example.com/path/to/page-{number:012}.html"[:60]
    payload = b"\x82\xa3url\xd9" + bytes([len(url)]) + url.encode() + b"\xa4meta\x81\xa5depth\x03"
    return Push(str(random.getrandbits(63)), f"host{number % SLOTS:04}.example.com", 0, blob(payload))


@contextmanager
def worker() -> Iterator[tuple[redis.Redis, Frontier, "Steps"]]:
    with servers.redis_server(appendonly="no") as server:
        client = connect(server.url)
        frontier = Frontier(client, Keys("bench"))
        joined = frontier.join(
            "token", crawl_id="bench", rules="", seeds="bench", host="", pid=0, lease_ms=LEASE_MS
        )
        yield client, frontier, Steps(joined.epoch)
        client.close()


class Steps:
    """Makes the steps of one worker, numbered."""

    def __init__(self, epoch: int, token: str = "token") -> None:  # noqa: S107  no password
        self._epoch = epoch
        self._token = token
        self._sequence = 0

    def __call__(self, **parts: object) -> Step:
        self._sequence += 1
        return Step(token=self._token, epoch=self._epoch, sequence=self._sequence, lease=LEASE_MS, **parts)


def used(client: redis.Redis) -> int:
    return int(client.info("memory")["used_memory"])


if __name__ == "__main__":
    sys.exit(main())
