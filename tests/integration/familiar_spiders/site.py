"""A small site that also tells what was posted to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

HTML, XML, PLAIN = "text/html", "application/xml", "text/plain"
LINKS = {
    "/": ("/category/1", "/category/2", "/Items/1", "/missing"),
    "/?lambda": (),
    "/category/1": ("/Items/1", "/Items/2", "/"),
    "/category/2": ("/Items/2", "/Items/3", "/moved"),
}
TITLES = {"/Items/1": "One", "/Items/2": "Two", "/Items/3": "Three"}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        base = f"http://{self.headers['Host']}"
        if self.path in LINKS:
            self._answer("".join(f"<a href='{path}'>to {path}</a>" for path in LINKS[self.path]))
        elif self.path in TITLES:
            self._answer(f"<title>{TITLES[self.path]}</title>")
        elif self.path == "/moved":
            self._answer("", status=302, location="/Items/3")
        elif self.path == "/sitemap.xml":
            self._answer(_sitemap(f"{base}{path}" for path in TITLES), content_type=XML)
        elif self.path == "/file.txt":
            self._answer("a file", content_type=PLAIN)
        else:
            self._answer("<title>Nothing here</title>", status=404)

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer(f"<title>{sent} {self.headers['X-Asks']}</title>")

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""

    def _answer(self, text: str, *, status: int = 200, content_type: str = HTML, location: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


def _sitemap(urls: Iterator[str]) -> str:
    entries = "".join(f"<url><loc>{url}</loc></url>" for url in urls)
    return f"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{entries}</urlset>"


@contextmanager
def served() -> Iterator[str]:
    """Names the base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
