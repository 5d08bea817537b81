"""What an operator says of a slot: slower, paused, blocked, or nothing more."""

from collections.abc import Mapping
from typing import Any, Literal

from scraping_project.frontier.frontier import Frontier

Word = Literal["pause", "resume", "block", "unblock", "slow", "free"]

_SET, _UNSET = {"pause": "paused", "block": "blocked"}, {"resume": "paused", "unblock": "blocked"}
#: Seconds between two requests of a slot that is slowed down, when nobody says how many.
SLOW_SECONDS = 10.0
#: Seconds: a slot that is to be left alone for longer is better paused.
LONGEST_SECONDS = 86_400.0


class OrderError(ValueError):
    """No such order can be given; the message is one line."""


def give(frontier: Frontier, slot: str, word: Word, seconds: float | None = None) -> Mapping[str, Any]:
    """Gives an order for a slot beside those that hold; returns what holds from now on.

    Raises:
        OrderError: The delay is none, or the slot is no slot's name.
        FrontierError: Redis does not answer.
    """
    if not slot or not slot.isprintable():
        raise OrderError("that is no slot: name a host, such as example.com")
    order = dict(frontier.orders().get(slot, {}))
    if word == "free":
        order = {}
    elif word == "slow":
        order["delay"] = _delay_ms(SLOW_SECONDS if seconds is None else seconds)
    elif word in _SET:
        order[_SET[word]] = True
    else:
        order.pop(_UNSET[word], None)
    frontier.order(slot, order)
    return order


def _delay_ms(seconds: float) -> int:
    if not 0 <= seconds <= LONGEST_SECONDS:  # so that nan is refused, too
        raise OrderError(f"a delay is a number of seconds from 0 to {LONGEST_SECONDS:g}")
    return round(seconds * 1000)
