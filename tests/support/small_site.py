"""A site of thirteen pages that answers each case under a path of its own, and counts who asked for what."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread

#: Every page and what it links to. ``old`` redirects to ``new``, ``missing`` is a 404, and ``flaky`` answers
#: 500 when it is asked first.
LINKS = {
    "index": ["a", "b", "c", "old", "missing"],
    "a": ["d", "e", "flaky"],
    "b": ["index", "f"],
    "c": ["g", "d"],
    "d": ["a"],
    "e": ["h"],
    "f": [],
    "g": ["f"],
    "h": ["index"],
    "new": ["i"],
    "i": ["old"],
    "flaky": ["i"],
}
#: What a crawl stores as a site, the 404 included.
STORED = frozenset(LINKS) | {"missing"}


class SmallSite:
    """Answers ``/<case>/<page>``; ``hold`` makes a page's next answer wait."""

    def __init__(self) -> None:
        self._asked: Counter[tuple[str, str]] = Counter()
        self._held: dict[tuple[str, str], tuple[Event, Event]] = {}
        self._lock = Lock()
        self.url = ""

    def start(self, case: str) -> str:
        return f"{self.url}/{case}/index"

    def asked(self, case: str) -> Counter[str]:
        with self._lock:
            return Counter({page: n for (of, page), n in self._asked.items() if of == case})

    def hold(self, case: str, page: str) -> tuple[Event, Callable[[], None]]:
        """Returns the event of the page being asked for, and what lets the answer go."""
        asked, release = Event(), Event()
        self._held[case, page] = asked, release
        return asked, release.set

    def answer(self, case: str, page: str) -> tuple[int, str, str]:
        """Returns the status, the Location and the body."""
        with self._lock:
            self._asked[case, page] += 1
            first = self._asked[case, page] == 1
            held = self._held.pop((case, page), None)
        if held is not None:
            held[0].set()
            held[1].wait(60)
        if page == "old":
            return 302, "new", ""
        if page not in LINKS:
            return 404, "", "<title>404</title>"
        links = "".join(f"<a href={link}>{link}</a>" for link in LINKS[page])
        return 500 if page == "flaky" and first else 200, "", f"<title>{page}</title>{links}"

    def release_all(self) -> None:
        for _, release in self._held.values():
            release.set()


@contextmanager
def small_site() -> Iterator[SmallSite]:
    """Serves it on loopback."""
    site = SmallSite()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            case, _, page = self.path.strip("/").partition("/")
            status, location, body = site.answer(case, page)
            try:
                self.send_response(status)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                if location:
                    self.send_header("Location", location)
                self.end_headers()
                self.wfile.write(body.encode())
            except ConnectionError:
                self.close_connection = True  # the worker was killed

        def log_message(self, *_: object) -> None:
            """Stays silent: the tests ask the site itself."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        site.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield site
        finally:
            site.release_all()
            server.shutdown()
            thread.join()
