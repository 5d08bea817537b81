"""Scrapyd nodes over HTTP: how busy they are, their runs, start, cancel, logs."""

import time
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, Self, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec
import urllib3
from scrapy.settings import BaseSettings

#: Seconds that a node gets to answer; before a version's first run it lists the spiders.
PATIENCE = urllib3.Timeout(connect=5, read=30)
#: The most that an answer may take, in bytes and in seconds from first byte to last; logs may take more.
MOST_BYTES, MOST_SECONDS = 4 * 1024 * 1024, 30.0
#: Bytes that are read at a time.
CHUNK = 65_536
NOT_FOUND, NOTHING_NEW = 404, 416
#: The nodes to ask about a run, in this order: the one that crawls, then one where it waits.
STATES = ("running", "pending", "finished")


class NodeError(Exception):
    """A node refused or gave no answer; the message is one line and holds no password."""


class _Answer(msgspec.Struct, kw_only=True):
    status: str
    message: Any = None


Answer = TypeVar("Answer", bound="_Answer")


class _Load(_Answer, kw_only=True):
    running: int
    pending: int
    max_proc: int = 0  # stock Scrapyd does not tell: the least busy comes first


class Known(_Answer, kw_only=True):
    """A run, as a node knows it."""

    currstate: Literal["pending", "running", "finished"] | None
    node_name: str = ""  # by default its host's


