"""Refuses bodies larger than a page needs: Scrapyd would hold them in memory before it checks the login."""

from functools import partial
from typing import Any

from twisted.web.server import Request

from deploy.scrapyd.login_throttle import LoginThrottle, TooManyTriesError
from deploy.scrapyd.throttled_root import login_try_of

#: Bytes of an egg, and of any other body.
MAX_EGG, MAX_FORM = 64 * 1024 * 1024, 1024 * 1024
END = b"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
TOO_LARGE = b"HTTP/1.1 413 Request Entity Too Large" + END
TOO_MANY = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: %d" + END
#: A body too large for a stranger may be right for a user with the login.
WHO_ASKS = b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="Scrapyd"' + END


class LimitedRequest(Request):
    """Ends a connection whose body is too large, as announced or as received."""

    channel: Any
    _received = 0
    _limit = MAX_FORM
    _refused = False
    _refusal = TOO_LARGE

    def __init__(self, *arguments: Any, door: LoginThrottle | None) -> None:
        super().__init__(*arguments)  # type: ignore[no-untyped-call]  # Twisted types its methods in part
        self._door = door

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's name
        # Twisted tells a request its path only after the whole body, which is too late.
        path: bytes = self.channel._path  # noqa: SLF001  see above
        is_egg = path.partition(b"?")[0].endswith(b"/addversion.json")
        if is_egg and (length is None or length > MAX_FORM) and self._may_deploy():
            self._limit = MAX_EGG
        if length is not None and length > self._limit:
            self._refuse()
            length = None
        super().gotLength(length)  # type: ignore[no-untyped-call]  # the same

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 - the same
        self._received += len(data)
        if self._received > self._limit:
            self._refuse()
        if not self._refused:
            super().handleContentChunk(data)  # type: ignore[no-untyped-call]  # the same

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802 - the same
        if not self._refused:
            super().requestReceived(command, path, version)  # type: ignore[no-untyped-call]  # the same

    def _may_deploy(self) -> bool:
        """Tells whether the sender's egg is worth holding; Scrapyd itself checks the login later."""
        if self._door is None:
            return True
        tried = login_try_of(self.channel.getPeer(), self.getHeader(b"authorization"))
        try:
            if tried is not None and self._door.judge_now(tried):
                return True
            self._refusal = WHO_ASKS
        except TooManyTriesError as error:
            self._refusal = TOO_MANY % error.seconds
        return False

    def _refuse(self) -> None:
        if not self._refused:
            self._refused = True
            self.channel.transport.write(self._refusal)
            self.channel.loseConnection()


def limit(site: Any, door: LoginThrottle | None) -> None:
    """Makes a site refuse bodies that are too large; with a login, also eggs of senders without it."""
    site.requestFactory = partial(LimitedRequest, door=door)
