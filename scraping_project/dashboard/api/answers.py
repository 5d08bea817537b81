"""What the API's answers have in common."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import msgspec
from litestar import Response, get
from litestar.exceptions import ClientException
from litestar.openapi.datastructures import ResponseSpec

from scraping_project.dashboard.reading import shared, stores_of
from scraping_project.dashboard.rendering import Asked
from scraping_project.dashboard.threads import in_thread
from scraping_project.monitor.store import Away

Data = TypeVar("Data")


@dataclass(frozen=True, slots=True)
class Answer(Generic[Data]):
    """What is known, and when; what a part knows that is away is null."""

    as_of: datetime
    away: tuple[Away, ...]
    data: Data


@dataclass(frozen=True, slots=True)
class Problem:
    """Why there is no such answer (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str


def _problem(description: str) -> ResponseSpec:
    return ResponseSpec(
        Problem, description=description, generate_examples=False, media_type="application/problem+json"
    )


#: What any handler of the API may answer beside what it is there for.
PROBLEMS = {
    400: _problem("Something of the request is not understood; the detail says what."),
    401: _problem("There is no token or password, or a wrong one."),
    403: _problem("Whoever asks may look, and change nothing; or a page of another site asks."),
    404: _problem("There is no such thing."),
    405: _problem("The address takes other methods."),
    429: _problem("Too many wrong passwords from this address."),
    500: _problem("Something went wrong; the dashboard's log says what."),
    503: _problem("What would answer is away; the detail says what to do."),
}


def reads(path: str, summary: str) -> Callable[[Callable[..., Any]], Any]:
    """Returns what makes a function the handler of an address that is read."""
    decorate = get(path, summary=summary, responses=PROBLEMS)
    return lambda handler: decorate(in_thread(handler))


def answer(request: Asked, data: Data) -> Response[Answer[Data]]:
    """Returns the data with the moment and the parts that are away."""
    content: Any = in_utc(msgspec.to_builtins(data, builtin_types=(datetime,)))
    away = in_utc(msgspec.to_builtins(stores_of(request).away, builtin_types=(datetime,)))
    return Response({"as_of": datetime.now(UTC), "away": away, "data": content})  # type: ignore[arg-type]


def read(request: Asked, ask: Callable[..., Data], *arguments: Hashable) -> Response[Answer[Data]]:
    """Returns what the monitor reads, once a second for all."""
    return answer(request, shared(request, ask, *arguments))


@contextmanager
def bad_input_is_400() -> Iterator[None]:
    """Answers 400 where a reader of the monitor finds that a filter or a cursor is none."""
    try:
        yield
    except OverflowError as error:
        raise ClientException("a moment is out of reach: name one of this century") from error
    except ValueError as error:
        raise ClientException(str(error)) from error


def in_utc(value: Any) -> Any:
    """The same, with the zone written at every moment: those of the database are UTC, and have none."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value
    if isinstance(value, dict):
        return {name: in_utc(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [in_utc(each) for each in value]
    return value
