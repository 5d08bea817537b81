"""One reading for all who ask within a second."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeVar, cast

#: Seconds that an answer serves others.
FRESH = 1.0
#: Answers that are kept at the most.
MOST = 256

Answer = TypeVar("Answer")


@dataclass(slots=True)
class _Slot:
    turn: Lock = field(default_factory=Lock)
    read_at: float = float("-inf")
    answer: Any = None


class SharedReading:
    """Remembers what was read a moment ago; whoever asks while it is read waits for that."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._slots: OrderedDict[Hashable, _Slot] = OrderedDict()
        self._choosing = Lock()

    def of(self, key: Hashable, read: Callable[[], Answer], fresh: float = FRESH) -> Answer:
        """Returns what ``read`` returns, or has returned for this key within so many seconds."""
        slot = self._slot(key)
        with slot.turn:
            if self._now() - slot.read_at >= fresh:
                slot.answer = read()
                slot.read_at = self._now()
            return cast("Answer", slot.answer)

    def forget(self) -> None:
        """Has the next who asks read anew: something was changed."""
        with self._choosing:
            self._slots.clear()

    def _slot(self, key: Hashable) -> _Slot:
        with self._choosing:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
            if len(self._slots) > MOST:
                self._slots.popitem(last=False)
            return slot
