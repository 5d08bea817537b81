"""The database or Redis is away: logged once when that begins, and once when it ends."""

import logging

from scraping_project.frontier.errors import FrontierRefused
from scraping_project.storage.errors import StorageError

logger = logging.getLogger(__name__)

_STORAGE, _REDIS, _REFUSED = "Nothing can be stored", "Redis does not answer", "Redis refuses a step"
_BACK = {
    _STORAGE: "The database takes rows again",
    _REDIS: "Redis answers again",
    _REFUSED: "Redis is sent what it refused, or less of it, again",
}


class Outage:
    """True while something is away."""

    def __init__(self) -> None:
        self._what: str | None = None

    def __bool__(self) -> bool:
        return self._what is not None

    def begins(self, error: Exception) -> None:
        what = _what(error)
        if self._what != what:
            logger.warning("%s (%s): the crawl waits", what, error)
        self._what = what

    def ends(self) -> None:
        if self._what is not None:
            logger.warning("%s: the crawl goes on", _BACK[self._what])
        self._what = None


def _what(error: Exception) -> str:
    if isinstance(error, FrontierRefused):
        return _REFUSED
    return _STORAGE if isinstance(error, StorageError) else _REDIS
