"""The server: uvicorn around the application."""

import socket
from collections.abc import Callable
from errno import EINVAL

import uvicorn

from scraping_project.dashboard.gatekeeper import Gatekeeper
from scraping_project.dashboard.threads import bound_threads

#: Seconds: longer than the longest refresh of a page, or its next request would meet a closed connection.
KEEP_ALIVE = 75
#: Seconds that an export may go on once the server was told to end.
GRACE = 5


class Server(uvicorn.Server):
    """Says when it serves, and bounds its threads."""

    def __init__(self, app: Gatekeeper, *, proxy: str | None, serving: Callable[[], None]) -> None:
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=True,
            lifespan="on",
            proxy_headers=bool(proxy),
            forwarded_allow_ips=proxy or "",
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=GRACE,
        )
        super().__init__(config)
        bound_threads()
        self._serving = serving

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._serving()


def listening(host: str, port: int) -> socket.socket:
    """Returns a socket that listens at the address.

    Raises:
        OSError: It cannot be had.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except UnicodeError as error:
        raise OSError(EINVAL, "no host is called so") from error
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener
