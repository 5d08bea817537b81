"""Scrapyd's own web services, with the additions that a shared deployment needs."""

import math
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from tempfile import NamedTemporaryFile
from typing import Any, cast
from uuid import uuid4
from zipfile import is_zipfile

from scrapyd import webservice
from scrapyd.config import Config
from sqlalchemy import Engine
from twisted.internet.error import ProcessExitedAlready
from twisted.web import http
from twisted.web.error import Error
from twisted.web.http import Request

from deploy.scrapyd.database import database
from scraping_project.nodes.request_rules import RunRequestError, check_arguments, check_settings
from scraping_project.storage.errors import StorageError
from scraping_project.storage.migrate import migrate
from scraping_project.storage.runs import AskedRun, ask_run, refuse_unless_pending, withdraw_run
from scraping_project.storage.upkeep.health import database_answers

#: Fields of schedule.json that are no spider arguments.
FIELDS = frozenset({b"project", b"spider", b"_version", b"jobid", b"priority", b"setting"})
#: Signals to a runner: end the crawl, or by SIGQUIT (3) kill it and record that.
SIGNALS = {"INT": "INT", "2": "INT", "TERM": "TERM", "15": "TERM", "KILL": "3", "9": "3"}

#: Seconds that an egg gets to list its spiders. Scrapyd serves nobody else meanwhile.
TRIAL_SECONDS = 60.0


def refusal(message: object) -> Error:
    """What Scrapyd answers as ``"status": "error"``."""
    return Error(code=http.OK, message=" ".join(str(message).split()).encode())


class DaemonStatus(webservice.DaemonStatus):  # type: ignore[misc]  # Scrapyd has no types
    """Tells also how many runs this node takes at a time."""

    def render_GET(self, request: Request) -> dict[str, Any]:  # noqa: N802 - Twisted's name
        return {**super().render_GET(request), "max_proc": self.root.launcher.max_proc}


class Schedule(webservice.Schedule):  # type: ignore[misc]  # the same
    """Refuses words that must not stand in a command line, and writes a row of every run that it takes."""

    def render_POST(self, request: Request) -> dict[str, Any]:  # noqa: N802 - Twisted's name
        arguments, settings = asked(request)
        run_id = field(request, b"jobid") or uuid4().hex
        request.args[b"jobid"] = [run_id.encode()]
        if place_of(self.root, run_id):
            return {"jobid": run_id}
        run = AskedRun(
            id=run_id,
            project=field(request, b"project"),
            spider=field(request, b"spider"),
            arguments=arguments,
            settings=settings,
            node=f"http://{host}" if (host := request.getHeader("host")) else None,
            egg_version=field(request, b"_version") or None,
        )
        with open_database() as engine:
            refuse_unless_pending(engine, run_id)
            answer: dict[str, Any] = super().render_POST(request)
            try:
                ask_run(engine, run)
            except StorageError:  # it must not run: the client is told that it was not taken
                self.root.poller.queues[run.project].remove(lambda message: message["_job"] == run_id)
                raise
        return answer


class Status(webservice.Status):  # type: ignore[misc]  # the same
    """Tells the present state of a run that ended here before it began and was posted again."""

    def render_GET(self, request: Request) -> dict[str, Any]:  # noqa: N802 - Twisted's name
        run_id = field(request, b"job")
        answer: dict[str, Any] = super().render_GET(request)
        if answer["currstate"] == "finished":
            answer["currstate"] = place_of(self.root, run_id) or "finished"
        return answer


class Cancel(webservice.Cancel):  # type: ignore[misc]  # the same
    """Ends a run by its runner, which records the end; a waiting run is recorded as cancelled."""

    def render_POST(self, request: Request) -> dict[str, Any]:  # noqa: N802 - Twisted's name
        name = field(request, b"signal").upper().removeprefix("SIG") or "INT"
        if name not in SIGNALS:
            raise refusal(f"signal {name[:20]!r} is none of INT, TERM and KILL")
        request.args[b"signal"] = [SIGNALS[name].encode()]
        run_id = field(request, b"job")
        queue = self.root.poller.queues.get(field(request, b"project"))
        # Recorded first, or it would be posted again as lost.
        if queue is not None and waits([queue], run_id):
            withdraw(run_id)
        try:
            answer: dict[str, Any] = super().render_POST(request)
        except ProcessExitedAlready:  # and Scrapyd has not heard of it yet
            answer = {"prevstate": "running"}
        if answer["prevstate"] == "running":
            withdraw(run_id)  # its process may be too young to take a signal; it is refused later
        return answer


