"""What may be changed, by a button or by the API: one function each, and a row that says who did it."""

from typing import Any, cast

import msgspec
from litestar.exceptions import ClientException, NotFoundException, ServiceUnavailableException

from scraping_project import logins
from scraping_project.dashboard.admission import session_of
from scraping_project.dashboard.journal import note
from scraping_project.dashboard.reading import readings_of, stores_of
from scraping_project.dashboard.rendering import Asked
from scraping_project.frontier.errors import FrontierError
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.seeds import SeedError, check_url, kind_of
from scraping_project.monitor.runs import read_run
from scraping_project.monitor.stores import Stores
from scraping_project.nodes.client import NodeError
from scraping_project.nodes.request_rules import RunRequestError
from scraping_project.operations import orders, seeds
from scraping_project.operations.cancelling import cancel
from scraping_project.operations.pages_again import Page, request_for
from scraping_project.operations.resuming import ResumeError, run_for
from scraping_project.operations.starting import Started, Wanted, start
from scraping_project.operations.work import filter_of
from scraping_project.storage import actions
from scraping_project.storage.actions import AskedAction
from scraping_project.storage.errors import StorageError
from scraping_project.storage.reading.failed_pages import WhichPages
from scraping_project.storage.runs import KnownRun

#: What may be said of a slot.
WORDS = ("pause", "resume", "slow", "block", "unblock", "free")
#: Characters of a form's key at the most.
LONGEST_KEY = 64


def keys_of(request: Asked, name: str) -> Keys:
    """The keys of the frontier.

    Raises:
        ClientException: It is no name of one.
    """
    try:
        return stores_of(request).keys_of(name)
    except ValueError as error:
        raise ClientException(str(error)) from error


def switch(request: Asked, keys: Keys, word: str) -> None:
    """Pauses a frontier, or resumes it.

    Raises:
        ServiceUnavailableException: Redis does not answer.
    """
    try:
        stores_of(request).redis.demand(lambda server: getattr(Frontier(server, keys), word)())
    except FrontierError as error:
        raise ServiceUnavailableException(f"Nothing is changed: {error}") from error
    note(request, word, {"frontier": keys.name}, 1)


def give_order(request: Asked, keys: Keys, slot: str, word: str, seconds: float | None) -> dict[str, Any]:
    """Gives an order; returns what holds for the slot from now on.

    Raises:
        ClientException: There is no such order.
        ServiceUnavailableException: Redis does not answer.
    """
    if word not in WORDS:
        raise ClientException(f"{word[:30]!r} is no order: there are {', '.join(WORDS)}")
    said = cast("orders.Word", word)
    try:
        order = stores_of(request).redis.demand(
            lambda server: orders.give(Frontier(server, keys), slot, said, seconds)
        )
    except orders.OrderError as error:
        raise ClientException(str(error)) from error
    except FrontierError as error:
        raise ServiceUnavailableException(f"Nothing is changed: {error}") from error
    note(request, word, {"frontier": keys.name, "slot": slot}, 1)
    return dict(order)


def put_back(request: Asked, keys: Keys, ids: list[int]) -> int:
    """Puts dead letters back; returns how many there were.

    Raises:
        ServiceUnavailableException: Redis does not answer.
    """
    try:
        moved = stores_of(request).redis.demand(lambda server: Frontier(server, keys).requeue(ids))
    except FrontierError as error:
        raise ServiceUnavailableException(f"Nothing is put back: {error}") from error
    note(request, "requeue", {"frontier": keys.name}, moved)
    return moved


def push_seeds(request: Asked, keys: Keys, found: tuple[bytes, ...]) -> None:
    """Pushes seeds.

    Raises:
        ServiceUnavailableException: Redis does not answer, or the key is something else.
    """
    stores = stores_of(request)
    try:
        stores.redis.demand(lambda server: seeds.push(server, keys, found, kind_of(stores.settings)))
    except FrontierError as error:
        raise ServiceUnavailableException(f"The seeds are not pushed: {error}") from error
    note(request, "seed", {"frontier": keys.name}, len(found))


