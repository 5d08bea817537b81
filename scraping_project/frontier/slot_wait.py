"""Why a slot's requests wait, from the fields of its clock (lua/parts/slot.lua) and the operator's order."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

#: "": nothing holds it back. throttle: what the site's latency, or its answers of 429, ask for.
#: robots: one worker at a time, for its robots.txt is not known yet. busy: its permits are in use.
Because = Literal[
    "", "blocked", "paused", "retry_after", "order", "crawl_delay", "throttle", "delay", "robots", "busy"
]

_NUMBER, _PERMITS = re.compile("[0-9]{1,14}"), re.compile("([0-9]{1,14}) ([0-9]{1,14})")
#: As lua/parts/slot.lua has them, ms.
_LONGEST_PERMIT, _HELD_FOR = 5_000, 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotFields:
    """A slot's clock. Moments and times are ms by Redis's clock; None: not known."""

    sent: int  # 0: not known
    delay: int
    crawl: int | None
    after: int
    adaptive: int
    cap: int | None
    alone_since: int | None  # when its only holder got it
    holders: dict[str, int]

    @classmethod
    def of(cls, fields: Mapping[str, str], now: int, *, held_till: int) -> Self:
        """What counts of them now.

        Args:
            fields: As they stand in Redis.
            now: Redis's clock, ms.
            held_till: The crawl's `held`: Redis's clock was set forward, and permits may run until then.
        """
        numbers = {name: int(value) for name, value in fields.items() if _NUMBER.fullmatch(value)}
        permits = {
            name[1:]: (int(found[1]), int(found[2]))
            for name, value in fields.items()
            if name.startswith("@") and (found := _PERMITS.fullmatch(value))
        }
        sent = max([numbers.get("sent", 0), *(till for _, till in permits.values() if till <= now)])
        if now - _HELD_FOR < held_till <= now + _LONGEST_PERMIT:
            sent = max(sent, held_till)
        return cls(
            sent=sent,
            delay=numbers.get("delay", 0),
            crawl=numbers.get("crawl"),
            after=numbers.get("after", 0),
            adaptive=numbers.get("adaptive", 0),
            cap=numbers.get("cap"),
            alone_since=numbers.get("since"),
            holders={token: count for token, (count, till) in permits.items() if till > now},
        )

    @property
    def is_alone(self) -> bool:
        """Whether its holder has it alone only because its robots.txt is not known yet."""
        no_delay = not self.delay and self.cap != 1
        return no_delay and self.crawl is None and self.alone_since is not None and len(self.holders) == 1


@dataclass(frozen=True, slots=True)
class SlotWait:
    """What a slot waits for."""

    because: Because
    because_ms: int  # a delay, or what is left of a Retry-After; 0: no time
    next_ms: int | None  # None: till somebody says otherwise
    delay_ms: int  # in force


def wait_of(slot: SlotFields, order: Mapping[str, Any], now: int, *, paused: bool) -> SlotWait:
    """Why a slot's requests wait.

    Args:
        slot: Its clock.
        order: The operator's.
        now: Redis's clock, ms.
        paused: Whether the whole crawl is.
    """
    delay = max(slot.delay, int(order.get("delay", 0)))
    if order.get("blocked"):
        return SlotWait("blocked", 0, None, delay)
    if paused or order.get("paused"):
        return SlotWait("paused", 0, None, delay)
    if slot.after > now:
        return SlotWait("retry_after", slot.after - now, max(slot.after, slot.sent + delay) - now, delay)
    left = max(slot.sent + delay - now, 0)
    if delay and (left or slot.holders):
        return SlotWait(_cause_of_delay(slot, order, delay), delay, left, delay)
    if left:  # Redis's clock was set forward: till the last of the old permits has ended
        return SlotWait("busy", 0, left, delay)
    if slot.is_alone:
        return SlotWait("robots", 0, 0, delay)
    if slot.cap is not None and sum(slot.holders.values()) >= slot.cap:
        return SlotWait("busy", 0, 0, delay)
    return SlotWait("", 0, 0, delay)


def _cause_of_delay(slot: SlotFields, order: Mapping[str, Any], delay: int) -> Because:
    """What asks for a delay as long as the one in force; the settings, when nothing else does."""
    if order.get("delay", 0) >= delay:
        return "order"
    if (slot.crawl or 0) >= delay:
        return "crawl_delay"
    return "throttle" if slot.adaptive >= delay else "delay"
