"""Runs a command of a deployed egg and sees its end: ``python -m deploy.scrapyd.runner crawl …``.

The crawl is a child. This process waits for it and passes on its output and the wish to end it. It writes the
end of the run when the child could not: killed by a signal, out of memory, failed before it had begun. It
imports little, for there is one runner beside every run.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType

#: Seconds that a crawl gets to end by itself once it was asked to; SCRAPYD_STOP_SECONDS overrides it.
STOP_SECONDS, MOST_STOP_SECONDS = 40.0, 3600.0
#: The same wish to end may come twice: from Scrapyd, and from the terminal or init above both.
ONE_WISH = 1.0
#: So much of a crawl's last output is kept, to tell why it failed.
TAIL = 8_000


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of the child."""

    pid: int
    code: int  # below 0: the signal that killed it
    asked: bool  # to end
    killed: str | None  # by this process, and why
    tail: str  # of its standard error


class Crawl:
    """The child and its signals.

    On Linux the kernel kills it when this process ends.
    """

    def __init__(self, command: list[str]) -> None:
        self._asked_at: float | None = None
        self._passed_on = False
        self._killed: str | None = None
        self._stop_seconds = stop_seconds()
        self._process: subprocess.Popen[bytes] | None = None
        self._tail = b""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._end)
        signal.signal(signal.SIGQUIT, self._kill)
        signal.signal(signal.SIGALRM, self._kill)
        # In a group of its own: Ctrl-C on Scrapyd's terminal reaches it once, through this process.
        self._process = subprocess.Popen(  # noqa: S603  Scrapyd's words, each its own, and no shell
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"RUNNER_PID": str(os.getpid())},
            process_group=0,
        )
        if self._asked_at is not None and not self._passed_on:  # twice would be another wish
            self._signal(signal.SIGKILL if self._killed else signal.SIGINT)

    def wait(self) -> Ended:
        """Waits for the child to end."""
        if self._process is None:
            raise RuntimeError("the child was not started")
        threads = [
            threading.Thread(target=self._pass_on, args=(pipe.fileno(), to), daemon=True)
            for pipe, to in ((self._process.stdout, 1), (self._process.stderr, 2))
            if pipe is not None
        ]
        for thread in threads:
            thread.start()
        code = self._process.wait()
        for thread in threads:
            thread.join(timeout=1)  # a process that the crawl left behind may keep them open
        tail = self._tail.decode(errors="replace")
        return Ended(self._process.pid, code, self._asked_at is not None, self._killed, tail)

    def _pass_on(self, source: int, to: int) -> None:
        while chunk := os.read(source, 65_536):
            if to == 2:  # noqa: PLR2004  standard error
                self._tail = (self._tail + chunk)[-TAIL:]
            with suppress(OSError):  # Scrapyd is gone: the run goes on, and nobody reads this
                os.write(to, chunk)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._asked_at is None:
            self._asked_at = now
            signal.setitimer(signal.ITIMER_REAL, self._stop_seconds)
        elif now - self._asked_at < ONE_WISH:
            return
        self._signal(signal.SIGINT)

    def _kill(self, number: int, _frame: FrameType | None) -> None:
        self._asked_at = self._asked_at or time.monotonic()
        self._killed = self._killed or (
            "for it did not end in time" if number == signal.SIGALRM else "as asked"
        )
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._passed_on = True
            self._process.send_signal(number)


def stop_seconds() -> float:
    """The seconds that a crawl gets to end.

    Raises:
        ValueError: The environment does not say a number of seconds.
    """
    seconds = float(os.environ.get("SCRAPYD_STOP_SECONDS") or STOP_SECONDS)
    if not 0 < seconds <= MOST_STOP_SECONDS:
        raise ValueError(seconds)
    return seconds


def run_id(arguments: list[str]) -> str | None:
    """The run's id in the command line that Scrapyd makes."""
    prefix = "_job="
    return next((word.removeprefix(prefix) for word in arguments if word.startswith(prefix)), None)


def main() -> None:
    arguments = sys.argv[1:]
    command = [sys.executable, "-m", "deploy.scrapyd.egg_command", *arguments]
    if arguments[:1] != ["crawl"]:
        os.execv(sys.executable, command)  # noqa: S606  it needs no supervision, nor a shell
    ended = Crawl(command).wait()
    if run := run_id(arguments):
        from deploy.scrapyd.run_outcome import record  # noqa: PLC0415  the database's libraries, once the crawl is over

        record(run, ended)
    sys.exit(ended.code if ended.code >= 0 else 128 - ended.code)


if __name__ == "__main__":
    main()
