"""The names of workers, by which their neighbours can tell that a process is gone, and of no other.

A token is ``host:machine:pid:start:chance``. The machine is the boot and the space of process numbers (two
containers, or two machines of one name, have different ones): numbers mean something there alone.
"""

import hashlib
import os
import re
import socket
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

#: Numbers of processes have seven digits at most; far longer ones could not even be asked about.
_FORM = re.compile(r"(?P<host>.*):(?P<machine>[^:]*):(?P<pid>[0-9]{1,9}):(?P<started>[^:]*):[^:]*", re.DOTALL)


class Process(NamedTuple):
    """What the kernel shows of a process."""

    started: str  # clock ticks since boot
    ended: bool  # nothing of it runs any more, whether or not its parent has asked for its exit code


def new_token() -> str:
    """A name that no other worker has had."""
    pid = os.getpid()
    own = _process(pid)
    return f"{socket.gethostname()}:{_machine()}:{pid}:{own.started if own else ''}:{uuid4().hex[:8]}"


def is_token(name: str) -> bool:
    """Whether a worker may be called so; anybody may write anything into Redis."""
    return _FORM.fullmatch(name) is not None


def process_of(token: str) -> tuple[str, int] | None:
    """Host and process number of a worker; None when that is no token."""
    parts = _FORM.fullmatch(token)
    return (parts["host"], int(parts["pid"])) if parts else None


def is_gone(token: str) -> bool:
    """Whether a token is that of a process of this machine that has ended; False when that can't be told."""
    parts = _FORM.fullmatch(token)
    if not parts or not (parts["machine"] and parts["started"]) or parts["machine"] != _machine():
        return False
    found = _process(int(parts["pid"]))
    if found is None:
        return not _exists(int(parts["pid"]))
    return found.ended or found.started != parts["started"]


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
