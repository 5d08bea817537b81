"""A Scrapyd of this project, started in a root of the test's choice, and its real clients."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp
from zipfile import ZipFile

import psutil
import requests
from sqlalchemy import Engine

from scraping_project.storage.engine import connect
from scraping_project.storage.migrate import migrate
from scraping_project.storage.runs import KnownRun, read_runs
from testing.servers import LOOPBACK, Server

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
SHIPPED = ("scraping_project", "spiders", "pipelines")
FINISH_TIMEOUT = 90.0

#: Without a pidfile, of which a root has only one.
START = [sys.executable, "-m", "scrapyd", "--pidfile="]

#: What a test must not inherit from whoever runs it.
OURS = ("SCRAPYD_", "SCRAPY_", "REDIS_URL", "DATABASE_URL", "DATA_DIR", "PYTHONPATH")


def environment(**ours: str) -> dict[str, str]:
    """Return this process's environment with no setting of the project but the named ones."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OURS)} | ours


def checkout(destination: Path) -> Path:
    """Copy what a clone of the repository holds and the egg needs."""
    caches = shutil.ignore_patterns("__pycache__")
    for name in SHIPPED:
        shutil.copytree(ROOT / name, destination / name, ignore=caches)
    for name in ("scrapy.cfg", "setup.py", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, destination / name)
    return destination


def node_root(destination: Path) -> Path:
    """Copy what a clone holds and a Scrapyd started in it needs, for a test to change."""
    checkout(destination)
    shutil.copytree(ROOT / "deploy", destination / "deploy", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "scrapyd.conf", destination / "scrapyd.conf")
    return destination


class Scrapyd(Server):
    """A Scrapyd node with a DATA_DIR of its own."""

    def __init__(
        self,
        directory: Path,
        root: Path = ROOT,
        command: list[str] | None = None,
        host: str = LOOPBACK,
        **settings: str,
    ):
        super().__init__(directory, host)
        self.root = root
        self.data_dir = directory / "data"
        self.command = command or START
        self.settings = {
            "SCRAPYD_HTTP_PORT": str(self.port),
            "DATA_DIR": str(self.data_dir),
        } | settings

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/"

    @property
    def login(self) -> tuple[str, str] | None:
        username = self.settings.get("SCRAPYD_USERNAME")
        return (username, self.settings["SCRAPYD_PASSWORD"]) if username else None

    def _command(self) -> list[str]:
        variables = [f"{name}={value}" for name, value in environment(**self.settings).items()]
        return ["env", "--ignore-environment", f"--chdir={self.root}", *variables, *self.command]

    def _answers(self) -> bool:
        try:
            return requests.get(self.url, timeout=5).status_code in {200, 401}
        except requests.ConnectionError:
            return False

    def kill_all(self) -> None:
        """End it and every run of its as a power cut would."""
        scrapyd = psutil.Process(self.pid)
        processes = [scrapyd, *scrapyd.children(recursive=True)]
        for process in processes:
            process.suspend()  # or a runner would still write how its crawl ended
        for process in processes:
            process.kill()
        psutil.wait_procs(processes)
        self.kill()

    def get(self, page: str, **parameters: str) -> dict:
        return self._ok(requests.get(self.url + page, parameters, auth=self.login, timeout=30))

    def post(self, page: str, **fields: object) -> dict:
        return self._ok(requests.post(self.url + page, fields, auth=self.login, timeout=30))

    def _ok(self, response: requests.Response) -> dict:
        assert response.status_code == 200, response.text
        answer = response.json()
        assert answer["status"] == "ok", answer
        return answer

    @property
    def database_url(self) -> str:
        return self.settings.get("DATABASE_URL") or f"sqlite:///{self.data_dir / 'scraping.db'}"

    @cached_property
    def _engine(self) -> Engine:
        """One for all that the tests ask, for they ask often."""
        return connect(self.database_url)

    def known(self, *run_ids: str) -> list[KnownRun]:
        """Return the rows of runs, the newest first; of all when none is named."""
        migrate(self._engine)
        return read_runs(self._engine, ids=run_ids)

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        if engine := self.__dict__.get("_engine"):  # else none has asked
            engine.dispose()

    def ended(self, run_id: str, within: float = FINISH_TIMEOUT) -> KnownRun:
        """Wait until a run has ended and return its row."""
        self.wait_for(lambda: not self.is_open(run_id), within)
        return self.known(run_id)[0]

    def is_open(self, run_id: str) -> bool:
        rows = self.known(run_id)
        return not rows or rows[0].outcome in {"pending", "running"}

    def wait_for(self, is_so: Callable[[], object], within: float = FINISH_TIMEOUT) -> None:
        """Wait for something that tells nobody when it happens."""
        deadline = time.monotonic() + within
        while not is_so():
            assert time.monotonic() < deadline, self.log_tail()
            time.sleep(0.1)

    def undeploy(self, project: str = "scraping_project") -> None:
        """Delete all that was deployed of a project, if anything was."""
        if project in self.get("listprojects.json")["projects"]:
            self.post("delproject.json", project=project)

    def finished(self) -> list[str]:
        """Return the ids of the runs that it lists as finished."""
        return [job["id"] for job in self.get("listjobs.json")["finished"]]

    def schedule(self, spider: str, project: str = "default", **fields: object) -> str:
        return self.post("schedule.json", project=project, spider=spider, **fields)["jobid"]

    def log_of(self, run_id: str, spider: str, project: str = "default") -> str:
        return (self.data_dir / "scrapyd" / "logs" / project / spider / f"{run_id}.log").read_text()

    def run(self, spider: str, project: str = "scraping_project", **fields: object) -> str:
        """Schedule a run, wait until it has ended and return its log."""
        job = self.schedule(spider, project, **fields)
        self.wait_for(lambda: job in self.finished())
        return self.log_of(job, spider, project)


def client(name: str, *arguments: str, root: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run one of scrapyd-client's programs in a project's root."""
    return subprocess.run(
        [BIN / name, *arguments],
        cwd=root,
        env=environment(**settings),
        capture_output=True,
        text=True,
        check=False,
    )


def build(root: Path, egg: Path) -> Path:
    """Build the egg of a project's root with scrapyd-deploy."""
    done = client("scrapyd-deploy", "--build-egg", str(egg), root=root)
    assert done.returncode == 0, done.stdout + done.stderr
    return egg


def with_spider(egg: Path, spider: str) -> Path:
    """Return an egg like another that holds one more file with spiders: to build it anew takes seconds."""
    longer = Path(mkdtemp(dir=egg.parent)) / egg.name
    shutil.copy(egg, longer)
    with ZipFile(longer, "a") as archive:
        archive.writestr("spiders/one_more.py", spider)
    return longer


def deploy(root: Path, scrapyd: Scrapyd, egg: Path | None = None) -> None:
    """Ship the egg of a project's root with scrapyd-deploy, or one that was built already."""
    done = ship(root, scrapyd, egg)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"status": "ok"' in done.stdout, done.stdout


def ship(root: Path, scrapyd: Scrapyd, egg: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Try to."""
    login = {
        name: value for name, value in scrapyd.settings.items() if name.endswith(("USERNAME", "PASSWORD"))
    }
    built = ["--egg", str(egg)] if egg else []
    return client("scrapyd-deploy", "cluster", *built, root=root, SCRAPYD_URL=scrapyd.url, **login)
