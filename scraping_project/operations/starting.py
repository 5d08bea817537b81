"""Starting runs: on a Scrapyd node that has room, or as a process of this machine where there is no node."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from uuid import uuid4

from scrapy.settings import BaseSettings
from sqlalchemy import Engine

from scraping_project.nodes import dispatch
from scraping_project.nodes.client import NodeError, Nodes
from scraping_project.nodes.request_rules import check_arguments, check_name, check_settings
from scraping_project.storage.runs import AskedRun


@dataclass(frozen=True, slots=True)
class Wanted:
    """A run that somebody wants."""

    spider: str
    arguments: Mapping[str, str]
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Started:
    """A run that was asked for."""

    id: str
    where: str  # the node's URL, or "this machine"
    waits: bool  # for a place on the node


def start(wanted: Wanted, engine: Engine, settings: BaseSettings) -> Started:
    """Starts a run.

    Raises:
        RunRequestError: It may not be asked for; the message says why.
        NodeError: There are nodes, and none takes it.
        StorageError: The database is away.
    """
    check_name("spider", wanted.spider)
    check_arguments(wanted.arguments)
    check_settings(wanted.settings)
    places = dispatch.Places(_nodes(settings))
    if not places.emptiest_first():
        return _start_here(wanted, settings)
    run = AskedRun(
        id=uuid4().hex,
        project=settings["BOT_NAME"],
        spider=wanted.spider,
        arguments=wanted.arguments,
        settings=wanted.settings,
        node=None,
    )
    node, at_once = dispatch.start(engine, places, run)
    return Started(run.id, node.url, waits=not at_once)


def local_log(settings: BaseSettings, run_id: str) -> Path:
    """Where a run that was started as a process of this machine logs to."""
    return Path(settings["DATA_DIR"]) / "logs" / "local" / f"{run_id}.log"


def _nodes(settings: BaseSettings) -> Nodes:
    try:
        return Nodes.of(settings)
    except NodeError:
        return Nodes()


def _start_here(wanted: Wanted, settings: BaseSettings) -> Started:
    """Starts a process that outlives this one, in the same project and with the same environment."""
    run_id = uuid4().hex
    log = local_log(settings, run_id)
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "scrapy", "crawl", wanted.spider, "-s", f"LOG_FILE={log}"]
    for name, value in wanted.settings.items():
        command += ["-s", f"{name}={value}"]
    for name, value in {**wanted.arguments, "_job": run_id}.items():
        command += ["-a", f"{name}={value}"]
    environment = {**os.environ, **{name: str(settings[name] or "") for name in ("DATA_DIR", "REDIS_URL")}}
    environment["DATABASE_URL"] = str(settings["DATABASE_URL"])
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603  no shell, and every part of it was checked
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=environment,
        )
    # Whoever waits for it keeps it from being a zombie when it ends.
    Thread(target=process.wait, daemon=True).start()
    return Started(run_id, "this machine", waits=False)
