"""Scrapyd's web root with its login, behind the throttle of tries."""

import json
from http import HTTPStatus
from typing import Any

from twisted.cred.error import LoginFailed
from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure
from twisted.web.guard import BasicCredentialFactory
from twisted.web.resource import Resource, getChildForRequest
from twisted.web.server import NOT_DONE_YET

from deploy.scrapyd.login_throttle import LoginThrottle, LoginTry, TooManyTriesError, origin


class ThrottledRoot(Resource):
    """Passes a request on when its login was checked; Scrapyd's own guard answers a wrong one.

    A request without a login passes at once: it is asked for one.
    """

    isLeaf = True  # noqa: N815  Twisted's name

    def __init__(self, guarded: Any, door: LoginThrottle) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted types its methods in part
        self._guarded = guarded
        self._door = door

    def render(self, request: Any) -> int:
        tried = login_try_of(request.getClientAddress(), request.getHeader(b"authorization"))
        if tried is None:
            self._pass_on(request)
            return NOT_DONE_YET
        judged = self._door.judge(tried)
        request.notifyFinish().addErrback(lambda _: judged.cancel())
        judged.addCallback(lambda _: self._pass_on(request)).addErrback(self._refuse, request)
        return NOT_DONE_YET

    def _pass_on(self, request: Any) -> None:
        request.render(getChildForRequest(self._guarded, request))  # type: ignore[no-untyped-call]  # the same

    def _refuse(self, failure: Failure, request: Any) -> None:
        error = failure.value
        if isinstance(error, CancelledError):  # the client has gone
            return
        if not isinstance(error, TooManyTriesError):
            request.processingFailed(failure)
            return
        refused = HTTPStatus.TOO_MANY_REQUESTS
        request.setResponseCode(refused, refused.phrase.encode())
        request.setHeader(b"Content-Type", b"application/json")
        request.setHeader(b"Retry-After", str(error.seconds).encode())
        request.write(json.dumps({"status": "error", "message": str(error)}).encode())
        request.finish()


def login_try_of(peer: Any, header: bytes | None) -> LoginTry | None:
    """The login in an Authorization header as Scrapyd's guard reads it; None where the guard finds none."""
    kind, _, word = (header or b"").partition(b" ")
    factory: Any = BasicCredentialFactory(b"")  # type: ignore[no-untyped-call]  # the same
    if kind.lower() != factory.scheme:
        return None
    try:
        tried = factory.decode(word, None)
    except LoginFailed:
        return None
    return LoginTry(origin(peer), tried.username, tried.password)
