"""The choice of a Redis: the configured one, one that was found, or the embedded one."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

import redis
from redis.exceptions import NoPermissionError

from scraping_project.embedded.client import RedisUnavailable, ask, connect, is_loaded, why
from scraping_project.embedded.paths import CONF, WHEEL, Place
from scraping_project.embedded.server import LINGER, POLL, ensure

PORT = 6379
PATIENCE = 5.0

# On loopback a server that takes longer is no Redis, or none to crawl with.
GLANCE = 0.5

# The embedded server binds no other address.
LOOPBACK = {"localhost", "127.0.0.1"}

Neighbour = Literal["redis", "embedded", "locked", "none"]


@dataclass(frozen=True)
class Server:
    """The Redis to use; it answered a moment ago, and may be gone by now."""

    url: str
    origin: Literal["configured", "found", "embedded"]
    note: str
    port: int | None
    #: The login, where the URL has none; it is kept apart, since settings show the URL.
    credentials: redis.CredentialProvider | None = None


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
    place = Place.of(data_dir)
    if redis_url and redis_url != "embedded":
        shown, named_port = shown_url(redis_url)
        if named := _embedded_at(redis_url, place):
            found = _embedded(named, named_port or port, linger, "none")
            return replace(found, url=found.url + _database_of(redis_url), origin="configured")
        return _configured(redis_url, shown, named_port, patience)
    neighbour = "none" if redis_url else _neighbour(port, patience)
    if neighbour == "redis":
        note = f"Redis: found at 127.0.0.1:{port} (set REDIS_URL to choose another)"
        return Server(f"redis://127.0.0.1:{port}/0", "found", note, port)
    return _embedded(place, port, linger, neighbour)


def _embedded_at(url: str, own: Place) -> Place | None:
    """The embedded server that a URL without a login names, by its socket or by this project's port."""
    parts = urlsplit(url)
    if parts.username or parts.password or "password" in parts.query:
        return None
    if parts.scheme == "unix":
        socket = Path(unquote(parts.path))
        places = [own, Place.of(socket.parent.parent)]
        return next((place for place in places if _is_socket_of(place, socket)), None)
    return own if parts.hostname in LOOPBACK and _listens(own, parts.port or PORT) else None


def _is_socket_of(place: Place, socket: Path) -> bool:
    return socket.resolve() == place.socket.resolve() and place.supervision.is_file()


def _listens(place: Place, port: int) -> bool:
    try:
        with connect(place.url, GLANCE, place.password) as client:
            return int(client.info("server")["tcp_port"]) == port
    except redis.RedisError:
        return False


def _database_of(url: str) -> str:
    """The database of a URL, as the query of that of a socket."""
    parts = urlsplit(url)
    path = "" if parts.scheme == "unix" else parts.path.strip("/")
    database = path or parse_qs(parts.query).get("db", ["0"])[0]
    return "" if database == "0" else f"?db={database}"


def _configured(url: str, shown: str, port: int | None, patience: float) -> Server:
    try:
        with connect(url, patience) as client:
            _wait_for_ping(client, patience)
            admitted = ask(_admits, client)
            takes_seeds = admitted or ask(_takes_seeds, client)
    except (ValueError, TypeError) as error:
        raise _malformed() from error
    except (redis.AuthenticationError, NoPermissionError) as error:
        raise RedisUnavailable(
            f"the Redis at {shown} refuses ({_refusal(error)}): "
            "set REDIS_URL to redis://USER:PASSWORD@HOST:PORT/0",
        ) from error
    except redis.RedisError as error:
        raise RedisUnavailable(
            f"no Redis answers at {shown} ({why(error)}): "
            "start it, or unset REDIS_URL to use the embedded one",
        ) from error
    if not admitted:
        whose = (
            "is another project's embedded Valkey: set REDIS_URL to unix:///ITS_DATA_DIR/valkey/valkey.sock"
            if takes_seeds
            else "lets this user run no scripts: set REDIS_URL to redis://USER:PASSWORD@HOST:PORT/0"
        )
        raise RedisUnavailable(f"the Redis at {shown} {whose}")
    return Server(url, "configured", f"Redis: {shown}, from REDIS_URL", port)


def shown_url(url: str) -> tuple[str, int | None]:
    """Rebuilds a URL from its public parts; returns it with its port.

    A malformed URL is refused and not shown: a password with a slash in it looks like a path.
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


def _refusal(error: redis.RedisError) -> str:
    return "wrong user or password" if "WRONGPASS" in str(error) or "invalid" in str(error) else why(error)


def _wait_for_ping(client: redis.Redis, patience: float) -> None:
    """Waits for a Redis that is starting or loads its data."""
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
        # No event tells that a server elsewhere has come up.
        time.sleep(POLL)


def _neighbour(port: int, patience: float) -> Neighbour:
    """Tells which kind of server answers on the port of this machine."""
    with connect(f"redis://127.0.0.1:{port}/0", GLANCE) as client:
        try:
            if not ask(is_loaded, client):
                _wait_for_ping(client, patience)
            return ask(_kind, client)
        except (redis.AuthenticationError, NoPermissionError):
            return "locked"
        except redis.BusyLoadingError as error:
            raise RedisUnavailable(
                f"the Redis at 127.0.0.1:{port} is loading its data: wait, or set REDIS_URL",
            ) from error
        except redis.RedisError:
            return "none"


def _kind(client: redis.Redis) -> Neighbour:
    if _admits(client):
        return "embedded" if _is_embedded(client) else "redis"
    return "embedded" if _takes_seeds(client) else "locked"


def _admits(client: redis.Redis) -> bool:
    """Whether this user may do all that a frontier needs."""
    try:
        client.eval("return 1", 0)
    except NoPermissionError:
        return False
    except redis.ResponseError:
        # Busy with a script, or full: that passes.
        return True
    return True


def _takes_seeds(client: redis.Redis) -> bool:
    """Whether this user may at least count seeds, as everybody may on an embedded server."""
    try:
        client.llen("some:start_urls")
    except redis.ResponseError:
        return False
    return True


def _is_embedded(client: redis.Redis) -> bool:
    try:
        server = ask(lambda client: client.info("server"), client)
    except redis.RedisError:
        # An embedded server would let anybody ask.
        return False
    conf = Path(str(server.get("config_file", "")))
    return conf.parts[-2:] == CONF.parts and WHEEL in str(server.get("executable", ""))


def _embedded(place: Place, port: int, linger: float, neighbour: Neighbour) -> Server:
    running = ensure(place, port, linger)
    taken = f"port {port} is taken"
    if neighbour == "locked":
        taken = f"the Redis on port {port} asks for a password (set REDIS_URL to use it)"
    how = f"port {running.port}" if running.port else f"unix socket only, because {taken}"
    if running.port and running.open:
        how += ", open to every user of this machine: an older version has started it"
    note = f"Redis: embedded Valkey in {_shown(place.dir)}, {how}"
    return Server(place.url, "embedded", note, running.port or None, place.password)


def _shown(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