class Node:
    """One Scrapyd. It follows no redirect, so that its password goes nowhere else."""

    def __init__(self, url: str, username: str = "", password: str = "") -> None:
        if not _is_node(url):
            raise NodeError(f"{_shown(url)} is no node: write http://host:6800, without a user or a password")
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Basic {_basic(username, password)}"} if username else {}
        self._pool = urllib3.PoolManager(timeout=PATIENCE, retries=False)

    def free_places(self) -> int:
        """The number of further runs that would begin at once; below 0 when some wait."""
        load = self._get("daemonstatus.json", _Load)
        return load.max_proc - load.running - load.pending

    def schedule(
        self,
        run_id: str,
        *,
        project: str,
        spider: str,
        arguments: Mapping[str, str],
        settings: Mapping[str, str],
        version: str | None = None,
    ) -> None:
        """Asks for a run of the version deployed last, or of another; no run is begun twice."""
        fields = [("project", project), ("spider", spider), ("jobid", run_id), *arguments.items()]
        fields += [("_version", version)] if version else []
        fields += [("setting", f"{name}={value}") for name, value in settings.items()]
        self._post("schedule.json", fields)

    def known(self, run_id: str) -> Known:
        """The state of the run on this node."""
        return self._get(f"status.json?job={quote(run_id, safe='')}", Known)

    def cancel(self, run_id: str, *, project: str, hard: bool = False) -> None:
        """Asks a run to end, or kills it; nothing happens when the node does not have it."""
        signal = [("signal", "KILL")] if hard else []
        self._post("cancel.json", [("project", project), ("job", run_id), *signal])

    def log(self, run_id: str, *, project: str, spider: str, start: int = 0) -> Iterator[tuple[bytes, int]]:
        """The run's log from a byte on, in pieces, each with the byte after it; nothing when there is none.

        A log that has become shorter, as a long one does, begins at its first byte again.
        A negative start is so many bytes before its end.
        """
        names = "/".join(quote(name, safe="") for name in (project, spider, run_id))
        with self._translated():
            response = self._pool.request(
                "GET",
                f"{self.url}/logs/{names}.log",
                headers=self._headers | {"Range": f"bytes={start}" + ("-" if start >= 0 else "")},
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
                if start < 0:  # the answer says where it begins: at the first byte, when it is all of it
                    begin = response.headers.get("Content-Range", "bytes 0-").removeprefix("bytes ")
                    start = int(begin.partition("-")[0])
                for chunk in response.stream(CHUNK):
                    start += len(chunk)
                    yield chunk, start
            finally:
                response.close()

    def _get(self, page: str, kind: type[Answer]) -> Answer:
        return self._ask("GET", page, self._headers, None, kind)

    def _post(self, page: str, fields: Sequence[tuple[str, str]]) -> None:
        headers = self._headers | {"Content-Type": "application/x-www-form-urlencoded"}
        self._ask("POST", page, headers, urlencode(fields), _Answer)

    def _ask(
        self, method: str, page: str, headers: Mapping[str, str], body: str | None, kind: type[Answer]
    ) -> Answer:
        with self._translated():
            response = self._pool.request(
                method,
                f"{self.url}/{page}",
                body=body,
                headers=headers,
                redirect=False,
                preload_content=False,
            )
            try:
                read = self._read(response)
            finally:
                response.close()
        return self._decoded(response.status, read, kind)

    def _read(self, response: urllib3.BaseHTTPResponse) -> bytes:
        """The whole answer, unless it is too large or dawdles."""
        read, since = b"", time.monotonic()
        while chunk := response.read1(CHUNK, decode_content=False):
            read += chunk
            if len(read) > MOST_BYTES or time.monotonic() - since > MOST_SECONDS:
                raise NodeError(f"{self.url} answers without an end")
        return read

    def _decoded(self, status: int, read: bytes, kind: type[Answer]) -> Answer:
        try:
            answer = msgspec.json.decode(read, type=_Answer)
            if answer.status == "ok":
                return msgspec.json.decode(read, type=kind)
        except msgspec.DecodeError:
            self._check_status(status)
            raise NodeError(f"{self.url} does not answer as Scrapyd does") from None
        raise NodeError(f"{self.url}: {' '.join(str(answer.message).split())}")

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


NO_NODE = "no node is named: set SCRAPYD_URLS to http://host:6800[,http://host:6800]"


class Nodes(tuple[Node, ...]):
    """The nodes that commands may talk to; no other server gets the password."""

    __slots__ = ()

    @classmethod
    def of(cls, settings: BaseSettings, urls: str | None = None) -> Self:
        """Those of SCRAPYD_URLS, which may name none, or of other URLs, separated by commas.

        Raises:
            NodeError: One of them is no URL of a node, or none is named.
        """
        login = settings["SCRAPYD_USERNAME"] or "", settings["SCRAPYD_PASSWORD"] or ""
        given = (urls if urls is not None else settings["SCRAPYD_URLS"]) or ""
        nodes = {
            node.url: node for url in given.split(",") if url.strip() for node in [Node(url.strip(), *login)]
        }
        if not nodes and given:
            raise NodeError(NO_NODE)
        return cls(nodes.values())

    def with_run(
        self, run_id: str, *, node: str | None, host: str
    ) -> tuple[tuple[Node, str] | None, list[NodeError]]:
        """The node to ask about a run, the run's state there, and the nodes that did not answer.

        Several may know a run that was posted to several. The one that crawls comes first; of those
        where it has ended, the one on the host that crawled.
        """
        known: list[tuple[tuple[int, bool, bool], Node, str]] = []
        silent: list[NodeError] = []
        for other in sorted(self, key=lambda other: other.url != node):
            try:
                found = other.known(run_id)
            except NodeError as error:
                silent.append(error)
                continue
            if found.currstate == "running":
                return (other, found.currstate), silent
            if found.currstate is not None:
                order = (STATES.index(found.currstate), found.node_name != host, other.url != node)
                known.append((order, other, found.currstate))
        best = min(known, key=lambda entry: entry[0], default=None)
        return (best[1:] if best else None), silent


def _is_node(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port_is_one = parts.port is None or parts.port > 0
    except ValueError:
        return False
    plain = (
        "@" not in parts.netloc
        and not parts.query
        and not parts.fragment
        and url.isprintable()
        and " " not in url
    )
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port_is_one and plain


def _basic(username: str, password: str) -> str:
    # Scrapyd compares UTF-8; urllib3's own helper knows Latin-1 alone.
    return b64encode(f"{username}:{password}".encode()).decode()


def _shown(url: str) -> str:
    """A URL for a message; one that may hold a password is not shown."""
    return repr(url[:200]) if "@" not in url else "that URL"
