"""``scrapy dashboard`` as a process."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.project import Env, Project, until

_SERVES = re.compile(r"^dashboard: (http://\S+)/ \(Ctrl-C ends it\)$", re.MULTILINE)


def begin(project: Project, *arguments: str, env: Env | None = None) -> tuple[subprocess.Popen[str], str]:
    """Starts it at a free port; returns its process and its base URL, without a slash at its end."""
    process = project.start("dashboard", "--port", "0", *arguments, env=env)
    until(lambda: _SERVES.search(project.errors(process)), process, project)
    found = _SERVES.search(project.errors(process))
    assert found
    return process, found[1]


@contextmanager
def dashboard(project: Project, *arguments: str, env: Env | None = None) -> Iterator[str]:
    """Serves it; yields its base URL. It must end well, and have said nothing but its address."""
    process, url = begin(project, *arguments, env=env)
    yield url
    assert process.poll() is None, project.errors(process)
    process.terminate()
    process.communicate(timeout=30)
    assert project.errors(process) == f"dashboard: {url}/ (Ctrl-C ends it)\n"
