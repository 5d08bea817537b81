"""The project as its users run it."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import pytest
from sqlalchemy import MetaData, Table, create_engine, select

from testing import servers
from tests.support import warm_scrapy
from tests.support.warm_scrapy import WarmProcess

ROOT = Path(__file__).parents[2]
INHERITED = ("PATH", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH")
Env = Mapping[str, str | None]


class Project:
    """The project as its users run it: an environment, processes and a database.

    Variables in ``env`` reach every process and win over those set here; those given with one command
    win over both. None takes a variable away. Nothing else is inherited but where programs lie and the
    language. Warning: an embedded server that a command starts is no child of it and is not ended here.
    """

    def __init__(self, directory: Path, redis_url: Callable[[], str]) -> None:
        self.directory = directory
        self.data_dir = directory / "data"
        self.env: dict[str, str | None] = {}
        self.warm = True  # commands are forked from a process that has their imports
        self._redis_url = redis_url
        self._processes: list[subprocess.Popen[str]] = []
        self._errors: dict[int, Path] = {}

    @property
    def database_url(self) -> str:
        return self.env.get("DATABASE_URL") or f"sqlite:///{self.data_dir / 'scraping.db'}"

    def run(
        self, *arguments: str, env: Env | None = None, timeout: float = 60, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Runs ``scrapy ARGUMENTS`` to its end; with ``check`` another exit code than 0 fails the test."""
        process = self.start(*arguments, env=env)
        try:
            output, _ = process.communicate(timeout=timeout)
            how = f"ended with {process.returncode}"
        except subprocess.TimeoutExpired as expired:
            end(process)
            output = (expired.output or b"").decode(errors="replace")  # bytes, even of a text pipe
            how, check = f"was ended after {timeout} s", True
        errors = self.errors(process)
        if check and process.returncode != 0:
            pytest.fail(f"scrapy {shlex.join(arguments)} {how}:\n{output}\n{errors[-8000:]}")
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def start(self, *arguments: str, env: Env | None = None) -> subprocess.Popen[str]:
        """Starts ``scrapy ARGUMENTS`` with its standard output as a pipe; the test's end kills it."""
        if arguments[:1] == ("crawl",):  # a later -s wins
            arguments = ("crawl", "-s", "RETRY_BACKOFF_BASE=0", *arguments[1:])
        errors = self.directory / f"stderr-{len(self._processes)}.log"
        environment = self._environment(env or {})
        with errors.open("w") as stderr:  # a file: a worker must not wait until someone reads what it logs
            start = WarmProcess if self.warm and warm_scrapy.serves(environment) else cold_process
            process = start(arguments, env=environment, stderr=stderr)
        self._processes.append(process)
        self._errors[process.pid] = errors
        return process

    def errors(self, process: subprocess.Popen[str]) -> str:
        """Returns what a process has written to its standard error."""
        return self._errors[process.pid].read_text(errors="replace")

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Returns the rows of a table of the database, in no certain order."""
        engine = create_engine(self.database_url)
        try:
            with engine.connect() as connection:
                columns = Table(table, MetaData(), autoload_with=connection)
                return [dict(row) for row in connection.execute(select(columns)).mappings()]
        finally:
            engine.dispose()

    def end_all(self) -> None:
        """Kills what still runs, and shows what it logged, should the test have failed."""
        for process in self._processes:
            if process.poll() is None:
                sys.stdout.write(f"{process.args!r}:\n{self.errors(process)[-4000:]}\n")
            end(process)

    def _environment(self, more: Env) -> dict[str, str]:
        env: dict[str, str | None] = {name: os.environ.get(name) for name in INHERITED}
        env |= {"HOME": str(self.directory), "DATA_DIR": str(self.data_dir)}
        env |= self.env | dict(more)
        if "REDIS_URL" not in env:
            env["REDIS_URL"] = self._redis_url()
        return {name: value for name, value in env.items() if value is not None}


def cold_process(
    arguments: Sequence[str], *, env: Mapping[str, str], stderr: IO[str]
) -> subprocess.Popen[str]:
    """Starts ``scrapy ARGUMENTS`` as a user does, its imports included."""
    return subprocess.Popen(
        servers.dies_with_us([sys.executable, "-W", "error", "-m", "scrapy", *arguments]),
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        start_new_session=True,
    )


def end(process: subprocess.Popen[str]) -> None:
    """Kills a process together with all that it left in its session, in whatever process groups."""
    for pid in session(process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def session(leader: int) -> list[int]:
    """Returns the processes of a session, the leader first: without it nothing new is started."""
    found = [leader]
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[3]) == leader and int(stat.parent.name) != leader:
                found.append(int(stat.parent.name))
    return found


def until(condition, process, project):
    """Waits until the condition holds while the process lives; pytest's timeout is the bound."""
    while not condition():
        assert process.poll() is None, project.errors(process)
        time.sleep(0.05)
