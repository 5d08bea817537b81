"""A redis-py client that answers or fails at once, and its failures in a few words."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.connection import ConnectionPool, parse_url
from redis.retry import Retry

#: After so many connections that end without an answer, the next would, too.
TRIES = 3

Answer = TypeVar("Answer")


class RedisUnavailable(Exception):  # noqa: N818 - it names what is wrong, as its message does
    """No Redis can be used; the message is one line that says what to do, without a password."""


def connect(url: str, timeout: float, credentials: redis.CredentialProvider | None = None) -> redis.Redis:
    """Makes a client without retries; the caller, not the URL, decides how long it waits."""
    ours = {
        "credential_provider": credentials,
        "protocol": 2,
        "decode_responses": True,
        "retry": Retry(NoBackoff(), 0),
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
    }
    parsed: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]  # redis-py types its clients alone
    return redis.Redis.from_pool(ConnectionPool(**(parsed | ours)))


def is_loaded(client: redis.Redis) -> bool:
    """Whether the server has loaded its data; raises when none answers."""
    try:
        client.ping()
    except redis.BusyLoadingError:
        return False
    return True


def ask(question: Callable[[redis.Redis], Answer], client: redis.Redis) -> Answer:
    """Asks a repeatable question, again when a connection ended before its answer."""
    for _ in range(TRIES - 1):
        try:
            return question(client)
        except (redis.AuthenticationError, redis.BusyLoadingError):
            raise
        except redis.ConnectionError as error:
            if any(isinstance(cause, ConnectionRefusedError | FileNotFoundError) for cause in _causes(error)):
                raise
    return question(client)


def why(error: Exception) -> str:
    """Puts a failure in a few words: the system's own where it gave any."""
    if isinstance(error, redis.TimeoutError):
        return "no answer in time"
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
    return str(error).rstrip(".").lower()


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__
