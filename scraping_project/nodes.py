"""Scrapyd nodes, spoken to over HTTP: how busy, what is on them, start, cancel, logs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit

import msgspec
import urllib3
from scrapy.settings import BaseSettings

#: Seconds that a node gets to answer; to start a version's first run it lists the spiders before.
PATIENCE = urllib3.Timeout(connect=5, read=30)
#: How much of a log is read at a time.
CHUNK = 65_536
NOT_FOUND, NOTHING_NEW = 404, 416


class NodeError(Exception):
    """A node did not do what it was asked; the message is one line and holds no password."""


class Node:
    """One Scrapyd. It follows no redirect, so that its password goes nowhere else."""

    def __init__(self, url: str, username: str = "", password: str = "") -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise NodeError(f"{_shown(url)} is no node: write http://host:6800, without a user or a password")
        self.url = f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")
        login = f"{username}:{password}" if username else None
        self._headers = urllib3.make_headers(basic_auth=login)
        self._pool = urllib3.PoolManager(timeout=PATIENCE, retries=False)

    def free_places(self) -> int:
        """How many more runs would begin at once; fewer than 0 when some wait."""
        status = self._get("daemonstatus.json")
        # Stock Scrapyd does not say how many it runs at a time: then the least busy comes first.
        return int(status.get("max_proc", 0)) - int(status["running"]) - int(status["pending"])

    def schedule(
        self,
        run_id: str,
        *,
        project: str,
        spider: str,
        arguments: Mapping[str, str],
        settings: Mapping[str, str],
    ) -> None:
        """Asks for a run; one that the node has already is not begun again."""
        fields = [("project", project), ("spider", spider), ("jobid", run_id), *arguments.items()]
        fields += [("setting", f"{name}={value}") for name, value in settings.items()]
        self._post("schedule.json", fields)

    def state(self, run_id: str) -> str | None:
        """Where the run is on this node: pending, running, finished, or None when it does not know it."""
        state: str | None = self._get(f"status.json?job={quote(run_id, safe='')}")["currstate"]
        return state

    def cancel(self, run_id: str, *, project: str, hard: bool = False) -> None:
        """Asks a run to end, or kills it; nothing happens when the node does not have it."""
        signal = [("signal", "KILL")] if hard else []
        self._post("cancel.json", [("project", project), ("job", run_id), *signal])

    def log(self, run_id: str, *, project: str, spider: str, start: int = 0) -> Iterator[tuple[bytes, int]]:
        """The run's log from a byte on, in pieces, each with the byte after it; nothing when there is none.

        It begins at its first byte again when it has become shorter, which a long one does.
        """
        names = "/".join(quote(name, safe="") for name in (project, spider, run_id))
        with self._translated():
            response = self._pool.request(
                "GET",
                f"{self.url}/logs/{names}.log",
                headers=self._headers | {"Range": f"bytes={start}-"},
                redirect=False,
                preload_content=False,
            )
            try:
                if response.status == NOTHING_NEW:
                    size = int(response.headers.get("Content-Range", "*/0").rpartition("/")[2])
                    if size < start:
                        yield from self.log(run_id, project=project, spider=spider)
                    return
                if response.status == NOT_FOUND:
                    return
                self._check_status(response.status)
                for chunk in response.stream(CHUNK):
                    start += len(chunk)
                    yield chunk, start
            finally:
                response.release_conn()

    def _get(self, page: str) -> dict[str, Any]:
        with self._translated():
            response = self._pool.request("GET", f"{self.url}/{page}", headers=self._headers, redirect=False)
        return self._answer(response)

    def _post(self, page: str, fields: Sequence[tuple[str, str]]) -> dict[str, Any]:
        with self._translated():
            response = self._pool.request(
                "POST",
                f"{self.url}/{page}",
                body=urlencode(fields),
                headers=self._headers | {"Content-Type": "application/x-www-form-urlencoded"},
                redirect=False,
            )
        return self._answer(response)

    def _answer(self, response: urllib3.BaseHTTPResponse) -> dict[str, Any]:
        try:
            answer = msgspec.json.decode(response.data, type=dict[str, Any])
        except msgspec.DecodeError:
            self._check_status(response.status)
            raise NodeError(f"{self.url} does not answer as Scrapyd does") from None
        if answer.get("status") != "ok":
            raise NodeError(f"{self.url}: {' '.join(str(answer.get('message')).split())}")
        return answer

    def _check_status(self, status: int) -> None:
        if status == 401:  # noqa: PLR2004  HTTP's own number
            raise NodeError(f"{self.url} wants another login: set SCRAPYD_USERNAME and SCRAPYD_PASSWORD")
        if status >= 300:  # noqa: PLR2004  the same
            raise NodeError(f"{self.url} answers {status}")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except urllib3.exceptions.HTTPError as error:
            raise NodeError(f"{self.url} does not answer ({type(error).__name__})") from error


class Nodes(tuple[Node, ...]):
    """The nodes that commands may talk to: no other ever gets the password."""

    __slots__ = ()

    @classmethod
    def of(cls, settings: BaseSettings, urls: str | None = None) -> Self:
        """Those of SCRAPYD_URLS, or of other URLs, separated by commas.

        Raises:
            NodeError: One of them is no URL of a node, or there is none.
        """
        login = settings["SCRAPYD_USERNAME"] or "", settings["SCRAPYD_PASSWORD"] or ""
        given = (urls if urls is not None else settings["SCRAPYD_URLS"]) or ""
        nodes = {
            node.url: node for url in given.split(",") if url.strip() for node in [Node(url.strip(), *login)]
        }
        if not nodes:
            raise NodeError("no node is named: set SCRAPYD_URLS to http://host:6800[,http://host:6800]")
        return cls(nodes.values())

    def with_run(self, run_id: str, url: str | None) -> tuple[Node | None, list[NodeError]]:
        """The node that knows a run, asking the one it was given to first; and who did not answer."""
        silent: list[NodeError] = []
        for node in sorted(self, key=lambda node: node.url != url):
            try:
                if node.state(run_id) is not None:
                    return node, silent
            except NodeError as error:
                silent.append(error)
        return None, silent


def _shown(url: str) -> str:
    """A URL for a message: it may hold a password, and is then not shown."""
    return repr(url[:200]) if "@" not in url else "that URL"
