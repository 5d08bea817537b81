"""How long the system lets a worker run before another process has its turn; off by default."""

import ctypes
import os
import platform
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from scrapy import signals
from scrapy.exceptions import NotConfigured

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

#: The longest slice that Linux grants; by itself it gives a few milliseconds.
SLICE_MS: Final = 100
#: The number of sched_setattr(2), which few C libraries have a function for.
SCHED_SETATTR: Final = {"x86_64": 314, "aarch64": 274}
#: size, policy, flags, nice, priority, runtime, deadline, period; times in nanoseconds.
ATTRIBUTES: Final = struct.Struct("=IIQiIQQQ")


class CpuSlices:
    """Longer slices for the workers, with CPU_LONG_SLICES, where there are more of them than processors.

    After each slice a worker finds its data in the processor's caches replaced by another's. Processes that
    have less to do, such as servers and a desktop, still go first. Other systems stay as they are.
    """

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        if not crawler.settings.getbool("CPU_LONG_SLICES"):
            raise NotConfigured
        slices = cls()
        crawler.signals.connect(slices.engine_started, signal=signals.engine_started)
        return slices

    def engine_started(self) -> None:
        """Ask for them: by now the embedded server runs, which keeps short ones; later threads inherit."""
        set_slices(os.getpid(), SLICE_MS)


def set_slices(pid: int, milliseconds: int) -> None:
    """Slices of this length for all threads of a process, on Linux; 0: as the system gives them."""
    if sys.platform == "linux":
        for thread in Path(f"/proc/{pid}/task").iterdir():
            set_slice(int(thread.name), milliseconds)


def set_slice(thread: int, milliseconds: int) -> None:
    """The same for one thread, from Linux 6.12 on; an older one takes it for a batch job and no more."""
    number = SCHED_SETATTR.get(platform.machine())
    if number is None:
        return
    policy = os.SCHED_BATCH if milliseconds else os.SCHED_OTHER
    attributes = ATTRIBUTES.pack(ATTRIBUTES.size, policy, 0, 0, 0, milliseconds * 1_000_000, 0, 0)
    ctypes.CDLL(None).syscall(number, thread, attributes, 0)  # a sandbox that refuses it loses only this
