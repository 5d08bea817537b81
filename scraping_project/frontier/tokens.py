"""The names of workers, by which their neighbours can tell that a process is gone, and of no other.

A token is ``host:machine:pid:start:chance``. The machine is the boot and the space of process numbers (two
containers, or two machines of one name, have different ones): numbers mean something there alone.
"""

import hashlib
import os
import socket
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4


class Process(NamedTuple):
    """What the kernel shows of a process."""

    started: str  # clock ticks since boot
    ended: bool  # nothing of it runs any more, whether or not its parent has asked for its exit code


def new_token() -> str:
    """A name that no other worker has had."""
    pid = os.getpid()
    own = _process(pid)
    return f"{socket.gethostname()}:{_machine()}:{pid}:{own.started if own else ''}:{uuid4().hex[:8]}"


def process_of(token: str) -> tuple[str, int]:
    """Host and process number of a worker."""
    host, _, pid, _, _ = token.rsplit(":", 4)
    return host, int(pid)


def is_gone(token: str) -> bool:
    """Whether a token is that of a process of this machine that has ended; False when that can't be told."""
    _, machine, pid, started, _ = token.rsplit(":", 4)
    if not (machine and started) or machine != _machine():
        return False
    found = _process(int(pid))
    if found is None:
        return not _exists(int(pid))
    return found.ended or found.started != started


@cache
def _machine() -> str:
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii")
        return hashlib.sha256(f"{boot} {Path('/proc/self/ns/pid').readlink()}".encode()).hexdigest()[:8]
    return ""


def _exists(pid: int) -> bool:
    """Whether there is such a process, be it hidden from this one."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _process(pid: int) -> Process | None:
    """The process of a number; None when there is none, or when it is not to be seen here."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        # Threads may go on after the first one, whose state stands for the process.
        state, threads, started = fields[0], int(fields[17]), fields[19]
        return Process(started, ended=state in {"Z", "X"} and threads <= 1)
    return None
