"""Keeps the logs of runs within bounds of size and age."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from scrapyd.config import Config
from twisted.logger import Logger

log = Logger()

DAY = 86_400
MEGABYTE = 1024 * 1024
#: Seconds between two rounds.
INTERVAL = 60.0


class LogKeeper:
    """Cuts logs that have grown too large and deletes those that nobody has written to for days.

    A run holds its log open in append mode, so a cut log goes on from its new beginning. Lines written in the
    instant between copy and cut are lost.
    """

    def __init__(self, config: Config) -> None:
        self._directory = Path(config.get("logs_dir"))
        self._most_bytes = int(config.getfloat("log_megabytes", 50.0) * MEGABYTE)
        self._most_age = config.getfloat("log_days", 30.0) * DAY

    def keep(self) -> None:
        """One round over all logs."""
        for path in self._logs():
            try:
                self._keep(path)
            except FileNotFoundError:  # Scrapyd deletes them, too
                continue
            except OSError as error:  # such as a full disk: the next round tries this log again
                log.error("{path} could not be cut: {error}", path=path, error=error)  # noqa: TRY400  Twisted's

    def _keep(self, path: Path) -> None:
        status = path.stat()
        if time.time() - status.st_mtime > self._most_age:
            path.unlink()
        elif path.suffix == ".log" and status.st_size > self._most_bytes:
            cut(path)

    def _logs(self) -> Iterator[Path]:
        for directory, _, names in os.walk(self._directory):
            yield from (Path(directory, name) for name in names if name.endswith((".log", ".log.1")))


def cut(path: Path) -> None:
    """Moves the content of a log into ``.log.1``, in place of the content there."""
    old = path.with_name(f"{path.name}.1")
    with path.open("rb+") as current:
        try:
            with old.open("wb") as copy:
                shutil.copyfileobj(current, copy)
        except OSError:
            with suppress(OSError):
                old.unlink()  # half a copy only takes room
            raise
        current.truncate(0)
