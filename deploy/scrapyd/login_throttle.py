"""Checks passwords one after the other, and slowly after wrong ones; nobody else waits for that.

The tries of an address are rationed, for many at once would make up for slow answers. The tries of a name are
only slowed down, and not from an address that has logged in: strangers could keep out the owner.
"""

import hashlib
import ipaddress
from collections import OrderedDict
from dataclasses import dataclass, field
from hmac import compare_digest
from math import ceil
from typing import Any

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.task import deferLater

from scraping_project.http.failed_logins import FailedLogins

#: Seconds that a wrong password costs at the most: its address, and others who try the same name.
MOST_SECONDS, MOST_SECONDS_BY_NAME = 10.0, 2.0
#: The most tries that wait: of one address, and of all.
MOST_WAITING, MOST_WAITING_IN_ALL = 10, 200
#: So many addresses that logged in are remembered.
MOST_KNOWN = 1_000


class TooManyTriesError(Exception):
    """A login that is not checked, right or wrong."""

    def __init__(self, seconds: float) -> None:
        self.seconds = max(ceil(seconds), 1)
        super().__init__(f"too many wrong passwords from your address: wait {self.seconds} s")


@dataclass(frozen=True, slots=True)
class LoginTry:
    """A login that a client sends."""

    address: str
    name: bytes
    password: bytes


@dataclass(slots=True)
class Line:
    """The waiting tries of one address."""

    turn: DeferredLock = field(default_factory=DeferredLock)
    length: int = 0


class LoginThrottle:
    """Judges logins, each in its turn."""

    def __init__(self, login: tuple[str, str], clock: Any) -> None:
        self._name, self._password = (part.encode() for part in login)
        self._clock = clock
        self._addresses = FailedLogins(MOST_SECONDS)
        self._names = FailedLogins(MOST_SECONDS_BY_NAME)
        self._known: OrderedDict[str, None] = OrderedDict()
        self._lines: dict[str, Line] = {}
        self._waiting = 0

    def judge(self, tried: LoginTry) -> "Deferred[bool]":
        """Fires with whether a login is right, when its turn has come.

        It fails with TooManyTriesError when too many wait already. A cancelled one is not checked.
        """
        return Deferred.fromCoroutine(self._judge(tried))

    def judge_now(self, tried: LoginTry) -> bool:
        """Whether a login is right.

        Raises:
            TooManyTriesError: The login would have to wait.
        """
        if self._must_wait(tried):
            raise TooManyTriesError(self._wait(tried))
        return self._look(tried)

    async def _judge(self, tried: LoginTry) -> bool:
        if not self._must_wait(tried):
            return self._look(tried)
        line = self._lines.get(tried.address) or Line()
        if line.length >= MOST_WAITING or self._waiting >= MOST_WAITING_IN_ALL:
            raise TooManyTriesError(self._wait(tried))
        self._lines[tried.address] = line
        line.length += 1
        self._waiting += 1
        try:
            return await self._in_turn(tried, line.turn)
        finally:
            line.length -= 1
            self._waiting -= 1
            if not line.length:
                del self._lines[tried.address]

    async def _in_turn(self, tried: LoginTry, turn: DeferredLock) -> bool:
        await self._sleep(self._slowness(tried))
        await turn.acquire()
        try:
            await self._sleep(self._addresses.left(tried.address, self._now()))
            return self._look(tried)
        finally:
            turn.release()

    def _look(self, tried: LoginTry) -> bool:
        right = compare_digest(tried.name, self._name) & compare_digest(tried.password, self._password)
        if right:
            self._known[tried.address] = None
            self._known.move_to_end(tried.address)
            if len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
        else:
            self._addresses.note(tried.address, self._now())
            self._names.note(_key(tried.name), self._now())
        return right

    def _must_wait(self, tried: LoginTry) -> bool:
        return tried.address in self._lines or self._wait(tried) > 0

    def _wait(self, tried: LoginTry) -> float:
        return max(self._slowness(tried), self._addresses.left(tried.address, self._now()))

    def _slowness(self, tried: LoginTry) -> float:
        return 0.0 if tried.address in self._known else self._names.cost(_key(tried.name), self._now())

    def _now(self) -> float:
        return float(self._clock.seconds())

    def _sleep(self, seconds: float) -> "Deferred[None]":
        return deferLater(self._clock, seconds)


def _key(name: bytes) -> str:
    # A name may be as long as a header.
    return hashlib.sha256(name).hexdigest()


def origin(peer: Any) -> str:
    """One sender: an IPv4 address, or the 64 bits of IPv6 that one customer gets."""
    host: str = getattr(peer, "host", "")  # a unix socket's has none
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    return str(address)
