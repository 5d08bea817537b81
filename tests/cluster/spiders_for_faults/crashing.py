"""The links spider in a process that dies at one of its effects on Redis or the database.

CRASH_AT is the number of the effect, from 1; 0 for none. CRASH_WHEN is ``before`` or ``after`` (the process
ends there), or ``reply``: the effect takes place and its answer is lost. Every effect is a line of EFFECTS.
"""

import os
from pathlib import Path
from typing import Any, NoReturn

from scraping_project.frontier.errors import FrontierUnavailable
from scraping_project.frontier.frontier import Frontier
from scraping_project.storage.errors import DatabaseUnavailable
from scraping_project.storage.writer import Writer
from spiders.links import LinksSpider

CRASH_AT = int(os.environ["CRASH_AT"])
CRASH_WHEN = os.environ["CRASH_WHEN"]
EFFECTS = Path(os.environ["EFFECTS"])
LIKE_SIGKILL = 137

_effects: list[str] = []


def crash() -> NoReturn:
    os._exit(LIKE_SIGKILL)


def counted(owner: type, name: str, lost: type[Exception]) -> None:
    """Makes a method an effect."""
    effect = getattr(owner, name)

    def run(*arguments: Any, **named: Any) -> Any:
        _effects.append(name)
        EFFECTS.write_text("\n".join(_effects))
        chosen = len(_effects) == CRASH_AT
        if chosen and CRASH_WHEN == "before":
            crash()
        answer = effect(*arguments, **named)
        if chosen and CRASH_WHEN == "after":
            crash()
        if chosen and CRASH_WHEN == "reply":
            raise lost("the answer is lost")
        return answer

    setattr(owner, name, run)


for method in ("join", "checkpoint", "leave"):
    counted(Frontier, method, FrontierUnavailable)
counted(Writer, "_write_once", DatabaseUnavailable)


class CrashingSpider(LinksSpider):
    name = "links"
