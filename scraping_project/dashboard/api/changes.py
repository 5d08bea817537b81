"""What may be changed: the twin of every button."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import uuid4

import msgspec
from litestar import Response, post
from litestar.exceptions import ClientException, ServiceUnavailableException
from litestar.params import JSONBody, PathParameter

from scraping_project.dashboard import changing
from scraping_project.dashboard.api.answers import PROBLEMS, Answer, answer, bad_input_is_400
from scraping_project.dashboard.journal import note
from scraping_project.dashboard.reading import stores_of
from scraping_project.dashboard.rendering import Asked
from scraping_project.dashboard.threads import in_thread
from scraping_project.nodes.client import NodeError
from scraping_project.nodes.request_rules import RunRequestError
from scraping_project.operations import seeds
from scraping_project.operations.starting import Started, Wanted
from scraping_project.storage.errors import StorageError
from scraping_project.storage.reading.failed_pages import WhichPages
from scraping_project.storage.values import naive_utc

FrontierName = Annotated[str, PathParameter(max_length=64)]
Id = Annotated[str, PathParameter(max_length=64)]
#: Letters that are put back at once.
MOST_LETTERS = 1_000
Key = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9-]{1,64}$")]


@dataclass(frozen=True, slots=True)
class Done:
    """What was done."""

    done: int


@dataclass(frozen=True, slots=True)
class RetryRequest:
    """Which failures are to be retried; without a moment, those of the last 24 h."""

    reason: str | None = None
    domain: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    key: Key | None = None  # the same key twice is one retry


@dataclass(frozen=True, slots=True)
class AskedFor:
    """An action that was written down; /api/v1/actions/{id} says how far it has come."""

    id: str


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What is said of a slot, a host as a rule."""

    slot: str
    word: Literal["pause", "resume", "slow", "block", "unblock", "free"]
    seconds: Annotated[float, msgspec.Meta(ge=0, le=86_400)] | None = None  # between two requests, of slow


@dataclass(frozen=True, slots=True)
class OrderInForce:
    """What holds for a slot from now on."""

    delay: float | None = None  # ms
    paused: bool = False
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class SeedsRequest:
    """Seeds: URLs, or objects of JSON as texts."""

    seeds: Annotated[list[str], msgspec.Meta(max_length=seeds.MOST)]


@dataclass(frozen=True, slots=True)
class SeedsPushed:
    """What became of them."""

    pushed: int
    refused: int
    twice: int
    reasons: tuple[seeds.RefusedLine, ...]  # of the first that were refused; number: its place, from 1


