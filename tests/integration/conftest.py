"""The databases that the storage's tests run on, and the servers that the frontier's do."""

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from scraping_project.frontier.connection import connect as connect_redis
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.keys import Keys
from scraping_project.storage.engine import connect
from scraping_project.storage.migrate import migrate
from testing.servers import free_port, redis_binaries, redis_server
from tests.support.embedded_servers import embedded_processes
from tests.support.frontier_worker import Worker, strays
from tests.support.thoroughness import REDIS_KINDS


@pytest.fixture(name="database_url", params=["sqlite", "mariadb"])
def each_database_url(request, tmp_path):
    """Names an empty database, once on SQLite and once on MariaDB."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/scraping.db"
    return request.getfixturevalue("mariadb_url")


@pytest.fixture(name="engine")
def migrated_engine(database_url):
    engine = connect(database_url)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture(name="sqlite")
def migrated_sqlite(tmp_path):
    engine = connect(f"sqlite:///{tmp_path}/scraping.db")
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture(name="mariadb")
def migrated_mariadb(mariadb_url):
    engine = connect(mariadb_url)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def redis_servers():
    """Starts each kind of Redis at its first use; the tests' order is random, so all stay until the end."""
    binaries, started = redis_binaries(), {}
    with ExitStack() as stack:

        def server(kind):
            if kind not in started:
                started[kind] = stack.enter_context(redis_server(binaries[kind]))
            return started[kind]

        yield server


@pytest.fixture(params=REDIS_KINDS)
def server(request, redis_servers):
    """A client of an empty server, of each kind in turn where `make matrix` asks for all."""
    with connect_redis(redis_servers(request.param).url) as client:
        client.flushall()
        yield client


@pytest.fixture
def frontier(server):
    """A frontier that must agree with its ledger when the test is over."""
    frontier = Frontier(server, Keys("links"))
    yield frontier
    assert frontier.check() == []
    assert strays(server, frontier.keys) == []


@pytest.fixture
def worker(frontier):
    return Worker(frontier)


@pytest.fixture
def base(monkeypatch):
    """A directory with a short name, as the ones of pytest are too long for a socket."""
    directory = Path(tempfile.mkdtemp(prefix="vk-"))
    (directory / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(directory / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", str(directory / "tmp"))
    yield directory
    for process in embedded_processes(directory):
        process.kill()
    shutil.rmtree(directory)


@pytest.fixture
def data_dir(base):
    return base / "data"


@pytest.fixture
def port():
    return free_port()
