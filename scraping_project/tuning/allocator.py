"""How the C library keeps the memory that a crawl gives back."""

import ctypes
import sys
from typing import Final

#: Options of glibc's mallopt(3).
M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3
M_ARENA_MAX: Final = -8
#: Larger blocks go back to the system one by one: more than most statements of the writer have, bytes.
LARGE: Final = 2**20
#: So much at the heap's end is kept for the next commit, whose statements would fault in each of its pages
#: again, bytes.
KEPT: Final = 8 * 2**20


class Allocator:
    """One heap for all threads, where the C library is glibc.

    By default each thread that commits has a heap of its own; what one of them allocates and the event loop
    keeps for a while leaves holes in all of them, and a worker grows for as long as it crawls. Python's
    threads allocate in turn anyway.
    """

    def __init__(self) -> None:
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
        if mallopt is not None:
            mallopt(M_ARENA_MAX, 1)
            mallopt(M_MMAP_THRESHOLD, LARGE)
            mallopt(M_TRIM_THRESHOLD, KEPT)
