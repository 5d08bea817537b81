"""A crawl that is over, and a browser: what the tests of the dashboard's pages share."""

import pytest

from demo.server import serve
from tests.support.browser import chromium
from tests.support.embedded_servers import embedded_processes
from tests.support.project import Project

MANNERS = ("-s", "DOWNLOAD_DELAY=0", "-s", "CONCURRENT_REQUESTS_PER_DOMAIN=8")


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def crawled(tmp_path_factory):
    """The project with a crawl of the demo site, its failures included, in an embedded Valkey and SQLite."""
    project = Project(tmp_path_factory.mktemp("tower"), lambda: "embedded")
    with serve() as site:
        project.run("crawl", "links", "-a", f"start_urls={site}/", *MANNERS, timeout=120)
    yield project
    project.end_all()
    for process in embedded_processes(project.directory):
        process.kill()
