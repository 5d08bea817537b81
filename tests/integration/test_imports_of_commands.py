"""A crawl, and the commands beside it, load nothing of those who watch them."""

import pytest

#: Python reads it when it starts; what was imported is written when the process ends.
SITECUSTOMIZE = """
import atexit
import os
import sys

def tell(path=os.environ["IMPORTED"], modules=sys.modules):
    with open(path, "w") as file:
        file.write("\\n".join(modules))

atexit.register(tell)
"""
WATCHERS = (
    "litestar", "uvicorn", "jinja2", "httptools", "prometheus_client", "scraping_project.dashboard",
    "scraping_project.monitor",
)  # fmt: skip


@pytest.fixture
def imported_by(project, tmp_path):
    """Runs a command as a user does; returns all modules that it had when it ended."""
    (tmp_path / "sitecustomize.py").write_text(SITECUSTOMIZE)
    told = tmp_path / "imported"
    project.warm = False

    def run(*command):
        told.unlink(missing_ok=True)
        project.run(*command, env={"PYTHONPATH": str(tmp_path), "IMPORTED": str(told)})
        return set(told.read_text().splitlines())

    return run


def of_watchers(modules):
    return {
        name
        for name in modules
        if name.startswith(tuple(f"{each}." for each in WATCHERS)) or name in WATCHERS
    }


def test_no_command_loads_anything_of_those_who_watch(imported_by, demo_site):
    seed = ("-a", f"start_urls={demo_site}/", "-a", "max_pages=3")
    for command in [
        ("crawl", "links", *seed),
        ("frontier", "links"),
        ("export", "sites"),
        ("dashboard", "-h"),
    ]:
        modules = imported_by(*command)

        assert "scraping_project.commands.dashboard" in modules
        assert of_watchers(modules) == set(), command
