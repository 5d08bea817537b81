"""How a run ended, written by its runner when its own process could not."""

import signal
import socket
import sys
import time
from typing import TYPE_CHECKING

from scrapyd.config import Config

from deploy.database import database
from scraping_project.storage.errors import DatabaseUnavailable, StorageError
from scraping_project.storage.runs import Outcome, end_unseen_run

if TYPE_CHECKING:
    from deploy.runner import Ended

#: Tries while the database is away, and seconds between two; after that the run reads as lost.
TRIES, PAUSE = 12, 5.0


def record(run_id: str, ended: "Ended") -> None:
    """Writes how a run ended, unless it has done so itself."""
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
    """The outcome, reason and error of a run that left none of its own."""
    if ended.asked:
        return "cancelled", "killed, for it did not end in time" if ended.hard else "before it crawled", None
    if ended.code == 0:
        return "finished", "exit 0", None
    if ended.code < 0:
        name = signal.Signals(-ended.code).name
        hint = ": from outside, or out of memory" if -ended.code == signal.SIGKILL else ""
        return "killed", f"{name}{hint}", None
    return "failed", f"exit {ended.code}", last_line(ended.tail)


def last_line(text: str) -> str | None:
    """The last line that says something: of a traceback, the exception."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), None)
