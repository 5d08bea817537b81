"""Handlers that read the stores, on a bounded number of threads."""

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import ParamSpec, TypeVar

from litestar.concurrency import set_asyncio_executor, sync_to_thread

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")

#: More would only queue in front of the database.
THREADS = 8


def bound_threads() -> None:
    """Gives all handlers together so many threads; no event loop may run yet."""
    set_asyncio_executor(ThreadPoolExecutor(THREADS, "reading"))


def in_thread(handler: Callable[Parameters, Answer]) -> Callable[Parameters, Awaitable[Answer]]:
    """Makes a handler run on a thread.

    Litestar's own ``sync_to_thread=True`` wraps a handler twice when another serves the same path by another
    method (seen in 2.25.0), and answers with a coroutine.
    """

    @wraps(handler)
    async def on_thread(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        return await sync_to_thread(handler, *args, **kwargs)

    return on_thread
