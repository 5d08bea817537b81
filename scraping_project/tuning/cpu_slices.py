"""How long the system lets a worker run before another process has its turn."""

import ctypes
import os
import platform
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from scrapy import signals

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

#: The longest turn that Linux grants; by itself it gives a few milliseconds.
TURN_MS: Final = 100
#: The number of sched_setattr(2), which few C libraries have a function for.
SCHED_SETATTR: Final = {"x86_64": 314, "aarch64": 274}
#: size, policy, flags, nice, priority, runtime, deadline, period; times in nanoseconds.
ATTRIBUTES: Final = struct.Struct("=IIQiIQQQ")


class CpuSlices:
    """Longer turns for the workers, where there are more of them than processors.

    After each turn a worker finds what it needs in the processor's caches replaced by another's. Whoever has
    less to do, such as the servers and a desktop, goes first as ever. On a system that has no such choice
    nothing is changed.
    """

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        turns = cls()
        crawler.signals.connect(turns.engine_started, signal=signals.engine_started)
        return turns

    def engine_started(self) -> None:
        """Ask for them: by now the embedded server runs, which keeps short ones; later threads inherit."""
        if sys.platform == "linux":
            for thread in Path("/proc/self/task").iterdir():
                lengthen(int(thread.name))


def lengthen(thread: int) -> None:
    """Long turns for one thread, from Linux 6.12 on; older ones take it for a batch job and no more."""
    number = SCHED_SETATTR.get(platform.machine())
    if number is None:
        return
    attributes = ATTRIBUTES.pack(ATTRIBUTES.size, os.SCHED_BATCH, 0, 0, 0, TURN_MS * 1_000_000, 0, 0)
    ctypes.CDLL(None).syscall(number, thread, attributes, 0)  # a sandbox that refuses it loses only this
