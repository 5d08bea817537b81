"""What the operator says of a slot, as lua/parts/slot.lua takes it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from scraping_project.frontier.messages import MAX_SLOT

LONGEST_DELAY_MS = 86_400_000
_WORDS = ("paused", "blocked")


def read_order(text: bytes | str) -> dict[str, Any] | None:
    """An order as it stands in Redis; None where somebody else has written what is none."""
    try:
        order = msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError:
        return None
    return order if _is_delay(order.get("delay", 0)) else None


def check_order(slot: str, order: Mapping[str, Any]) -> None:
    """Refuse what no worker would take.

    Raises:
        ValueError: One line that says what is wrong.
    """
    if not 0 < len(slot.encode(errors="ignore")) <= MAX_SLOT:
        raise ValueError(f"{slot[:50]!r} is no slot: name one of 1 to {MAX_SLOT} bytes, such as example.com")
    if unknown := order.keys() - {"delay", *_WORDS}:
        raise ValueError(f"an order has delay, paused and blocked, not {', '.join(sorted(unknown))}")
    if not _is_delay(order.get("delay", 0)):
        raise ValueError(f"delay is in milliseconds, from 0 to {LONGEST_DELAY_MS}, not {order['delay']!r}")
    if wrong := [word for word in _WORDS if order.get(word, False) not in (True, False)]:
        raise ValueError(f"{wrong[0]} is true or false, not {order[wrong[0]]!r}")


def _is_delay(delay: object) -> bool:
    return isinstance(delay, int | float) and not isinstance(delay, bool) and 0 <= delay <= LONGEST_DELAY_MS
