"""What a node does when its database is away, an egg hangs, or a process has just ended."""

import zipfile
from contextlib import suppress
from datetime import datetime
from io import BytesIO
from types import SimpleNamespace

import pytest
import scrapyd.app
from scrapyd.config import Config
from scrapyd.webservice import spider_list
from scrapyd.website import Root
from twisted.internet.error import ProcessExitedAlready
from twisted.web.error import Error

from deploy.scrapyd import webservice
from deploy.scrapyd.webservice import AddVersion, Cancel, Schedule, Status, open_database, refusal
from scraping_project.storage.engine import connect
from scraping_project.storage.errors import DatabaseUnavailable
from scraping_project.storage.migrate import migrate
from scraping_project.storage.runs import read_runs


@pytest.fixture
def engine(tmp_path):
    engine = connect(f"sqlite:///{tmp_path}/scraping.db")
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def root(tmp_path, engine, monkeypatch):
    """A Scrapyd that is built and not started, with a project p that has a spider s."""
    monkeypatch.setattr(webservice, "database", lambda _: engine)
    (tmp_path / "eggs" / "p").mkdir(parents=True)
    config = Config(
        {f"{name}_dir": str(tmp_path / name) for name in ("eggs", "logs", "dbs")} | {"max_proc": "1"}
    )
    root = Root(config, scrapyd.app.application(config))
    root.runner = "deploy.scrapyd.runner"
    monkeypatch.setitem(spider_list.cache, "p", {None: ["s"]})
    yield root
    for queues in (root.poller.queues, root.scheduler.queues):
        for queue in queues.values():
            queue.q.conn.close()
    root.launcher.finished.jobs.clear()


def request(host="127.0.0.1:6800", **fields):
    given = {name.encode(): [value.encode()] for name, value in fields.items()}
    return SimpleNamespace(args=given, getHeader=lambda _: host)


def away(*_args, **_more):
    raise DatabaseUnavailable("the database is away")


def waiting(root):
    return [message["_job"] for message in root.poller.queues["p"].list()]


def schedule(root):
    return Schedule(root).render_POST(request(project="p", spider="s", jobid="run"))


def test_a_run_that_is_not_on_record_does_not_wait_either(root, engine, monkeypatch):
    monkeypatch.setattr(webservice, "ask_run", away)
    with pytest.raises(Error, match="the database is away"):
        schedule(root)
    assert waiting(root) == []
    assert read_runs(engine) == []


@pytest.mark.parametrize(("host", "node"), [("a:6800", "http://a:6800"), (None, None)])
def test_a_run_is_on_record_with_the_node_as_the_client_called_it(root, engine, host, node):
    Schedule(root).render_POST(request(host, project="p", spider="s"))
    assert [run.node for run in read_runs(engine)] == [node]


def test_a_waiting_run_whose_end_cannot_be_recorded_waits_on(root, monkeypatch):
    schedule(root)
    monkeypatch.setattr(webservice, "withdraw_run", away)
    with pytest.raises(Error, match="the database is away"):
        Cancel(root).render_POST(request(project="p", job="run"))
    assert waiting(root) == ["run"]


def test_a_run_of_another_project_is_left_alone(root, engine):
    schedule(root)
    with pytest.raises(Error, match="project 'other' not found"):
        Cancel(root).render_POST(request(project="other", job="run"))
    assert waiting(root) == ["run"]
    assert read_runs(engine)[0].outcome == "pending"


def test_a_process_that_has_just_ended_is_no_error_and_its_run_never_starts(root, engine):
    schedule(root)
    root.poller.queues["p"].clear()

    def signal(_):
        raise ProcessExitedAlready

    root.launcher.processes[0] = SimpleNamespace(
        project="p", job="run", transport=SimpleNamespace(signalProcess=signal)
    )
    assert Cancel(root).render_POST(request(project="p", job="run")) == {"prevstate": "running"}
    assert read_runs(engine)[0].outcome == "cancelled"


def test_a_refused_request_leaves_no_connection_open(root, engine):
    with suppress(Error), open_database() as opened:
        pool = opened.pool
        raise refusal("no such project")
    assert engine.pool is not pool  # disposed of: the next one begins anew
    assert pool.checkedin() == 0


def test_an_egg_that_hangs_is_refused_and_the_node_goes_on(root, monkeypatch):
    monkeypatch.setattr(webservice, "TRIAL_SECONDS", 2.0)
    egg = BytesIO()
    with zipfile.ZipFile(egg, "w") as archive:
        archive.writestr("EGG-INFO/PKG-INFO", "Metadata-Version: 1.0\nName: p\nVersion: 1\n")
        archive.writestr("EGG-INFO/entry_points.txt", "[scrapy]\nsettings = hangs\n")
        archive.writestr("hangs.py", "import time\ntime.sleep(600)\n")
    asked = request(project="p", version="v")
    asked.args[b"egg"] = [egg.getvalue()]
    with pytest.raises(Error, match="it has not listed its spiders in 2 seconds") as refused:
        AddVersion(root).render_POST(asked)
    assert refused.value.status == b"400"
    assert root.eggstorage.list("p") == []


def test_a_run_that_ended_before_it_began_and_was_posted_again_is_where_it_is_now(root):
    def state():
        return Status(root).render_GET(request(job="run"))["currstate"]

    moment = datetime.now()  # noqa: DTZ005  as Scrapyd has it
    ended = SimpleNamespace(project="p", spider="s", job="run", start_time=moment, end_time=moment)
    root.launcher.finished.add(ended)
    assert state() == "finished"
    schedule(root)
    assert state() == "pending"
    root.poller.queues["p"].clear()
    root.launcher.processes[0] = SimpleNamespace(project="p", job="run")
    assert state() == "running"
