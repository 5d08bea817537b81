"""Starting runs: on a Scrapyd node that has room, or as a process of this machine where there is no node."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from scrapy.settings import BaseSettings
from sqlalchemy import Engine

from scraping_project.nodes import dispatch, local
from scraping_project.nodes.client import NodeError, Nodes
from scraping_project.nodes.request_rules import check_arguments, check_name, check_settings
from scraping_project.storage.runs import AskedRun, refuse_unless_pending

#: SCRAPYD_URLS where nobody has set it: a node may be there, and need not.
UNSET: Final = "http://127.0.0.1:6800"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A run that somebody wants."""

    spider: str
    arguments: Mapping[str, str]
    settings: Mapping[str, str]

    def check(self) -> None:
        """Passes over what may be asked for.

        Raises:
            RunRequestError: It may not; the message says why.
        """
        check_name("spider", self.spider)
        check_arguments(self.arguments)
        check_settings(self.settings)


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
        NodeError: There are nodes, and none takes it; the run has failed.
        StorageError: The database is away.
        OSError: No process starts here.
    """
    wanted.check()
    run, places = _run_of(wanted, uuid4().hex, settings), _places(settings)
    if places is None:
        return _here(wanted, run.id, settings)
    node, at_once = dispatch.start(engine, places, run)
    return Started(run.id, node.url, waits=not at_once)


def start_once(wanted: Wanted, run_id: str, engine: Engine, settings: BaseSettings) -> Started:
    """Starts the run of an id, which others may start too, or again: it begins once.

    Raises:
        RunTaken: It has begun, or has ended.
        RunRequestError: It may not be asked for; the message says why.
        NodeError: There are nodes, and none takes it now; where it was asked for, it waits.
        StorageError: The database is away.
        OSError: No process starts here.
    """
    wanted.check()
    run, places = _run_of(wanted, run_id, settings), _places(settings)
    if places is None:
        refuse_unless_pending(engine, run_id)
        return _here(wanted, run_id, settings)
    node, at_once = dispatch.offer(engine, places, run)
    return Started(run_id, node.url, waits=not at_once)


def _places(settings: BaseSettings) -> dispatch.Places | None:
    """The places of the nodes; None where no node is named, or none is where one would be by default."""
    nodes = Nodes.of(settings)
    places = dispatch.Places(nodes)
    if places.emptiest_first():
        return places
    if not nodes or settings["SCRAPYD_URLS"] == UNSET:
        return None
    raise NodeError("; ".join(map(str, places.silent)))


def _here(wanted: Wanted, run_id: str, settings: BaseSettings) -> Started:
    local.start(settings, run_id, wanted.spider, wanted.arguments, wanted.settings)
    return Started(run_id, "this machine", waits=False)


def _run_of(wanted: Wanted, run_id: str, settings: BaseSettings) -> AskedRun:
    return AskedRun(
        id=run_id,
        project=settings["BOT_NAME"],
        spider=wanted.spider,
        arguments=wanted.arguments,
        settings=wanted.settings,
        node=None,
    )
