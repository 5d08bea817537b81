"""The database or Redis is away: said once when that begins, and once when it ends."""

import logging

from scraping_project.storage.errors import StorageError

logger = logging.getLogger(__name__)

_STORAGE, _REDIS = "Nothing can be stored", "Redis does not answer"
_BACK = {_STORAGE: "The database takes rows again", _REDIS: "Redis answers again"}


class Outage:
    """True while something is away."""

    def __init__(self) -> None:
        self._what: str | None = None

    def __bool__(self) -> bool:
        return self._what is not None

    def begins(self, error: Exception) -> None:
        what = _STORAGE if isinstance(error, StorageError) else _REDIS
        if self._what != what:
            logger.warning("%s (%s): the crawl waits", what, error)
        self._what = what

    def ends(self) -> None:
        if self._what is not None:
            logger.warning("%s: the crawl goes on", _BACK[self._what])
        self._what = None
