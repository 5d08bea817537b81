"""The driver's errors as the frontier's own."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import (
    ClusterDownError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)

from scraping_project.frontier.errors import FrontierError, FrontierFull, FrontierRefused, FrontierUnavailable

#: A server that will serve again: after a failover, with a full disk, loading, busy with a script, or
#: restarted between being told a script and being asked for it. What a script's command was told may stand
#: anywhere in the text, and has no class of its own.
_PASSING_CLASSES = (ReadOnlyError, ClusterDownError, TryAgainError, NoScriptError)
_PASSING = (
    "READONLY",
    "MISCONF",
    "NOREPLICAS",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "BUSY",
    "LOADING",
    "TRYAGAIN",
    "Script killed",
)


@contextmanager
def translated() -> Iterator[None]:
    """Raise FrontierError instead of what redis-py raises."""
    try:
        yield
    except ResponseError as error:
        raise _refusal(error) from error
    except RedisError as error:
        raise FrontierUnavailable(str(error) or type(error).__name__) from error


def _refusal(error: ResponseError) -> FrontierError:
    message = str(error)
    if isinstance(error, OutOfMemoryError) or "OOM command not allowed" in message:
        return FrontierFull(message)
    if isinstance(error, _PASSING_CLASSES) or any(code in message for code in _PASSING):
        return FrontierUnavailable(message)
    return FrontierRefused(message)