class AddVersion(webservice.AddVersion):  # type: ignore[misc]  # the same
    """Tries an egg before it stores it: after one that does not list its spiders, the last one serves on."""

    def render_POST(self, request: Request) -> dict[str, Any]:  # noqa: N802 - Twisted's name
        project, version = field(request, b"project"), field(request, b"version")
        egg = (request.args.get(b"egg") or [b""])[0]
        if not (project and version and is_zipfile(BytesIO(egg))):
            return cast("dict[str, Any]", super().render_POST(request))  # it says what is missing
        try:
            spiders = self._try(egg, project)
        except subprocess.TimeoutExpired:
            raise broken(f"it has not listed its spiders in {TRIAL_SECONDS:g} seconds") from None
        stored = self.root.eggstorage.put(BytesIO(egg), project, version)
        self.root.update_projects()
        webservice.spider_list.cache[project].pop(None, None)
        webservice.spider_list.cache[project][stored] = spiders
        return {"project": project, "version": stored, "spiders": len(spiders)}

    def _try(self, egg: bytes, project: str) -> list[str]:
        with NamedTemporaryFile(prefix="trial-", suffix=".egg") as file:
            file.write(egg)
            file.flush()
            done = subprocess.run(  # noqa: S603  the runner, as Scrapyd itself calls it
                [sys.executable, "-m", self.root.runner, "list", "-s", "LOG_STDOUT=0"],
                env=os.environ
                | {"SCRAPY_PROJECT": project, "SCRAPYD_EGG_ON_TRIAL": file.name, "PYTHONIOENCODING": "UTF-8"},
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                check=False,
                timeout=TRIAL_SECONDS,
            )
        if done.returncode:
            raise broken(done.stderr.strip() or done.stdout.strip())
        return done.stdout.splitlines()


def broken(why: str) -> Error:
    """The answer to an egg that does not work.

    Not 200, as Scrapyd would answer: scrapyd-deploy takes that for a deploy that went well.
    """
    return Error(code=http.BAD_REQUEST, message=f"the egg does not work:\n{why[-4000:]}".encode())


def asked(request: Request) -> tuple[dict[str, str], dict[str, str]]:
    """The spider arguments and settings of a request, or a refusal."""
    try:
        given = {name: values[0] for name, values in request.args.items() if name not in FIELDS}
        arguments = {name.decode(): value.decode() for name, value in given.items()}
        pairs = [pair.decode().partition("=") for pair in request.args.get(b"setting", [])]
        settings = {name: value for name, _, value in pairs}
        check_arguments(arguments)
        check_settings(settings)
        if not all(equals for _, equals, _ in pairs):
            raise RunRequestError("setting is NAME=VALUE")
        if not math.isfinite(float(field(request, b"priority") or 0)):
            raise RunRequestError("priority is a number")
    except (UnicodeDecodeError, ValueError) as error:
        raise refusal(error) from error
    return arguments, settings


@contextmanager
def open_database() -> Iterator[Engine]:
    """Opens the database for a moment, or refuses the request."""
    try:
        engine = database(Config())
        try:
            database_answers(engine)
            migrate(engine)
            yield engine
        finally:
            engine.dispose()
    except StorageError as error:
        raise refusal(error) from error


def withdraw(run_id: str) -> None:
    """Writes a run that has not started as cancelled."""
    with open_database() as engine:
        withdraw_run(engine, run_id, "cancelled", "before it started")


def place_of(root: Any, run_id: str) -> str | None:
    """The state on this node of a run that has not ended: ``running`` or ``pending``."""
    if any(process.job == run_id for process in root.launcher.processes.values()):
        return "running"
    return "pending" if waits(root.poller.queues.values(), run_id) else None


def waits(queues: Iterable[Any], run_id: str) -> bool:
    """Tells whether a run waits in one of the queues."""
    return any(message["_job"] == run_id for queue in queues for message in queue.list())


def field(request: Request, name: bytes) -> str:
    """The first value of a form's field; empty when there is none."""
    with suppress(UnicodeDecodeError):
        return cast("str", request.args.get(name, [b""])[0].decode())
    raise refusal(f"{name.decode()} is no UTF-8 text")
