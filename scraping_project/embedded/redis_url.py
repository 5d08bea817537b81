"""The choice of a Redis: the one that was named, one that was found, or the embedded one."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import redis

from scraping_project.embedded.client import RedisUnavailable, ask, connect, is_loaded, why
from scraping_project.embedded.place import CONF, WHEEL, Place
from scraping_project.embedded.server import LINGER, POLL, ensure

PORT = 6379
PATIENCE = 5.0

# On loopback a server that takes longer is no Redis, or none to crawl with.
GLANCE = 0.5

Neighbour = Literal["redis", "embedded", "locked", "none"]


@dataclass(frozen=True)
class Server:
    """The Redis to use; answered a moment ago, which is no promise that it still does."""

    url: str
    origin: Literal["configured", "found", "embedded"]
    note: str
    port: int | None


def resolve(
    redis_url: str | None,
    data_dir: Path,
    *,
    port: int = PORT,
    linger: float = LINGER,
    patience: float = PATIENCE,
) -> Server:
    """Finds the Redis to use, starting the embedded one when there is no other.

    Args:
        redis_url: A URL, ``embedded``, or nothing.
        data_dir: The embedded server keeps its data in ``valkey`` below it.
        port: Where a Redis is looked for and where the embedded server listens when it can.
        linger: Seconds that an embedded server started here stays after its last client.
        patience: Seconds that a Redis gets to answer its first PING.

    Raises:
        RedisUnavailable: The Redis that was named does not answer, or the embedded one cannot be started.
    """
    if redis_url and redis_url != "embedded":
        return _configured(redis_url, patience)
    neighbour = "none" if redis_url else _neighbour(port, patience)
    if neighbour == "redis":
        note = f"Redis: found at 127.0.0.1:{port} (set REDIS_URL to choose another)"
        return Server(f"redis://127.0.0.1:{port}/0", "found", note, port)
    return _embedded(Place.of(data_dir), port, linger, neighbour)


def _configured(url: str, patience: float) -> Server:
    shown, port = shown_url(url)
    try:
        with connect(url, patience) as client:
            _wait_for_ping(client, patience)
    except (ValueError, TypeError) as error:
        raise _malformed() from error
    except redis.AuthenticationError as error:
        raise RedisUnavailable(
            f"the Redis at {shown} refuses ({_refusal(error)}): "
            "set REDIS_URL to redis://USER:PASSWORD@HOST:PORT/0",
        ) from error
    except redis.RedisError as error:
        raise RedisUnavailable(
            f"no Redis answers at {shown} ({why(error)}): "
            "start it, or unset REDIS_URL to use the embedded one",
        ) from error
    return Server(url, "configured", f"Redis: {shown}, from REDIS_URL", port)


def shown_url(url: str) -> tuple[str, int | None]:
    """Rebuilds a URL from the parts that are no secret; returns it with its port.

    A URL with anything out of place is refused unseen: a password with a slash in it looks like a path.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or PORT
    except ValueError as error:
        raise _malformed() from error
    if parts.scheme == "unix" and parts.path.strip("/") and parts.netloc[-1:] in {"", "@"}:
        return f"unix://{parts.path}", None
    database = parts.path.strip("/")
    # A fragment, or a query with an @, is the rest of a password.
    if (
        parts.scheme not in {"redis", "rediss"}
        or (database and not database.isdecimal())
        or parts.fragment
        or "@" in parts.query
    ):
        raise _malformed()
    return f"{parts.scheme}://{parts.hostname or 'localhost'}:{port}/{database or 0}", port


def _malformed() -> RedisUnavailable:
    return RedisUnavailable(
        "REDIS_URL is not the URL of a Redis: write redis://HOST:PORT/DATABASE (rediss:// for TLS; "
        "escape special characters of a password), unix:///PATH or embedded",
    )


def _refusal(error: redis.AuthenticationError) -> str:
    return "wrong user or password" if "WRONGPASS" in str(error) or "invalid" in str(error) else why(error)


def _wait_for_ping(client: redis.Redis, patience: float) -> None:
    """Waits for a Redis that loads its data or is just being started."""
    deadline = time.monotonic() + patience
    while True:
        try:
            if is_loaded(client):
                return
            failure: redis.ConnectionError = redis.BusyLoadingError("it is loading its data")
        except redis.AuthenticationError:
            raise
        except redis.ConnectionError as error:
            failure = error
        if time.monotonic() > deadline:
            raise failure
        # Nothing tells of a server elsewhere that has come up.
        time.sleep(POLL)


def _neighbour(port: int, patience: float) -> Neighbour:
    """Tells what answers on the port of this machine."""
    with connect(f"redis://127.0.0.1:{port}/0", GLANCE) as client:
        try:
            if not ask(is_loaded, client):
                _wait_for_ping(client, patience)
            return "embedded" if _is_embedded(client) else "redis"
        except redis.AuthenticationError:
            return "locked"
        except redis.BusyLoadingError as error:
            raise RedisUnavailable(
                f"the Redis at 127.0.0.1:{port} is loading its data: wait, or set REDIS_URL",
            ) from error
        except redis.RedisError:
            return "none"


def _is_embedded(client: redis.Redis) -> bool:
    try:
        server = ask(lambda client: client.info("server"), client)
    except redis.RedisError:
        # One that may not be asked is nobody's embedded server.
        return False
    conf = Path(str(server.get("config_file", "")))
    return conf.parts[-2:] == CONF.parts and WHEEL in str(server.get("executable", ""))


def _embedded(place: Place, port: int, linger: float, neighbour: Neighbour) -> Server:
    listening = ensure(place, port, linger)
    taken = f"port {port} is taken"
    if neighbour == "locked":
        taken = f"the Redis on port {port} asks for a password (set REDIS_URL to use it)"
    how = f"port {listening}" if listening else f"unix socket only, because {taken}"
    return Server(
        place.url, "embedded", f"Redis: embedded Valkey in {_shown(place.dir)}, {how}", listening or None
    )


def _shown(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
