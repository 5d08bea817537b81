import socket
import socketserver
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any

from demo.answer import Answer
from demo.handler import Handler
from demo.site import find

HOST = "127.0.0.1"


class DemoServer(ThreadingHTTPServer):
    """Serves the site on loopback, a thread for each connection, and ends at once when closed."""

    request_queue_size = 128
    daemon_threads = False  # so that closing waits for the threads

    def __init__(self, port: int, requests: list[str]) -> None:
        self.stopping = Event()
        self._requests = requests
        self._visits: Counter[str] = Counter()
        self._connections: set[socket.socket] = set()
        self._lock = Lock()
        super().__init__((HOST, port), Handler)

    def server_bind(self) -> None:
        """Binds without asking the resolver for a host name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.socket.getsockname()[1]

    def answer(self, target: str) -> Answer:
        path = target.partition("?")[0]
        answer = find(path)
        with self._lock:
            self._requests.append(target)
            self._visits[path] += 1
            odd = self._visits[path] % 2 == 1
        return answer.before if answer.before is not None and odd else answer

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._lock:
            self._connections.add(connection)
        return connection, address

    def close_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().close_request(request)

    def server_close(self) -> None:
        """Hangs up on clients that keep their connection, which would keep a thread each."""
        self.stopping.set()
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):  # the client hung up first
                    connection.shutdown(socket.SHUT_RDWR)
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Lets clients hang up when they like; anything else is a fault of the site and is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serve(port: int = 0, requests: list[str] | None = None) -> Iterator[str]:
    """Serves the site from a thread and yields its base URL, without a slash at its end.

    Args:
        port: the port on 127.0.0.1; 0 takes a free one.
        requests: receives the path and query of every request, in the order of their arrival.
    """
    with DemoServer(port, [] if requests is None else requests) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://{HOST}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
