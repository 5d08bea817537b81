"""How long what a killed worker held stays with it, when one command runs several (``--workers N``)."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.worker_tokens import process_of

ROOT = Path(__file__).parent.parent
WORKERS = 3
#: Slow enough that the crawl lasts until the last of them is killed.
SLOW = ("DOWNLOAD_DELAY=0.05", "CONCURRENT_REQUESTS_PER_DOMAIN=8")
#: Seconds: twice a lease, after which a silent worker is reaped in any case, and some more.
PATIENCE = 180.0


class TakeoverError(Exception):
    """A takeover that could not be measured, and why."""


def takeovers(site_url: str, redis_url: str, folder: Path) -> list[float]:
    """Seconds from the SIGKILL of each worker but the last until others may lease what it held."""
    with (
        _command(site_url, redis_url, folder) as command,
        redis.Redis.from_url(redis_url, protocol=2) as client,
    ):
        frontier, keys = Frontier(client, Keys("links")), Keys("links")

        def held_by(token: str) -> bool:
            return bool(client.exists(keys.of("leases", token)))

        def all_work() -> bool:
            return len(frontier.tokens()) == WORKERS and any(map(held_by, frontier.tokens()))

        wait_until(all_work, command)
        return [_takeover(frontier, held_by, command) for _ in range(WORKERS - 1)]


def _takeover(
    frontier: Frontier, held_by: Callable[[str], bool], command: "subprocess.Popen[bytes]"
) -> float:
    """Kill one that holds requests, as soon as there is one."""
    holders: list[str] = []

    def found() -> bool:
        holders[:] = filter(held_by, frontier.tokens())
        return bool(holders)

    wait_until(found, command)
    victim = holders[0]
    return seconds_until_back(process_of(victim)[1], lambda: not held_by(victim), command)


def seconds_until_back(pid: int, is_back: Callable[[], bool], command: "subprocess.Popen[bytes]") -> float:
    """Kill a process; returns how many seconds pass until what it held is back."""
    os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    if is_back():
        raise TakeoverError("the worker held nothing when it was killed")
    wait_until(is_back, command)
    return time.monotonic() - killed


def wait_until(is_so: Callable[[], bool], command: "subprocess.Popen[bytes]") -> None:
    """Look every ten milliseconds, as nothing tells of a lease's end.

    Raises:
        TakeoverError: The command has ended before, or PATIENCE has.
    """
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        if command.poll() is not None:
            raise TakeoverError(f"the crawl ended too early, with {command.returncode}")
        if time.monotonic() > deadline:
            raise TakeoverError(f"nothing was taken over in {PATIENCE:g} s")
        time.sleep(0.01)


@contextmanager
def _command(site_url: str, redis_url: str, folder: Path) -> "Iterator[subprocess.Popen[bytes]]":
    settings = [part for setting in SLOW for part in ("-s", setting)]
    arguments = ["crawl", "links", "-a", f"start_urls={site_url}index.html", "--workers", str(WORKERS)]
    with subprocess.Popen(  # noqa: S603  our own command
        [sys.executable, "-m", "scrapy", *arguments, *settings],
        cwd=ROOT,
        env=os.environ | {"REDIS_URL": redis_url, "DATA_DIR": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as command:
        try:
            yield command
        finally:
            command.terminate()
