"""A TCP proxy on loopback that lets tests delay, lose and cut what passes through it."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto

CHUNK = 65_536


class Fault(Enum):
    NONE = auto()
    CUT = auto()  # connections end, and new ones end at once
    BLACK_HOLE = auto()  # everything is accepted and nothing arrives anywhere
    CUT_REPLY = auto()  # commands arrive; the connection ends once the server has answered


class Way(Enum):
    REQUEST = auto()
    REPLY = auto()


class TcpProxy:
    """Stands before one server; its faults begin with the next bytes that pass.

    Warning: it knows nothing of the protocol, so with pipelined commands "a reply" is whatever came at once.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.delay = 0.0  # seconds each chunk is held back
        self.fault = Fault.NONE
        self.replies_cut = 0
        self.cut_at: tuple[Way, int] | None = None  # the connection ends instead of its passing, once
        self.passed = dict.fromkeys(Way, 0)
        self._counting = threading.Lock()
        self._target = target
        self._links: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._ending = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._start(self._accept)

    def cut(self) -> None:
        """Ends all connections, once; new ones come about."""
        for link in list(self._links):
            _shut(link)

    def close(self) -> None:
        self._ending.set()
        _shut(self._listener)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join()

    def _start(self, run: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._ending.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            if self.fault is Fault.CUT:
                client.close()
                continue
            self._start(self._connect, client)

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._target)
        except OSError:  # the server is away, and so are we
            client.close()
            return
        self._links |= {client, server}
        back = threading.Thread(target=self._pass_on, args=(server, client, Way.REPLY), daemon=True)
        back.start()
        self._pass_on(client, server, Way.REQUEST)
        back.join()
        self._links -= {client, server}
        client.close()
        server.close()

    def _pass_on(self, source: socket.socket, target: socket.socket, way: Way) -> None:
        with suppress(OSError):  # either side went
            while data := source.recv(CHUNK):
                self._ending.wait(self.delay)
                if self.fault is Fault.BLACK_HOLE:
                    continue
                if self.fault is Fault.CUT:
                    break
                if way is Way.REPLY and self.fault is Fault.CUT_REPLY:
                    self.replies_cut += 1
                    break
                if self._is_cut(way):
                    break
                target.sendall(data)
        _shut(source)
        _shut(target)

    def _is_cut(self, way: Way) -> bool:
        with self._counting:
            self.passed[way] += 1
            return self.cut_at == (way, self.passed[way])


def _shut(link: socket.socket) -> None:
    with suppress(OSError):  # not connected any more
        link.shutdown(socket.SHUT_RDWR)


@contextmanager
def tcp_proxy(host: str, port: int) -> Iterator[TcpProxy]:
    """Runs a proxy before ``host:port``."""
    proxy = TcpProxy((host, port))
    try:
        yield proxy
    finally:
        proxy.close()
