"""Sites on several addresses of loopback, and what their own records say of how politely they were asked."""

import asyncio
import math
import random
import signal
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from subprocess import Popen
from threading import Thread

from testing.servers import LOOPBACK, free_port

HOSTS = tuple(f"127.0.0.{number}" for number in range(11, 16))
#: socket(7) of Linux: with what is read comes when it arrived. However late a busy machine lets the site read
#: it, a gap between two requests is the one that was kept.
SO_TIMESTAMPNS = 35
TIMESPEC = struct.Struct("=qq")  # s, ns
#: By how much a request may come too early at a site, in seconds: the way there is not always as long.
SLACK = 0.05


def write_pages(root: Path, pages: int, robots: str = "") -> Path:
    """Writes an index that links to so many pages, and a robots.txt."""
    root.mkdir(parents=True, exist_ok=True)
    links = "".join(f"<a href={number}.html>{number}</a>" for number in range(pages))
    (root / "index.html").write_text(f"<title>index</title>{links}")
    for number in range(pages):
        (root / f"{number}.html").write_text(f"<title>{number}</title>")
    (root / "robots.txt").write_text(robots or "User-agent: *\nDisallow: /private\n")
    return root


def gaps(began: Iterable[float]) -> list[float]:
    return [after - before for before, after in pairwise(sorted(began))]


def short(began: Iterable[float], delay: float) -> list[float]:
    """The gaps that are too short."""
    return [gap for gap in gaps(began) if gap < delay - SLACK]


def excess(began: Iterable[float], delay: float) -> float:
    """By how many requests the worst window has more than (T + SLACK) / delay + 1 of them, T its seconds."""
    most, highest = -math.inf, -math.inf
    for number, at in enumerate(sorted(began)):
        lag = at - number * delay
        most = max(most, highest - lag)
        highest = max(highest, lag)
    return max((most - SLACK) / delay, 0.0)


def busiest(visits: Iterable["Visit"]) -> int:
    """How many of them the site had in hand at once."""
    changes = [(visit.began, 1) for visit in visits] + [(visit.ended, -1) for visit in visits]
    now = most = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most


def stop_and_kill(
    workers: list[Popen[str]], start: Callable[[], Popen[str]], until: float
) -> tuple[int, int]:
    """Kills a worker and starts another, stops one for a while, and so on until then; how often each."""
    kills = stops = 0
    while time.monotonic() < until:
        time.sleep(0.5)
        victim = random.randrange(len(workers))
        workers[victim].kill()
        workers[victim].communicate()
        workers[victim] = start()
        kills += 1
        time.sleep(0.5)
        victim = random.randrange(len(workers))
        workers[victim].send_signal(signal.SIGSTOP)
        time.sleep(random.choice((0.3, 2.0, 5.5)))
        workers[victim].send_signal(signal.SIGCONT)
        stops += 1
    return kills, stops


@dataclass(slots=True, eq=False)
class Visit:
    """One request, as the site saw it."""

    host: str
    path: str
    agent: str
    began: float  # when its first line was there, seconds since the epoch
    ended: float = math.inf  # before its answer was sent


@dataclass(frozen=True, slots=True)
class Answer:
    """What a site says; status 0 closes the connection without a word."""

    body: str = ""
    status: int = 200
    headers: tuple[str, ...] = ()
    after: float = 0.0  # seconds


Answering = Callable[[Visit], Answer | Awaitable[Answer]]


