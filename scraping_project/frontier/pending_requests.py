"""All requests of a crawl that wait to be fetched, and where each lies."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import cast

import redis

from scraping_project.frontier.foreign import read_of
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.messages import Withdrawal, blob, read_leased

#: Records a reply at the most, and so many bytes of them, or one that is larger.
PAGE, PAGE_BYTES = 500, 4 * 2**20
#: What comes before the payload of a queued record, and before the leased record in a held one.
_QUEUED, _HELD = 8, 4
_PRIORITY = re.compile(rb"-?[0-9]+")


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """A request that waits: in a queue, for its delay to pass, or in the lease of a worker that is dead."""

    place: str
    name: str  # the slot, or the worker's token
    priority: int
    record: bytes
    id: int
    delivery: int
    payload: bytes

    def withdrawal(self, pages: int) -> Withdrawal:
        """What takes it away as done; it does nothing when the request lies there no more."""
        record = blob(self.record)
        return Withdrawal(self.place, self.name, self.priority, record, self.id, self.delivery, pages)


class PendingRequests:
    """Reads what waits in the current crawl of one frontier, page by page.

    Requests that move meanwhile may be missed or met twice; those that are taken away while it reads do
    not disturb it.
    """

    def __init__(self, server: redis.Redis, keys: Keys) -> None:
        self._server = server
        self._keys = keys
        self._page = PAGE

    def silent(self) -> list[str]:
        """The workers past their deadline, by Redis's clock."""
        with read_of(self._server, self._keys):
            seconds, microseconds = self._server.time()
            now = seconds * 1000 + microseconds // 1000
            tokens = cast(
                "list[bytes]", self._server.zrangebyscore(self._keys.of("workers"), "-inf", f"({now}")
            )
        return [token.decode(errors="backslashreplace") for token in tokens]

    def read(self, dead: Collection[str]) -> Iterator[PendingRequest]:
        """Yields what waits; what workers have leased, of those in ``dead`` alone."""
        with read_of(self._server, self._keys):
            found = cast(
                "list[bytes | None]", self._server.hmget(self._keys.of("crawl"), ["epoch", "largest"])
            )
            epoch, largest = (int(number or 0) for number in found)
            self._page = max(min(PAGE, PAGE_BYTES // max(largest, 1)), 1)
            for token in dead:
                yield from self._leases(token)
            for slot, _ in self._server.zscan_iter(self._keys.of(epoch, "slots"), count=self._page):
                yield from self._queues(epoch, slot.decode(errors="replace"))
            for record, _ in self._server.zscan_iter(self._keys.of(epoch, "delayed"), count=self._page):
                yield from _waiting("delayed", "", record, record)

    def _leases(self, token: str) -> Iterator[PendingRequest]:
        leases = self._server.hscan_iter(self._keys.of("leases", token), count=self._page)
        for _, record in leases:
            yield from _waiting("leases", token, record, record[_HELD:])

    def _queues(self, epoch: int, slot: str) -> Iterator[PendingRequest]:
        for record in self._list(self._keys.of(epoch, "suspects", slot)):
            yield from _waiting("suspects", slot, record, record)
        priorities = cast("bytes | None", self._server.hget(self._keys.of(epoch, "priorities"), slot)) or b""
        for priority in map(int, _PRIORITY.findall(priorities)):
            for record in self._list(self._keys.of(epoch, "queue", priority, slot)):
                if len(record) < _QUEUED:
                    continue
                request_id, delivery = int.from_bytes(record[:5], "big"), record[6]
                payload = record[_QUEUED:]
                yield PendingRequest("queue", slot, priority, record, request_id, delivery, payload)

    def _list(self, key: str) -> Iterator[bytes]:
        """From its end: what is taken away here, or from its front, hides nothing still to be read."""
        last = self._server.llen(key) - 1
        while last >= 0:
            page = cast("list[bytes]", self._server.lrange(key, max(last - self._page + 1, 0), last))
            yield from page
            last -= self._page


def _waiting(place: str, name: str, record: bytes, leased_record: bytes) -> Iterator[PendingRequest]:
    try:
        leased = read_leased(leased_record)
    except ValueError:  # somebody else has put it there: the worker that takes it next makes it a dead letter
        return
    yield PendingRequest(
        place, name or leased.slot, leased.priority, record, leased.id, leased.delivery, leased.payload
    )
