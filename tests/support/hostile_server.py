"""A server on loopback that answers as no server should: each path shows one way."""

import gzip
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from threading import Event, Lock, Thread

HOST = "127.0.0.1"
HTML = b"Content-Type: text/html; charset=utf-8\r\n"
SILENCE = 15.0  # seconds after which a connection is given up; any crawl gives up earlier
BODY = b"<title>Hostile</title><a href=/linked>a link</a>"

Show = Callable[[socket.socket, str, Event], None]


def head(status: str, *headers: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\n".encode() + b"".join(headers) + b"Connection: close\r\n\r\n"


def whole(status: str, body: bytes, *headers: bytes) -> bytes:
    return head(status, b"Content-Length: %d\r\n" % len(body), *headers) + body


def redirect(location: bytes) -> bytes:
    return whole("302 Found", b"", b"Location: " + location + b"\r\n")


def gzipped(body: bytes) -> bytes:
    return whole("200 OK", body, HTML, b"Content-Encoding: gzip\r\n")


#: Incompressible enough that its first half holds some text.
TEXT = b"".join(b"<p>%d</p>" % (n * n * 7919) for n in range(5000))

ANSWERS: dict[str, bytes] = {
    "/robots.txt": whole("404 Not Found", b""),
    "/good": whole("200 OK", BODY, HTML),
    "/short": head("200 OK", HTML, b"Content-Length: 1000\r\n") + BODY,
    "/bad-chunk": head("200 OK", HTML, b"Transfer-Encoding: chunked\r\n") + b"5\r\nhello\r\nzz\r\n",
    "/large": head("200 OK", HTML, b"Content-Length: 10000000\r\n") + BODY,
    "/streamed": head("200 OK", HTML) + BODY * 40_000,
    "/bomb": gzipped(gzip.compress(bytes(20_000_000))),
    "/truncated-gzip": gzipped(gzip.compress(TEXT)[:-1000]),
    "/headless-gzip": gzipped(gzip.compress(BODY)[:5]),
    "/two-part-gzip": gzipped(gzip.compress(b"<title>Two ") + gzip.compress(b"parts</title>")),
    "/false-gzip": gzipped(BODY),
    "/unknown-encoding": whole("200 OK", BODY, HTML, b"Content-Encoding: nonsense\r\n"),
    "/garbage": b"this is no status line\r\n\r\n" + BODY,
    "/two-lengths": whole("200 OK", BODY, HTML, b"Content-Length: 3\r\n"),
    "/bad-location": redirect(b"http://[::1/"),
    "/empty-location": redirect(b""),
    "/not-modified": head("304 Not Modified", b'ETag: "1"\r\n'),
    "/no-content": head("204 No Content"),
    "/999": whole("999 Odd", BODY, HTML),
    "/000": whole("000 Odd", BODY, HTML),
    "/nul": whole("200 OK", BODY, HTML, b"ETag: a\0b\r\n"),
    "/nul-name": whole("200 OK", BODY, HTML, b"X-\0: 1\r\n"),
    "/many-headers": whole("200 OK", BODY, HTML, *(b"X-%d: %d\r\n" % (n, n) for n in range(10_000))),
    "/meta-refresh": whole("200 OK", b"<meta http-equiv=refresh content='0; url=/refreshed'>", HTML),
    "/refreshed": whole("200 OK", BODY, HTML),
    "/linked": whole("200 OK", b"<title>Linked</title>", HTML),
    "/nested": whole("200 OK", b"<div>" * 200_000 + BODY, HTML),
}


def endless(connection: socket.socket, path: str, _: Event) -> None:
    """Redirects from each number to the next."""
    hop = int(path.rpartition("/")[2])
    connection.sendall(redirect(b"/endless/%d" % (hop + 1)))


def silent(_: socket.socket, __: str, stopping: Event) -> None:
    stopping.wait(SILENCE)


def drip(connection: socket.socket, _: str, stopping: Event) -> None:
    connection.sendall(head("200 OK", HTML, b"Content-Length: 1000\r\n"))
    for _ in range(100):
        if stopping.wait(0.15):
            return
        connection.sendall(b".")


def reset(connection: socket.socket, _: str, __: Event) -> None:
    """Makes closing the connection send a RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hang_up(_: socket.socket, __: str, ___: Event) -> None:
    """Answers nothing at all before the connection is closed."""


def fixed(connection: socket.socket, path: str, _: Event) -> None:
    connection.sendall(ANSWERS.get(path) or whole("404 Not Found", BODY, HTML))


SHOWS: dict[str, Show] = {
    "/silent": silent,
    "/drip": drip,
    "/reset": reset,
    "/hang-up": hang_up,
    "/endless": endless,
}


class HostileServer:
    """Serves one request a connection; ``requests`` holds each as it came, head and all."""

    def __init__(self, answers: dict[str, bytes]) -> None:
        self.requests: list[str] = []
        self._answers = answers
        self._lock = Lock()
        self._stopping = Event()
        self._threads: list[Thread] = []
        self._listener = socket.create_server((HOST, 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://{HOST}:{self.port}"

    def run(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._stopping.is_set():
                connection.close()
                return
            thread = Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        socket.create_connection((HOST, self.port)).close()  # so that accept returns

    def close(self) -> None:
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def paths(self) -> list[str]:
        return [request.split(" ")[1] for request in self.requests]

    def _serve(self, connection: socket.socket) -> None:
        with closing(connection), suppress(OSError):  # the crawler may hang up at any time
            connection.settimeout(SILENCE)
            request = _read_head(connection)
            if not request:
                return
            with self._lock:
                self.requests.append(request)
            path = request.split(" ")[1]
            if path in self._answers:
                connection.sendall(self._answers[path])
                return
            show = next((show for prefix, show in SHOWS.items() if path.startswith(prefix)), fixed)
            show(connection, path, self._stopping)


def _read_head(connection: socket.socket) -> str:
    received = b""
    while b"\r\n\r\n" not in received:
        some = connection.recv(65536)
        if not some:
            return ""
        received += some
    return received.decode("latin-1")


@contextmanager
def hostile_server(answers: dict[str, bytes] | None = None) -> Iterator[HostileServer]:
    """Serves ANSWERS and SHOWS, and before them ``answers``: whole replies by path."""
    server = HostileServer(answers or {})
    thread = Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()
        server.close()
