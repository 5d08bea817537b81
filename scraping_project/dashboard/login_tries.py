"""How often somebody may say a wrong password: rationed by address, and slowed down by name."""

import time
from collections.abc import Callable
from math import ceil

from scraping_project.http.failed_logins import FailedLogins

#: Seconds that a wrong password costs at the most: its address, and whoever tries the same name.
MOST_SECONDS, MOST_SECONDS_BY_NAME = 60.0, 2.0


class TooManyTriesError(Exception):
    """A login that is not looked at, whatever it is."""

    def __init__(self, seconds: float) -> None:
        self.seconds = max(ceil(seconds), 1)
        super().__init__(f"too many wrong passwords from your address: wait {self.seconds} s")


class LoginTries:
    """Counts wrong passwords by address and by name.

    A name is slowed down and never locked: else a stranger could keep out its owner.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._addresses = FailedLogins(MOST_SECONDS)
        self._names = FailedLogins(MOST_SECONDS_BY_NAME)

    def check(self, address: str) -> None:
        """Lets an address try.

        Raises:
            TooManyTriesError: It has been wrong too often.
        """
        if left := self._addresses.left(address, self._now()):
            raise TooManyTriesError(left)

    def slowness(self, name: str) -> float:
        """Seconds that the answer to a try with this name waits."""
        return self._names.cost(name, self._now())

    def note(self, address: str, name: str) -> None:
        """Takes note of a wrong password."""
        self._addresses.note(address, self._now())
        self._names.note(name, self._now())
