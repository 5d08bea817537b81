"""Connections to the frontier's Redis."""

from typing import Any

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.connection import ConnectionPool, parse_url
from redis.retry import Retry

#: How long a command may take, and a connection to come about, in seconds.
TIMEOUT_SECONDS = 5.0


def connect(
    url: str,
    credentials: redis.CredentialProvider | None = None,
    *,
    timeout: float | None = TIMEOUT_SECONDS,
) -> redis.Redis:
    """A client that sends each command once: a worker must know when it sends a step again.

    Args:
        url: redis://, rediss:// or unix://. Its database, user and TLS count; its retries,
            timeouts and protocol do not.
        credentials: The login, when the URL has none.
        timeout: Seconds until a command that has no answer raises; None to wait as long as it takes.

    Raises:
        ValueError: The URL is none.
    """
    parsed = parse_url(url)  # type: ignore[no-untyped-call]  # redis-py types its clients alone
    ours: dict[str, Any] = {
        "credential_provider": credentials,
        "protocol": 2,
        "decode_responses": False,
        "retry": Retry(NoBackoff(), 0),
        "retry_on_timeout": False,
        "retry_on_error": [],
        "socket_timeout": timeout,
        "socket_connect_timeout": TIMEOUT_SECONDS,
        "health_check_interval": 0,  # a PING before a command would double the round trips
    }
    return redis.Redis.from_pool(ConnectionPool(**(parsed | ours)))


def connect_async(url: str, credentials: redis.CredentialProvider | None = None) -> redis.asyncio.Redis:
    """The same for asyncio, but without a limit on how long a command takes: the caller sets one.

    Under a socket_timeout this client sends by asyncio.wait_for, which before Python 3.12 now and then
    swallows the cancellation of its task (python/cpython#86296): a worker told to end would wait on.
    """
    return redis.asyncio.from_url(
        url,
        credential_provider=credentials,
        protocol=2,
        retry=AsyncRetry(NoBackoff(), 0),
        socket_timeout=None,
        socket_connect_timeout=TIMEOUT_SECONDS,
        health_check_interval=0,
    )
