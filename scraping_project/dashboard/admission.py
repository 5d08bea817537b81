"""Who a request comes from, and whether its handler lets them in."""

import asyncio
import base64
import binascii
import hashlib
from asyncio import Lock
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

from litestar.concurrency import sync_to_thread
from litestar.connection import Request
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException, TooManyRequestsException
from litestar.handlers import BaseRouteHandler

from scraping_project.dashboard.accounts import ANYBODY, Accounts, Identity
from scraping_project.dashboard.login_tries import LoginTries, TooManyTriesError
from scraping_project.dashboard.sessions import COOKIE, Session, Sessions
from scraping_project.http.gate import SAFE_METHODS

#: What stands before every address of the API.
API = "/api/"
#: The session of whoever asks where no login is wanted.
_NOBODYS = Session(ANYBODY, "")

Connection = Request[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Door:
    """What admission needs: the application's state holds one."""

    accounts: Accounts
    sessions: Sessions
    tries: LoginTries
    turns: WeakValueDictionary[str, Lock] = field(default_factory=WeakValueDictionary)

    async def log_in(self, address: str, name: str, password: str) -> Identity | None:
        """Returns whose login this is, after the wait that wrong ones cost.

        Raises:
            TooManyRequestsException: The address has been wrong too often.
        """
        # A name may be as long as a form.
        key = hashlib.sha256(name.encode(errors="replace")).hexdigest()
        # One after the other, or many tries at once would all come before the first was found to be wrong.
        async with self.turns.setdefault(address, Lock()):
            try:
                self.tries.check(address)
            except TooManyTriesError as error:
                waits = {"Retry-After": str(error.seconds)}
                raise TooManyRequestsException(str(error), headers=waits) from None
            await asyncio.sleep(self.tries.slowness(key))
            found = await sync_to_thread(self.accounts.logged_in, name, password)
            if found is None:
                self.tries.note(address, key)
        return found


def door_of(connection: Connection) -> Door:
    door: Door = connection.app.state.door
    return door


async def admit(connection: Any, handler: BaseRouteHandler) -> None:
    """Lets a request in, or raises; a guard of every handler, but those that say ``public=True``.

    A cookie counts for pages alone, and a token or a password for the API alone: so no page of others can
    make a browser change anything through the API.
    """
    if handler.opt.get("public"):
        return
    door = door_of(connection)
    if not door.accounts.wanted:
        session: Session | None = _NOBODYS
    elif connection.url.path.startswith(API) or handler.opt.get("machines"):
        identity = await _by_header(door, connection)
        session = Session(identity, "") if identity else None
        if session is None and handler.opt.get("machines"):
            session = door.sessions.read(connection.cookies.get(COOKIE, ""))
    else:
        session = door.sessions.read(connection.cookies.get(COOKIE, ""))
    if session is None:
        raise NotAuthorizedException("log in first")
    connection.scope["state"]["session"] = session
    changes = connection.scope["method"] not in SAFE_METHODS and not handler.opt.get("for_viewers")
    if (changes or handler.opt.get("for_operators")) and not session.identity.may_change:
        raise PermissionDeniedException(f"{session.identity.name} may look, and change nothing")


def session_of(connection: Connection) -> Session:
    """Returns who was admitted."""
    session: Session = connection.scope["state"]["session"]
    return session


def address_of(connection: Connection) -> str:
    return connection.client.host if connection.client else ""


async def _by_header(door: Door, connection: Connection) -> Identity | None:
    kind, _, word = connection.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return door.accounts.by_token(word.strip())
    if kind.lower() != "basic":
        return None
    try:
        name, _, password = base64.b64decode(word, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return await door.log_in(address_of(connection), name, password)
