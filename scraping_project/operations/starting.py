"""Starting runs: on a Scrapyd node that has room, or as a process of this machine where there is no node."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

from scrapy.settings import BaseSettings
from sqlalchemy import Engine

from scraping_project.nodes import dispatch, local
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
        run_id = uuid4().hex
        local.start(settings, run_id, wanted.spider, wanted.arguments, wanted.settings)
        return Started(run_id, "this machine", waits=False)
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


def _nodes(settings: BaseSettings) -> Nodes:
    try:
        return Nodes.of(settings)
    except NodeError:
        return Nodes()