@dataclass(frozen=True, slots=True)
class LettersRequest:
    """Dead letters by their ids."""

    ids: Annotated[list[Annotated[int, msgspec.Meta(ge=1, le=2**40)]], msgspec.Meta(max_length=MOST_LETTERS)]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A page that is to be asked for again."""

    url: str
    key: Key | None = None  # the same key twice is asked once


@dataclass(frozen=True, slots=True)
class PageAsked:
    """What it was made: a request in the frontier's crawl, or a seed where there is none."""

    made: Literal["request", "seed"]


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run that is wanted."""

    spider: str
    arguments: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)


def changes(path: str, summary: str) -> Callable[[Callable[..., Any]], Any]:
    """Returns what makes a function the handler of an address that changes something."""
    decorate = post(path, summary=summary, responses=PROBLEMS, status_code=200)
    return lambda handler: decorate(in_thread(handler))


@changes("/retries", "Put dead letters back and ask for failed pages again")
def retry(request: Asked, data: JSONBody[RetryRequest]) -> Response[Answer[AskedFor]]:
    with bad_input_is_400():
        until = naive_utc(data.until or datetime.now(UTC))
        since = naive_utc(data.since) if data.since else until - timedelta(hours=24)
    which = WhichPages(since=since, until=until, reason=data.reason, domain=data.domain)
    return answer(request, AskedFor(changing.ask_for_retry(request, data.key or uuid4().hex, which, None)))


@changes("/actions/{action_id:str}/cancel", "End an action where it is")
def cancel_action(request: Asked, action_id: Id) -> Response[Answer[Done]]:
    return answer(request, Done(int(changing.cancel_action(request, action_id))))


@changes("/frontiers/{name:str}/pause", "Lease nothing more until it is resumed")
def pause(request: Asked, name: FrontierName) -> Response[Answer[Done]]:
    changing.switch(request, changing.keys_of(request, name), "pause")
    return answer(request, Done(1))


@changes("/frontiers/{name:str}/resume", "End the pause")
def resume(request: Asked, name: FrontierName) -> Response[Answer[Done]]:
    changing.switch(request, changing.keys_of(request, name), "resume")
    return answer(request, Done(1))


@changes("/frontiers/{name:str}/orders", "Slow, pause or block a slot, or take that back")
def order(request: Asked, name: FrontierName, data: JSONBody[OrderRequest]) -> Response[Answer[OrderInForce]]:
    holds = changing.give_order(request, changing.keys_of(request, name), data.slot, data.word, data.seconds)
    return answer(request, OrderInForce(**holds))


@changes("/frontiers/{name:str}/seeds", "Push seeds")
def push(request: Asked, name: FrontierName, data: JSONBody[SeedsRequest]) -> Response[Answer[SeedsPushed]]:
    found = seeds.sort(text.encode(errors="replace") for text in data.seeds)
    if found.seeds:
        changing.push_seeds(request, changing.keys_of(request, name), found.seeds)
    return answer(request, SeedsPushed(len(found.seeds), found.refused, found.twice, found.shown))


@changes("/frontiers/{name:str}/requeue", "Put dead letters back")
def requeue(request: Asked, name: FrontierName, data: JSONBody[LettersRequest]) -> Response[Answer[Done]]:
    return answer(request, Done(changing.put_back(request, changing.keys_of(request, name), data.ids)))


@changes("/frontiers/{name:str}/start", "Start a run that goes on with its crawl")
def start_for(request: Asked, name: FrontierName) -> Response[Answer[Started]]:
    return answer(request, changing.resume_crawl(request, changing.keys_of(request, name)))


@changes("/frontiers/{name:str}/again", "Have a page asked for again, past the dupe filter")
def again(request: Asked, name: FrontierName, data: JSONBody[PageRequest]) -> Response[Answer[PageAsked]]:
    keys = changing.keys_of(request, name)
    how = changing.ask_again(request, data.url, keys.name, data.key or uuid4().hex)
    return answer(request, PageAsked("seed" if how == "seeded" else "request"))


@changes("/runs", "Start a run")
def start_run(request: Asked, data: JSONBody[RunRequest]) -> Response[Answer[Started]]:
    stores = stores_of(request)
    if data.spider not in stores.spiders:
        raise ClientException(
            f"there is no spider {data.spider[:64]!r}: there are {', '.join(stores.spiders)}"
        )
    try:
        started = changing.start_wanted(stores, Wanted(data.spider, data.arguments, data.settings))
    except RunRequestError as error:
        raise ClientException(str(error)) from error
    except (NodeError, StorageError) as error:
        raise ServiceUnavailableException(str(error)) from error
    note(request, "run", {"spider": data.spider, "run": started.id, "where": started.where}, 1)
    return answer(request, started)


@changes("/runs/{run_id:str}/cancel", "Ask a run to end")
def cancel_run(request: Asked, run_id: Id) -> Response[Answer[Done]]:
    changing.cancel_run(stores_of(request), run_id)
    note(request, "cancel", {"run": run_id}, 1)
    return answer(request, Done(1))


HANDLERS = [
    retry,
    cancel_action,
    pause,
    resume,
    order,
    push,
    requeue,
    start_for,
    again,
    start_run,
    cancel_run,
]
