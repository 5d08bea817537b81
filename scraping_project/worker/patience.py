"""What a start does when a server gives no answer: it repeats the step, for a few seconds."""

import time
from collections.abc import Callable
from typing import TypeVar

from scraping_project.frontier.errors import FrontierUnavailable
from scraping_project.storage.errors import DatabaseAway, Deadlocked

#: Seconds within which a step is begun again; what takes longer by itself is not.
PATIENCE = 5.0
#: Seconds between two tries.
PAUSE = 0.1

_AWAY = (DatabaseAway, Deadlocked, FrontierUnavailable)

Answer = TypeVar("Answer")


def patiently(step: Callable[..., Answer], *arguments: object) -> Answer:
    """Do a step that takes effect once however often it is done, until its answer comes. Blocks.

    Raises:
        DatabaseUnavailable: For so long the database gave no answer; or it refuses, at once.
        FrontierUnavailable: For so long Redis gave no answer.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return step(*arguments)
        except _AWAY:
            if time.monotonic() > deadline:
                raise
        # No event tells that a server elsewhere answers again.
        time.sleep(PAUSE)
