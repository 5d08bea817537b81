"""``scrapy`` commands without the second that their imports take: forked from a process that has them.

A child is a process of its own in all that tests look at: its environment, its standard streams, its session,
how it ends. What an interpreter reads when it starts it has from the server: such commands are started coldly
(``serves``).
"""

import array
import ctypes
import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Any, NoReturn

from tests.support.imports_of_a_crawl import import_everything

ROOT = Path(__file__).resolve().parents[2]
#: An interpreter or its C library reads these, or others that begin so, when it starts.
READ_AT_START = ("PYTHON", "LD_", "MALLOC_", "GLIBC_", "FAKETIME", "COVERAGE")
READ_BY_THE_CHILD = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
PR_SET_PDEATHSIG = 1  # prctl(2)
STATUS = struct.Struct("=i")


def serves(env: Mapping[str, str]) -> bool:
    """Whether a command with this environment is the same forked as started."""
    return not any(name.startswith(READ_AT_START) and name not in READ_BY_THE_CHILD for name in env)


class WarmProcess(subprocess.Popen[str]):
    """A forked ``scrapy ARGUMENTS``, used like any other process, of which the server waits and tells."""

    def __init__(self, arguments: Sequence[str], *, env: Mapping[str, str], stderr: IO[str]) -> None:
        self._telling, told = os.pipe()
        reading, writing = os.pipe()
        with open(os.devnull) as stdin:  # noqa: PTH123  a stream, not a path's content
            order = {"arguments": list(arguments), "env": dict(env), "cwd": str(ROOT)}
            self.pid = _server().fork(order, (stdin.fileno(), writing, stderr.fileno(), told))
        os.close(told)
        os.close(writing)
        self.args = ["scrapy", *arguments]
        self.returncode: int | None = None
        self.stdin = self.stderr = None
        self.stdout = open(reading, encoding="utf-8", errors=None)  # noqa: PTH123, SIM115  closed as Popen's is
        self.text_mode, self.encoding, self.errors = True, "utf-8", None
        self.universal_newlines = True
        self._child_created = True
        self._input = None
        self._communication_started = False
        self._closed_child_pipe_fds = True
        self._waitpid_lock = _no_lock
        self._sigint_wait_secs = 0.25

    def _internal_poll(self, *_: Any, **__: Any) -> int | None:
        if self.returncode is None and _is_readable(self._telling, 0.0):
            self._take_in()
        return self.returncode

    def _wait(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            if not _is_readable(self._telling, timeout):
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
            self._take_in()
        return self.returncode

    def _take_in(self) -> None:
        """Take the end of the child; a server that is gone has taken its children with it."""
        told = os.read(self._telling, STATUS.size)
        os.close(self._telling)
        self.returncode = STATUS.unpack(told)[0] if told else -signal.SIGKILL

    def __del__(self, *_: Any) -> None:
        """The server knows of the child: nothing waits for this object."""


def _is_readable(fd: int, timeout: float | None) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(fd, selectors.EVENT_READ)
        return bool(selector.select(timeout))


class _Server:
    """The process that has the imports, one for each process of the suite; it ends with that."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", __name__, str(theirs.fileno())],
                cwd=ROOT,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )

    def fork(self, order: dict[str, Any], streams: Sequence[int]) -> int:
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", streams))
        self._socket.sendmsg([json.dumps(order).encode()], [rights])
        answer = self._socket.recv(STATUS.size)
        if not answer:
            raise RuntimeError(f"the warm server has ended with {self._process.wait()}")
        return int(STATUS.unpack(answer)[0])


@cache
def _server() -> _Server:
    return _Server()


class _NoLock:
    """Popen guards waitpid by a lock; here nobody else waits for the child."""

    def acquire(self, _: bool = True) -> bool:
        return True

    def release(self) -> None: ...

    def __enter__(self) -> bool:
        return True

    def __exit__(self, *_: object) -> None: ...


_no_lock = _NoLock()


def serve(connection: socket.socket) -> dict[str, Any] | None:
    """Fork a child for each order; returns the order in the child, and None when the suite has ended."""
    waking, woken = os.pipe()
    for end in (waking, woken):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken)
    told: dict[int, int] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        selector.register(waking, selectors.EVENT_READ)
        while True:
            for ready, _ in selector.select():
                if ready.fileobj is connection:
                    message, streams, _, _ = socket.recv_fds(connection, 1 << 20, 4)
                    if not message:
                        connection.close()
                        return None
                    pid = os.fork()
                    if pid == 0:
                        connection.close()
                        _become(streams, [waking, woken, *told.values()])
                        return dict(json.loads(message))
                    for fd in streams[:3]:
                        os.close(fd)
                    told[pid] = streams[3]
                    connection.send(STATUS.pack(pid))
                else:
                    os.read(waking, 4096)
                    _reap(told)


def _reap(told: dict[int, int]) -> None:
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            fd = told.pop(ended[0])
            with suppress(BrokenPipeError):  # nobody asks any more
                os.write(fd, STATUS.pack(os.waitstatus_to_exitcode(ended[1])))
            os.close(fd)


def _become(streams: Sequence[int], others: Sequence[int]) -> None:
    """Make this child what a started process would be: its streams, its session, its signals."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, fd in enumerate(streams[:3]):
        os.dup2(fd, number)
    for fd in (*streams, *others):
        os.close(fd)
    os.setsid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def execute(order: dict[str, Any]) -> NoReturn:
    """Run the command as ``python -m scrapy`` would."""
    from scrapy import __main__ as program  # noqa: PLC0415  the child's own
    from scrapy.cmdline import execute as run  # noqa: PLC0415

    os.environ.clear()
    os.environ.update(order["env"])
    time.tzset()
    sys.dont_write_bytecode = bool(order["env"].get("PYTHONDONTWRITEBYTECODE"))
    os.chdir(order["cwd"])
    paths = [path for path in order["env"].get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[1:1] = paths
    sys.argv = [program.__file__, *order["arguments"]]
    run()
    sys.exit()


def main() -> None:
    import_everything()
    if "twisted.internet.reactor" in sys.modules or "scraping_project.settings" in sys.modules:
        raise RuntimeError("a child must choose its reactor and read its environment itself")
    if order := serve(socket.socket(fileno=int(sys.argv[1]))):
        execute(order)


if __name__ == "__main__":
    main()
