"""The embedded server, found, started and stopped by the processes that need it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import redis
from filelock import Timeout
from redis.exceptions import NoPermissionError

from scraping_project.embedded.client import RedisUnavailable, ask, connect, is_loaded, why
from scraping_project.embedded.paths import Place, binary
from scraping_project.embedded.users import admit, is_open

LINGER = 60.0
POLL = 0.02
PATIENCE = 30.0
TIMEOUT = 5.0

# The holder of the start lock may be waiting for gigabytes to load.
LOCK_PATIENCE = 300.0


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    port: int  # 0 for none
    open: bool  # everybody may do everything, as an older version had it


def ensure(place: Place, port: int, linger: float) -> Running:
    """Sees to it that the server runs, has a supervisor and knows the project's user.

    It takes the lock even when all is well. A supervisor shuts the server down under the same lock, once
    nobody has come: the server found here lives for ``linger`` seconds at least.
    """
    binary()
    with _failures_in_one_line(place):
        place.prepare()
        with place.starting(LOCK_PATIENCE), own_client(place) as client:
            place.password.make()
            _wait_until_ready(place, client, port, linger)
            return Running(ask(partial(claim_port, port=port), client), ask(is_open, client))


def stop(data_dir: Path) -> None:
    """Shuts down the embedded server of a data directory, if it runs, and sees its supervisor leave."""
    place = Place.of(data_dir)
    if not place.dir.is_dir():
        return
    with (
        _failures_in_one_line(place),
        place.starting(LOCK_PATIENCE),
        own_client(place) as client,
    ):
        place.password.make()
        _state(place, client)
        client.shutdown()
        place.supervising(PATIENCE).acquire().lock.release()


def own_client(place: Place) -> redis.Redis:
    """Makes a client of the project's user."""
    return connect(place.url, TIMEOUT, place.password)


def admit_to(place: Place) -> None:
    """Makes the project's user known to a server that an older version has started.

    Raises:
        RedisUnavailable: The server was started with another password than the file has now.
    """
    try:
        with connect(place.url, TIMEOUT) as anybody:
            admit(anybody, place.password)
    except NoPermissionError as error:
        raise RedisUnavailable(
            f"the embedded Valkey does not take the password in {place.password.path}, which has changed "
            f"since it started: end the valkey-server at {place.socket}, or set REDIS_URL",
        ) from error


def claim_port(client: redis.Redis, port: int) -> int:
    """Opens the port unless it is taken; returns the port that the server listens on, 0 for none."""
    listening = int(client.info("server")["tcp_port"])
    if listening:
        return listening
    try:
        client.config_set("port", port)
    except redis.ResponseError:
        return 0
    return port


def _wait_until_ready(place: Place, client: redis.Redis, port: int, linger: float) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        if place.is_supervised():
            state = _state(place, client)
            if state == "ready":
                return
            if state == "loading":
                deadline = time.monotonic() + PATIENCE
        elif _start_supervisor(place, port, linger):
            # That may have taken as long as the data took to load.
            deadline = time.monotonic() + PATIENCE
        elif not place.is_supervised():
            raise _failure(place, "did not start")
        if time.monotonic() > deadline:
            raise _failure(place, "does not answer")
        # No event tells that a server has loaded; another process may have started its supervisor.
        time.sleep(POLL)


def _state(place: Place, client: redis.Redis) -> str:
    try:
        return "ready" if is_loaded(client) else "loading"
    except redis.AuthenticationError:
        admit_to(place)
        return "refusing"
    except redis.RedisError:
        return "silent"


def _start_supervisor(place: Place, port: int, linger: float) -> bool:
    """Starts a supervisor and tells whether it brought its server up.

    The supervisor closes its end of the pipe when its server answers, or by dying.
    """
    arguments = [str(place.data_dir), str(port), str(linger)]
    with (
        place.log.open("ab") as log,
        subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", "-m", "scraping_project.embedded", *arguments],
            cwd=place.dir,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        ) as supervisor,
    ):
        return supervisor.communicate()[0] == b"ready\n"


def _environment() -> dict[str, str]:
    # Scrapyd puts the egg on the path at run time, so a child must be told where this package came from.
    home = os.path.abspath(Path(__file__).parents[2])  # noqa: PTH100 - resolve() would follow links out of it
    path = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path)}


@contextmanager
def _failures_in_one_line(place: Place) -> Iterator[None]:
    try:
        yield
    except Timeout as error:
        raise _failure(place, f"is held up ({Path(error.lock_file).name} stays locked)") from error
    except (redis.RedisError, OSError) as error:
        raise _failure(place, f"cannot be used ({why(error)})") from error


def _failure(place: Place, what: str) -> RedisUnavailable:
    return RedisUnavailable(f"the embedded Valkey {what}: see {place.log}, or set REDIS_URL")
