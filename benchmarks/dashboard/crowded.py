"""A frontier with many sites, dead letters and workers."""

from typing import Any

import redis

from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.messages import Burial, Push, Step, blob

NAME = "crowded"
#: With the name of the frontier, as its workers call a crawl.
CRAWL = f"{NAME}-20300101T000000-8c5f2c1e"
WORKERS, GROUPS = 20, 500  # groups: hosts that dead letters are of
LEASE_MS, PART = 3_600_000, 500
LETTER = blob(b'{"reason": "timeout", "message": "it took longer than 30 s"}')


def crowd(server: redis.Redis, *, slots: int, letters: int) -> None:
    """Makes it: so many slots with two requests each, and so many dead letters."""
    frontier, sequence = Frontier(server, Keys(NAME)), 0
    for pid in range(WORKERS):
        joined = frontier.join(
            f"{pid}", crawl_id=CRAWL, rules="", seeds="", host="crawler", pid=pid, lease_ms=LEASE_MS, run="r"
        )

    def step(**parts: Any) -> list[Burial]:
        """One step of the last worker; returns the ends of what it leases."""
        nonlocal sequence
        sequence += 1
        asked = Step(token=f"{pid}", epoch=joined.epoch, sequence=sequence, lease_ms=LEASE_MS, **parts)
        return [Burial(each.id, each.delivery, LETTER) for each in frontier.checkpoint(asked).leased]

    ends: list[Burial] = []
    for part in _parts(0, letters, GROUPS, "dead"):
        ends = step(push=part, bury=ends, want=PART, turn=PART, arm_new=PART, started=True)
    while ends:
        ends = step(bury=ends, want=PART, turn=PART, arm_new=PART)
    for part in _parts(letters, 2 * slots, slots, "host"):
        step(push=part)


def _parts(first: int, count: int, slots: int, name: str) -> list[list[Push]]:
    pushes = [
        _request(number, f"{name}{number % slots:05}.example") for number in range(first, first + count)
    ]
    return [pushes[start : start + PART] for start in range(0, count, PART)]


def _request(number: int, slot: str) -> Push:
    url = f"https://{slot}/path/to/page-{number:012}.html"
    payload = b"\x82\xa3url\xd9" + bytes([len(url)]) + url.encode() + b"\xa4meta\x81\xa5depth\x03"
    return Push(str(number + 1), slot, 0, blob(payload))
