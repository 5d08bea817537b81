import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.scrapyd_server import SHIPPED, checkout, environment

IMPORTS = """
import sys
sys.path.insert(0, sys.argv[1])
import scraping_project.settings, spiders.links, scraping_project.storage, pipelines
for module in (scraping_project.settings, spiders.links, scraping_project.storage, pipelines):
    print(module.__file__)
"""

MIGRATES = """
import sys
sys.path.insert(0, sys.argv[1])
from scraping_project.storage.engine import connect
from scraping_project.storage.migrate import migrate
from sqlalchemy import inspect
engine = connect(sys.argv[2])
migrate(engine)
print(*inspect(engine).get_table_names())
engine.dispose()
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    return checkout(tmp_path_factory.mktemp("clone"))


@pytest.fixture(scope="module")
def egg(clone):
    # bdist_egg goes through setuptools' own deprecated command; every other warning is ours.
    python(
        "-W",
        "error",
        "-W",
        "ignore:setup.py install is deprecated",
        "setup.py",
        "bdist_egg",
        "-d",
        "dist",
        cwd=clone,
    )
    (built,) = clone.glob("dist/*.egg")
    return built


def python(*arguments, cwd):
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def contents(archive):
    with zipfile.ZipFile(archive) as opened:
        return {name for name in opened.namelist() if not name.endswith((".pyc", "/"))}


def test_the_egg_holds_every_file_of_the_shipped_packages_and_no_other(clone, egg):
    sources = {
        str(path.relative_to(clone))
        for package in SHIPPED
        for path in (clone / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert {name for name in contents(egg) if not name.startswith("EGG-INFO/")} == sources


def test_the_egg_names_its_settings_and_may_stay_zipped(egg):
    with zipfile.ZipFile(egg) as opened:
        assert "settings = scraping_project.settings" in opened.read("EGG-INFO/entry_points.txt").decode()
        assert "EGG-INFO/zip-safe" in opened.namelist()


def test_a_wheel_built_through_pyproject_holds_the_same_files(clone, egg):
    build = "from setuptools.build_meta import build_wheel; build_wheel('dist')"
    python("-W", "error", "-c", build, cwd=clone)
    (wheel,) = clone.glob("dist/*.whl")
    assert {name for name in contents(wheel) if ".dist-info/" not in name} == {
        name for name in contents(egg) if not name.startswith("EGG-INFO/")
    }


def test_the_packages_import_from_the_zip_alone(egg, tmp_path):
    printed = python("-I", "-W", "error", "-c", IMPORTS, str(egg), cwd=tmp_path)
    assert all(Path(line).is_relative_to(egg) for line in printed.splitlines())


def test_the_migrations_run_from_the_zip(egg, tmp_path):
    printed = python(
        "-I", "-W", "error", "-c", MIGRATES, str(egg), f"sqlite:///{tmp_path}/scraping.db", cwd=tmp_path
    )
    assert {"sites", "scrape_logs", "runs"} <= set(printed.split())
