"""Which cores programs and their servers run on."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil


def are_several() -> bool:
    """Whether there is more than one."""
    return len(os.sched_getaffinity(0)) > 1


@contextmanager
def apart(programs: Iterable[int], servers: Iterable[int]) -> Iterator[None]:
    """The first half of the cores is the programs', the other the servers', which get all back.

    Args:
        programs: Ids of processes.
        servers: The same.
    """
    cores = sorted(os.sched_getaffinity(0))
    half = len(cores) // 2
    servers = list(servers)
    _bind(programs, cores[:half])
    _bind(servers, cores[half:])
    try:
        yield
    finally:
        _bind(servers, cores)


def _bind(pids: Iterable[int], cores: Iterable[int]) -> None:
    """Bind all threads of processes and of their children; later threads inherit it."""
    for pid in pids:
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            for thread in Path(f"/proc/{each.pid}/task").iterdir():
                os.sched_setaffinity(int(thread.name), cores)
