"""The servers that programs are measured on, and the processes that are measured."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, cast

import redis
from sqlalchemy import Engine, NullPool, create_engine, text

from benchmarks.speed.usage import RedisUse
from testing import servers
from testing.tcp_proxy import tcp_proxy

ROOT = Path(__file__).parent.parent.parent
#: Seconds between two looks at what goes on.
LOOK = 0.05
#: Variables that programs inherit: no proxy, no settings of whoever runs the benchmark.
INHERITED = ("PATH", "LANG", "LC_ALL", "TMPDIR", "HOME")


class SpeedError(Exception):
    """A program did not do what it was measured for."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one run of a program finds what it works on."""

    site_url: str
    redis_url: str
    database_url: str
    folder: str

    def at(self, site_url: str) -> Self:
        """The same with another site."""
        return replace(self, site_url=site_url)


class Stage:
    """One site, one Redis and one MariaDB for all programs in turn; each finds them empty."""

    def __init__(
        self,
        pages: Path,
        site: servers.NginxServer,
        queue: servers.RedisServer,
        database: servers.SqlServer,
    ) -> None:
        self._pages = pages
        self.site = site
        self.queue = queue
        self.database = database
        self.client = redis.Redis.from_url(queue.url, protocol=2)

    @contextmanager
    def place(self, round_trip_ms: float | None = None) -> Iterator[Place]:
        """All of it emptied, for one run; behind a proxy, Redis answers after so many milliseconds."""
        self.site.forget()
        self.client.flushall()
        with self._on(0, round_trip_ms) as place:
            yield place

    def beside(self, round_trip_ms: float | None) -> AbstractContextManager[Place]:
        """Another place while there is one: an empty queue and database; the site is the same."""
        return self._on(1, round_trip_ms)

    @contextmanager
    def _on(self, queue_number: int, round_trip_ms: float | None) -> Iterator[Place]:
        host, port = self.queue.host, self.queue.port
        url = self.database.database()
        with tempfile.TemporaryDirectory(prefix="speed-") as folder, ExitStack() as stack:
            stack.callback(_drop, url)
            if round_trip_ms is not None:
                proxy = stack.enter_context(tcp_proxy(host, port))
                proxy.delay = round_trip_ms / 2000  # held back on the way there and on the way back
                host, port = "127.0.0.1", proxy.port
            yield Place(self.site.url, f"redis://{host}:{port}/{queue_number}", url, folder)

    def another_site(self) -> AbstractContextManager[servers.NginxServer]:
        """The same pages by a server of their own, whose requests nobody counts."""
        return servers.nginx_server(self._pages)

    @property
    def server_pids(self) -> list[int]:
        """Of the processes that have been started; some have children."""
        return [self.site.pid, self.queue.pid, self.database.pid]

    def redis_use(self) -> RedisUse:
        return RedisUse.of(*(self.info(section) for section in ("stats", "commandstats", "cpu")))

    def info(self, section: str) -> Mapping[str, Any]:
        return cast("Mapping[str, Any]", self.client.info(section))


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Run the servers."""
    with (
        servers.nginx_server(folder) as site,
        servers.redis_server() as queue,
        servers.mariadb_server() as database,
    ):
        ready = Stage(folder, site, queue, database)
        yield ready
        ready.client.close()


def stored(place: Place) -> int:
    """How many rows the table sites has."""
    with _connected(place.database_url) as engine, engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM sites")).scalar_one())


def _drop(url: str) -> None:
    with _connected(url) as engine, engine.begin() as connection:
        connection.execute(text(f"DROP DATABASE {engine.url.database}"))


@contextmanager
def _connected(url: str) -> Iterator[Engine]:
    engine = create_engine(url, poolclass=NullPool)
    yield engine
    engine.dispose()


class Crowd:
    """The processes of one run, killed at the end of its block, or with this process."""

    def __init__(self, commands: Sequence[Sequence[str]], place: Place) -> None:
        self._commands = commands
        self._log = Path(place.folder) / "output.log"
        self._env = {name: os.environ[name] for name in INHERITED if name in os.environ}
        self._env |= {"REDIS_URL": place.redis_url, "DATABASE_URL": place.database_url}
        self._env |= {"DATA_DIR": place.folder}
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            for command in self._commands:
                self._processes.append(
                    subprocess.Popen(  # noqa: S603  our own command
                        servers.dies_with_us(list(command)),
                        cwd=ROOT,
                        env=self._env,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
                )
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            with suppress(ProcessLookupError):  # it has ended
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._processes]

    def until(self, reached: Callable[[], bool], seconds: float) -> bool:
        """Whether it was reached in so many seconds.

        Raises:
            SpeedError: A process has ended before; its last words follow.
        """
        deadline = time.monotonic() + seconds
        while not reached():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            with suppress(subprocess.TimeoutExpired):
                self._processes[0].wait(min(LOOK, left))
            if any(process.poll() is not None for process in self._processes):
                raise SpeedError(f"ended too early:\n{self.last_words()}")
        return True

    def last_words(self) -> str:
        return self._log.read_text(errors="replace")[-3000:]
