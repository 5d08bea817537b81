"""What Scrapyd does with waiting runs when the machine has no process or no room for it."""

import errno
import sqlite3
from types import SimpleNamespace

import pytest
import scrapyd.app
import scrapyd.website  # here, for Twisted warns of a part of its own when it is imported in a test
from scrapyd.config import Config
from scrapyd.interfaces import IPoller
from twisted.application.internet import TimerService
from twisted.application.service import IServiceCollection
from twisted.internet import reactor
from twisted.internet.task import Clock

from deploy.scrapyd import launcher


@pytest.fixture
def app(tmp_path):
    """A Scrapyd with one place that is built and not started, and a project p."""
    (tmp_path / "eggs" / "p").mkdir(parents=True)
    config = {f"{name}_dir": str(tmp_path / name) for name in ("eggs", "logs", "dbs")}
    config |= {
        "max_proc": "1",
        "launcher": "deploy.scrapyd.launcher.Launcher",
        "poller": "deploy.scrapyd.poller.Poller",
        "jobstorage": "scrapyd.jobstorage.MemoryJobStorage",
    }
    app = scrapyd.app.application(Config(config))
    yield app
    for queue in app.getComponent(IPoller).queues.values():
        queue.q.conn.close()


def test_a_run_that_cannot_be_started_waits_again_as_it_was_and_keeps_no_place(app, monkeypatch):
    # Given a run that waits for a place, and a machine that makes no process
    clock, poller = Clock(), app.getComponent(IPoller)
    asked = {"_job": "run", "settings": {"DOWNLOAD_DELAY": "2"}, "start_urls": "http://a/"}
    poller.queues["p"].add("s", **asked)
    (waiting,) = poller.queues["p"].list()
    monkeypatch.setattr(launcher, "reactor", clock)
    tries = []

    def no_process(*_args, **_more):
        tries.append(1)
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(reactor, "spawnProcess", no_process)
    IServiceCollection(app).getServiceNamed("launcher").startService()
    # When Scrapyd takes it up, then it waits again, and is taken up again
    for times in (1, 2):
        poller.poll()
        assert poller.queues["p"].list() == [waiting]
        assert len(tries) == times
        poller.poll()
        assert len(tries) == times  # not at once
        clock.advance(launcher.PAUSE)


def test_a_look_for_waiting_runs_that_fails_is_not_the_last(app, monkeypatch):
    # Given a node that looks for waiting runs ten times a second, and a disk that is full when it looks first
    clock, poller = Clock(), app.getComponent(IPoller)
    queue, looks = poller.queues["p"], []

    def count():
        looks.append(1)
        if len(looks) == 1:
            raise sqlite3.OperationalError("database or disk is full")
        return 0

    monkeypatch.setattr(queue, "count", count)
    timer = TimerService(0.1, poller.poll)
    timer.clock = clock
    timer.startService()
    clock.advance(0.1)
    assert len(looks) == 2
    timer.stopService()


def test_a_run_whose_end_scrapyd_cannot_list_keeps_no_place(app, monkeypatch):
    def full(_):
        raise sqlite3.OperationalError("database or disk is full")

    running = IServiceCollection(app).getServiceNamed("launcher")
    monkeypatch.setattr(running.finished, "add", full)
    running.processes[0] = SimpleNamespace()
    running._process_finished(None, 0)
    assert running.processes == {}
    assert len(app.getComponent(IPoller).dq.waiting) == 1
