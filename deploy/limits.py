"""No body larger than its page needs: Scrapyd would hold all of it in memory before it asks who sends it."""

from typing import Any

from twisted.web.server import Request

#: Bytes of an egg, and of anything else.
MAX_EGG, MAX_FORM = 64 * 1024 * 1024, 1024 * 1024
TOO_LARGE = b"HTTP/1.1 413 Request Entity Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class LimitedRequest(Request):
    """Ends a connection whose body is too large, by its announcement or, without one, by its length."""

    channel: Any
    _received = 0
    _limit = MAX_FORM
    _refused = False

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's name
        # Twisted tells the request its path only when all of the body is there, which is too late.
        path: bytes = self.channel._path  # noqa: SLF001  see above
        if path.partition(b"?")[0].endswith(b"/addversion.json"):
            self._limit = MAX_EGG
        if length is not None and length > self._limit:
            self._refuse()
            length = None
        super().gotLength(length)  # type: ignore[no-untyped-call]  # Twisted types its methods in part

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 - the same
        self._received += len(data)
        if self._received > self._limit:
            self._refuse()
        if not self._refused:
            super().handleContentChunk(data)  # type: ignore[no-untyped-call]  # the same

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802 - the same
        if not self._refused:
            super().requestReceived(command, path, version)  # type: ignore[no-untyped-call]  # the same

    def _refuse(self) -> None:
        if not self._refused:
            self._refused = True
            self.channel.transport.write(TOO_LARGE)
            self.channel.loseConnection()


def limit(site: Any) -> None:
    """Has a site refuse bodies that are too large."""
    site.requestFactory = LimitedRequest
