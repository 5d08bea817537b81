"""The fixtures that several rooms of the suite share."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from testing import servers
from testing.servers import NginxServer, RedisServer, SqlServer
from tests.support.empty_redis import emptied
from tests.support.manuals import manual
from tests.support.project import Project
from tests.support.thoroughness import STORM

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


ROOMS = ("end_to_end", "cluster", "integration", "unit")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the rooms whose tests take longest, so that no process is left alone with one at the end."""
    items.sort(key=lambda item: ROOMS.index(item.path.relative_to(Path(__file__).parent).parts[0]))


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    with servers.redis_server() as server:
        yield server


@pytest.fixture
def redis_url(shared_redis: RedisServer) -> str:
    """Names the session's Redis, emptied before each test."""
    return emptied(shared_redis)


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
def any_manual(request: pytest.FixtureRequest) -> NginxServer:
    """Serves the larger manual in `make storm`, and otherwise the smaller one."""
    site: NginxServer = request.getfixturevalue("docs_site" if STORM else "sphinx_site")
    return site


@pytest.fixture
def sphinx_site(shared_sphinx_site: NginxServer) -> NginxServer:
    """Serves Scrapy's manual, more than a hundred pages; its record of requests begins empty."""
    shared_sphinx_site.forget()
    return shared_sphinx_site


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
