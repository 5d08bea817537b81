"""The fixtures that several rooms of the suite share."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any

import pytest
import redis
from hypothesis import HealthCheck, settings
from sqlalchemy import MetaData, Table, create_engine, select

from testing import servers
from testing.servers import NginxServer, RedisServer, SqlServer
from tests.support import warm_scrapy
from tests.support.warm_scrapy import WarmProcess

ROOT = Path(__file__).parent.parent
DOCS = ROOT / ".cache" / "docs"
INHERITED = ("PATH", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH")

Env = Mapping[str, str | None]

# How fast a machine is, or how busy, is nothing that a test may fail of.
settings.register_profile(
    "any machine",
    parent=settings.get_profile(settings.get_current_profile_name()),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("any machine")

# A shell has what it starts in the background ignore SIGINT, and so would all that the tests start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    with servers.redis_server() as server:
        yield server


@pytest.fixture
def redis_url(shared_redis: RedisServer) -> str:
    """Names the session's Redis, emptied before each test."""
    return emptied(shared_redis)


def emptied(server: RedisServer) -> str:
    """The URL of a Redis that runs and holds nothing, whatever was done with it before."""
    server.start()
    with redis.Redis.from_url(server.url, protocol=2) as client:
        client.flushall()
    return server.url


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """Gives the test a Redis of its own, to kill and to configure."""
    with servers.redis_server() as server:
        yield server


@pytest.fixture(scope="session")
def shared_mariadb() -> Iterator[SqlServer]:
    with servers.mariadb_server() as server:
        yield server


@pytest.fixture
def mariadb_url(shared_mariadb: SqlServer) -> str:
    """Names an empty database of the test's own in the session's MariaDB."""
    shared_mariadb.start()
    return shared_mariadb.database()


@pytest.fixture
def nginx() -> Iterator[Callable[..., NginxServer]]:
    """Serves directories: ``nginx(root, host="127.0.0.2")``."""
    with ExitStack() as stack:
        yield lambda root, host=servers.LOOPBACK: stack.enter_context(servers.nginx_server(root, host))


@pytest.fixture
def demo_site() -> Iterator[str]:
    """Names the base URL of the demo site."""
    from demo.server import serve  # noqa: PLC0415 -- most tests do without the demo

    with serve() as url:
        yield url


@pytest.fixture(scope="session")
def shared_docs_site() -> Iterator[NginxServer]:
    with servers.nginx_server(manual("postgresql")) as server:
        yield server


@pytest.fixture(scope="session")
def shared_sphinx_site() -> Iterator[NginxServer]:
    with servers.nginx_server(manual("scrapy")) as server:
        yield server


@pytest.fixture
def docs_site(shared_docs_site: NginxServer) -> NginxServer:
    """Serves PostgreSQL's manual, more than a thousand pages; its record of requests begins empty."""
    shared_docs_site.forget()
    return shared_docs_site


@pytest.fixture
def sphinx_site(shared_sphinx_site: NginxServer) -> NginxServer:
    """Serves Scrapy's manual, more than a hundred pages; its record of requests begins empty."""
    shared_sphinx_site.forget()
    return shared_sphinx_site


def manual(name: str) -> Path:
    if not (DOCS / name / "index.html").exists():
        pytest.fail(f".cache/docs/{name} is missing; `make test` fetches it")
    return DOCS / name


@pytest.fixture(autouse=True)
def no_project_stays_in_the_environment() -> Iterator[None]:
    """Scrapy's get_project_settings leaves there which project it found, for every later process to find."""
    yield
    os.environ.pop("SCRAPY_SETTINGS_MODULE", None)


@pytest.fixture
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator["Project"]:
    """Runs the project's commands with data of the test's own."""
    project = Project(tmp_path, lambda: str(request.getfixturevalue("redis_url")))
    yield project
    project.end_all()


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
