"""A node that answers as a test says, and keeps what it was asked."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

OK = {"status": "ok", "node_name": "host"}
IDLE = OK | {"running": 0, "pending": 0, "finished": 0, "max_proc": 1}


class StandInNode(ThreadingHTTPServer):
    """Answers each page with an object, or with raw bytes; refuses the posts that hold one of some fields."""

    daemon_threads = True

    def __init__(self, answers: Mapping[str, object]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = {"daemonstatus.json": IDLE, "status.json": OK | {"currstate": None}} | dict(answers)
        self.refuses: dict[str, str] = {}
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        self.logins: set[str | None] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def posted(self, page: str) -> list[dict[str, list[str]]]:
        return [fields for asked, fields in self.asked if asked == page]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StandInNode

    def do_GET(self) -> None:
        self._answer("")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def _answer(self, fields: str) -> None:
        parts = urlsplit(self.path)
        page = parts.path.lstrip("/")
        self.server.logins.add(self.headers["Authorization"])
        self.server.asked.append((page, parse_qs(fields)))
        answer = self.server.answers.get(page)
        if any(self.server.asked[-1][1].get(name) == [value] for name, value in self.server.refuses.items()):
            answer = {"status": "error", "message": "refused"}
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(404 if answer is None else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """A test asks for what it wants to know."""


@contextmanager
def stand_in_node(**answers: object) -> Iterator[StandInNode]:
    """Serve a node; ``schedule=…`` is what it answers to schedule.json."""
    with StandInNode({f"{name}.json": answer for name, answer in answers.items()}) as node:
        thread = Thread(target=node.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield node
        finally:
            node.shutdown()
            thread.join()
