"""The end of a run, written by its runner when the run's own process could not."""

import signal
import socket
import sys
import time
from typing import TYPE_CHECKING

from scrapyd.config import Config

from deploy.scrapyd.database import database
from scraping_project.storage.errors import DatabaseUnavailable, StorageError
from scraping_project.storage.runs import Outcome, end_unseen_run

if TYPE_CHECKING:
    from deploy.scrapyd.runner import Ended

#: Tries while the database is away, and seconds between two; after them the run reads as lost.
TRIES, PAUSE = 12, 5.0


def record(run_id: str, ended: "Ended") -> None:
    """Writes the end of a run, unless the run has done so itself."""
    for patience in reversed(range(TRIES)):
        try:
            _record(run_id, ended)
        except DatabaseUnavailable as error:
            if not patience:
                sys.stderr.write(f"the end of run {run_id} could not be written: {error}\n")
                return
            time.sleep(PAUSE)
        except StorageError as error:
            sys.stderr.write(f"the end of run {run_id} could not be written: {error}\n")
            return
        else:
            return


def _record(run_id: str, ended: "Ended") -> None:
    outcome, reason, error = judge(ended)
    engine = database(Config())
    try:
        end_unseen_run(engine, run_id, outcome, reason, error=error, host=socket.gethostname(), pid=ended.pid)
    finally:
        engine.dispose()


def judge(ended: "Ended") -> tuple[Outcome, str, str | None]:
    """The outcome, reason and error of a run that recorded none."""
    if ended.killed:
        return "cancelled", f"killed, {ended.killed}", None
    if ended.code < 0 and not (ended.asked and -ended.code == signal.SIGINT):
        hint = ": from outside, or out of memory" if -ended.code == signal.SIGKILL else ""
        return "killed", f"{how(ended.code)}{hint}", None
    if ended.asked:
        return "cancelled", f"asked to end, {how(ended.code)}", None
    if ended.code == 0:
        return "finished", how(0), None
    return "failed", how(ended.code), last_line(ended.tail)


def how(code: int) -> str:
    """An exit code, or the name of a signal; real-time signals have none."""
    if code >= 0:
        return f"exit {code}"
    return signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"


def last_line(text: str) -> str | None:
    """The last line that is not empty: of a traceback, the exception."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), None)