def ask_for_retry(request: Asked, key: str, which: WhichPages, total: int | None) -> str:
    """Writes a retry down once for each key; returns the action's id.

    Raises:
        ClientException: The key is none.
        ServiceUnavailableException: The database is away.
    """
    if not key.isascii() or not key.replace("-", "").isalnum() or len(key) > LONGEST_KEY:
        raise ClientException("the form's key is none: reload the page")
    name = session_of(request).identity.name or "somebody on this machine"
    action = AskedAction(id=key, kind="retry", asked_by=name, filter=filter_of(which), total=total)
    try:
        stores_of(request).database.demand(lambda engine: actions.ask(engine, action))
    except StorageError as error:
        raise ServiceUnavailableException(f"Nothing is retried: {error}") from error
    readings_of(request).forget()
    request.app.state.work.wake()
    return key


def ask_again(request: Asked, url: str, frontier: str, key: str) -> str:
    """Has a page asked for again in a frontier's crawl, or as a seed where it holds none; a notice's word.

    Raises:
        ClientException: The URL, or the frontier's name, is none.
        ServiceUnavailableException: Redis does not answer.
    """
    keys, stores = keys_of(request, frontier), stores_of(request)
    try:
        push = request_for(Page(check_url(url)), slot_by=stores.settings["FRONTIER_SLOT_BY"])
        pushed = stores.redis.demand(lambda server: Frontier(server, keys).push_again(key, {"1": push}))
    except SeedError as error:
        raise ClientException(str(error)) from error
    except FrontierError as error:
        raise ServiceUnavailableException(f"Nothing is asked for: {error}") from error
    if pushed is None:
        push_seeds(request, keys, (msgspec.json.encode({"url": url, "dont_filter": True}),))
        return "seeded"
    note(request, "again", {"frontier": keys.name, "url": logins.hide(url)}, pushed)
    return "asked-again"


def cancel_action(request: Asked, action_id: str) -> bool:
    """Ends an action; False when it has ended, or there is none.

    Raises:
        ServiceUnavailableException: The database is away.
    """
    try:
        ended = stores_of(request).database.demand(lambda engine: actions.cancel(engine, action_id))
    except StorageError as error:
        raise ServiceUnavailableException(str(error)) from error
    readings_of(request).forget()
    return ended


def resume_crawl(request: Asked, keys: Keys) -> Started:
    """Starts a run that goes on with a frontier's crawl.

    Raises:
        ClientException: Nobody knows how, or it may not be asked for.
        ServiceUnavailableException: What is needed for it is away.
    """
    stores = stores_of(request)
    try:
        started = _resume(stores, keys)
    except (ResumeError, RunRequestError) as error:
        raise ClientException(str(error)) from error
    except (FrontierError, StorageError, NodeError) as error:
        raise ServiceUnavailableException(f"Nothing is started: {error}") from error
    note(request, "run", {"frontier": keys.name, "run": started.id, "where": started.where}, 1)
    return started


def start_wanted(stores: Stores, wanted: Wanted) -> Started:
    """Starts a run.

    Raises:
        RunRequestError: It may not be asked for.
        NodeError: There are nodes, and none takes it.
        StorageError: The database is away.
    """
    return stores.database.demand(lambda engine: start(wanted, engine, stores.settings))


def known_run(stores: Stores, run_id: str) -> KnownRun:
    try:
        run = read_run(stores, run_id)
    except StorageError as error:
        raise ServiceUnavailableException(str(error)) from error
    if run is None:
        raise NotFoundException(f"There is no run {run_id!r}: /runs lists them.")
    return run


def cancel_run(stores: Stores, run_id: str) -> None:
    """Asks a run to end.

    Raises:
        NotFoundException: There is none of this id.
        ServiceUnavailableException: The database is away, or no node is named.
    """
    run = known_run(stores, run_id)
    try:
        stores.database.demand(lambda engine: cancel(run, engine, stores.nodes()))
    except (StorageError, NodeError) as error:
        raise ServiceUnavailableException(str(error)) from error


def _resume(stores: Stores, keys: Keys) -> Started:
    wanted = stores.redis.demand(
        lambda server: stores.database.demand(lambda engine: run_for(server, engine, keys))
    )
    return stores.database.demand(lambda engine: start(wanted, engine, stores.settings))