class Site:
    """Answers as it is told, on one port of several hosts, and remembers every visit."""

    def __init__(self, answering: Answering, hosts: Sequence[str]) -> None:
        self.hosts = hosts
        self.port = free_port(hosts[0])
        self.visits: list[Visit] = []
        self._answering = answering

    def url(self, path: str = "/", host: str | None = None) -> str:
        return f"http://{host or self.hosts[0]}:{self.port}{path}"

    def of(self, host: str | None = None, path: str | None = None) -> list[Visit]:
        """The visits of a host or a path, or both, as they came."""
        return [
            visit
            for visit in list(self.visits)
            if (host is None or visit.host == host) and (path is None or visit.path == path)
        ]

    def paths(self) -> list[str]:
        return [visit.path for visit in list(self.visits)]

    def pages(self) -> list[Visit]:
        return [visit for visit in list(self.visits) if visit.path != "/robots.txt"]

    async def accept(self, listener: socket.socket) -> None:
        """Answers all connections to one host, until it is cancelled."""
        loop = asyncio.get_running_loop()
        with listener:
            async with asyncio.TaskGroup() as connections:
                while True:
                    link, _ = await loop.sock_accept(listener)
                    connections.create_task(self._serve(link))

    async def _serve(self, link: socket.socket) -> None:
        """Answers the requests of one connection."""
        with link, suppress(ConnectionError):
            while head := await _read_head(link):
                if not await self._serve_one(link, *head):
                    return

    async def _serve_one(self, link: socket.socket, head: str, arrived: float) -> bool:
        visit = Visit(link.getsockname()[0], head.split()[1], _header(head, "User-Agent"), arrived)
        self.visits.append(visit)
        answer = await self._answer(visit)
        visit.ended = time.time()
        if answer.status:
            await asyncio.get_running_loop().sock_sendall(link, _written(answer))
        return bool(answer.status)

    async def _answer(self, visit: Visit) -> Answer:
        answer = self._answering(visit)
        if not isinstance(answer, Answer):
            answer = await answer
        await asyncio.sleep(answer.after)
        return answer


async def _read_head(link: socket.socket) -> tuple[str, float] | None:
    """Reads a request, and when the last of it arrived; None when there is no other."""
    read, arrived = b"", 0.0
    while not read.endswith(b"\r\n\r\n"):  # a client waits for its answer before it asks again
        try:
            chunk, stamps, _, _ = link.recvmsg(65_536, socket.CMSG_SPACE(TIMESPEC.size))
        except BlockingIOError:
            await _readable(link)
            continue
        if not chunk:
            return None
        ((_, _, stamp),) = stamps
        seconds, nanoseconds = TIMESPEC.unpack(stamp)
        read, arrived = read + chunk, seconds + nanoseconds / 1e9
    return read.decode(), arrived


async def _readable(link: socket.socket) -> None:
    loop, there = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(link, there.set)
    try:
        await there.wait()
    finally:
        loop.remove_reader(link)


def _header(head: str, name: str) -> str:
    lines = [line.partition(": ") for line in head.split("\r\n")]
    return next((value for key, _, value in lines if key == name), "")


def _written(answer: Answer) -> bytes:
    body = answer.body.encode()
    headers = (f"Content-Length: {len(body)}", "Content-Type: text/html", *answer.headers)
    return "\r\n".join((f"HTTP/1.1 {answer.status} So", *headers, "", "")).encode() + body


@contextmanager
def site(answering: Answering, hosts: Sequence[str] = (LOOPBACK,)) -> Iterator[Site]:
    """Serves until the block ends; what went wrong in the answering is raised then."""
    served, loop = Site(answering, hosts), asyncio.new_event_loop()
    tasks = [loop.create_task(served.accept(_listener(host, served.port))) for host in hosts]
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield served
    finally:
        try:
            asyncio.run_coroutine_threadsafe(_end(tasks), loop).result()
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


def _listener(host: str, port: int) -> socket.socket:
    listener = socket.create_server((host, port), backlog=4096)
    listener.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)  # of its connections, too
    listener.setblocking(False)
    return listener


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    # It lasts long enough to close connections.
    await asyncio.get_running_loop().shutdown_default_executor()
    for error in ended:
        if not isinstance(error, asyncio.CancelledError | None):
            raise error


def links(*paths: str) -> Answer:
    """A page with links."""
    return Answer("<title>links</title>" + "".join(f"<a href={path}>to</a>" for path in paths))


def numbered(pages: int, robots: str = "") -> Answering:
    """Answers as a site of ``write_pages`` whose index is at the root."""
    index = links(*(f"/{number}" for number in range(pages)))

    def answer(visit: Visit) -> Answer:
        if visit.path == "/robots.txt":
            return Answer(robots, status=200 if robots else 404)
        return index if visit.path == "/" else Answer()

    return answer
