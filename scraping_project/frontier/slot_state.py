"""What the frontier knows of one slot, for people to read."""

import re
from dataclasses import dataclass
from typing import cast

import redis

from scraping_project.frontier.foreign import read_of
from scraping_project.frontier.keys import Keys

#: A time of a slot, and its permits, as lua/parts/slot.lua writes them.
_NUMBER, _PERMITS = re.compile("[0-9]{1,14}"), re.compile("[0-9]{1,14} [0-9]{1,14}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotState:
    """A slot's clock and queue. Times are seconds; None: not known, or not any more."""

    sent_ago: float | None  # since the last request
    delay: float  # as last applied
    crawl_delay: float | None  # what robots.txt asks for
    retry_after: float  # what is left of it
    adaptive: float | None  # what the site's latency asks for
    holders: dict[str, int]  # the permits of each worker, by its token
    queued: int


class SlotStates:
    """Reads the clocks of a frontier's slots. What it reads may be past a moment later."""

    def __init__(self, server: redis.Redis, keys: Keys) -> None:
        self._server = server
        self._keys = keys

    def knows(self, slot: str) -> bool:
        """Whether the frontier has a queue, a clock or an order of exactly this name."""
        with read_of(self._server, self._keys):
            epoch = self._epoch()
            return (
                bool(self._server.exists(self._keys.of("slot", slot)))
                or self._server.zscore(self._keys.of(epoch, "slots"), slot) is not None
                or bool(self._server.hexists(self._keys.of("orders"), slot))
            )

    def waiting(self, most: int) -> list[str]:
        """Slots that hold requests, those first whose turn came or comes first."""
        with read_of(self._server, self._keys):
            names = cast(
                "list[bytes]", self._server.zrange(self._keys.of(self._epoch(), "slots"), 0, most - 1)
            )
        return [name.decode() for name in names]

    def read(self, slot: str) -> SlotState:
        with read_of(self._server, self._keys):
            fields = cast("dict[bytes, bytes]", self._server.hgetall(self._keys.of("slot", slot)))
            seconds, micros = self._server.time()
            queued = self._queued(slot)
        now_ms = seconds * 1000 + micros // 1000
        text = {
            name.decode(errors="replace"): value.decode(errors="replace") for name, value in fields.items()
        }
        return _state(text, now_ms, queued)

    def _queued(self, slot: str) -> int:
        epoch = self._epoch()
        fields = cast("bytes | None", self._server.hget(self._keys.of(epoch, "priorities"), slot))
        priorities = (fields or b"").decode(errors="replace").split(",")
        lists = [self._keys.of(epoch, "queue", each, slot) for each in priorities if each]
        lists.append(self._keys.of(epoch, "suspects", slot))
        return sum(self._server.llen(each) for each in lists)

    def _epoch(self) -> int:
        return int(self._server.hget(self._keys.of("crawl"), "epoch") or 0)


def _state(fields: dict[str, str], now_ms: int, queued: int) -> SlotState:
    seconds = {name: int(value) / 1000 for name, value in fields.items() if _NUMBER.fullmatch(value)}
    sent, now = seconds.get("sent"), now_ms / 1000
    permits = {
        name[1:]: value.split()
        for name, value in fields.items()
        if name.startswith("@") and _PERMITS.fullmatch(value)
    }
    return SlotState(
        sent_ago=None if sent is None else round(max(now - sent, 0.0), 3),
        delay=seconds.get("delay", 0.0),
        crawl_delay=seconds.get("crawl"),
        retry_after=round(max(seconds.get("after", 0.0) - now, 0.0), 3),
        adaptive=seconds.get("adaptive"),
        holders={token: int(count) for token, (count, till) in permits.items() if int(till) > now_ms},
        queued=queued,
    )
