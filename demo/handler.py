import gzip
import html
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from threading import Event
from typing import Protocol, cast

from demo.answer import Answer


class Server(Protocol):
    """What the handler needs of its server."""

    stopping: Event

    def answer(self, target: str) -> Answer: ...


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Header and body leave in one piece: in two, a kept connection waits for a delayed acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answers with what the site has at this path, whatever the query."""
        server = cast("Server", self.server)
        answer = server.answer(self.path)
        if server.stopping.wait(answer.seconds):
            self.close_connection = True
        elif self.is_current(answer):
            self.reply(answer, HTTPStatus.NOT_MODIFIED, b"")
        else:
            self.reply(answer, answer.status, self.body(answer))

    do_HEAD = do_GET  # noqa: N815 (the name is the standard library's)

    def is_current(self, answer: Answer) -> bool:
        etag = answer.headers.get("ETag")
        return etag is not None and self.headers.get("If-None-Match") == etag

    def compresses(self, answer: Answer) -> bool:
        return answer.compress and "gzip" in self.headers.get("Accept-Encoding", "")

    def body(self, answer: Answer) -> bytes:
        host = html.escape(self.headers.get("Host", ""))
        body = answer.body.replace(b"{host}", host.encode())
        return gzip.compress(body) if self.compresses(answer) else body

    def reply(self, answer: Answer, status: int, body: bytes) -> None:
        self.send_response(status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.compress:
            self.send_header("Vary", "Accept-Encoding")
        if status != HTTPStatus.NOT_MODIFIED:
            self.describe(answer, len(body))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def describe(self, answer: Answer, length: int) -> None:
        """Sends the headers that speak of the body."""
        self.send_header("Content-Length", str(length))
        if answer.content_type is not None:
            self.send_header("Content-Type", answer.content_type)
        if self.compresses(answer):
            self.send_header("Content-Encoding", "gzip")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is the standard library's)
        """Says nothing: the terminal belongs to the crawl."""
