"""What may be done to schedules, by a button or by the API, with a row each that says who did it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from litestar.exceptions import ClientException, NotFoundException, ServiceUnavailableException
from sqlalchemy import Engine

from scraping_project.dashboard.admission import session_of
from scraping_project.dashboard.journal import note
from scraping_project.dashboard.reading import stores_of
from scraping_project.dashboard.rendering import Asked
from scraping_project.schedules import changes
from scraping_project.schedules.errors import ScheduleRefused
from scraping_project.storage.errors import StorageError
from scraping_project.storage.scheduling import schedules
from scraping_project.storage.scheduling.process import Process
from scraping_project.storage.scheduling.schedules import (
    AskedSchedule,
    Schedule,
    ScheduleConflict,
)

Result = TypeVar("Result")
Wanted = Callable[[datetime, Schedule | None], AskedSchedule]
#: What may be said of a schedule, and what says it.
SWITCHES: dict[str, Callable[[Process, Schedule], object]] = {
    "enable": changes.enable,
    "disable": changes.disable,
    "resume": changes.resume,
    "remove": changes.remove,
    "run-now": changes.run_now,
}


def switch(request: Asked, name: str, word: str) -> None:
    """Enables, disables, resumes, removes or fires a schedule.

    Raises:
        ClientException: It can't be done; the message says why.
        NotFoundException: There is no such schedule, or no such word.
        ServiceUnavailableException: The database is away.
    """
    if word not in SWITCHES:
        raise NotFoundException(f"nobody can {word[:30]} a schedule")
    _do(request, lambda process: SWITCHES[word](process, _known(process.engine, name)))
    note(request, f"schedule-{word}", {"schedule": name}, 1)


def pause(request: Asked, name: str, length: timedelta | None, reason: str | None) -> None:
    """Pauses a schedule for so long, or until somebody resumes it.

    Raises:
        ClientException: Somebody else has changed it meanwhile, or the end is out of reach.
        NotFoundException: There is no such schedule.
        ServiceUnavailableException: The database is away.
    """

    def work(process: Process) -> None:
        known = _known(process.engine, name)
        until = None if length is None else process.time().replace(microsecond=0) + length
        changes.pause(process, known, until, reason)

    _do(request, work)
    note(request, "schedule-pause", {"schedule": name}, 1)


def keep(request: Asked, wanted: Wanted, name: str | None = None) -> None:
    """Keeps a new schedule, or the one of a name as it is wanted now.

    Args:
        request: Whose.
        wanted: Makes it of this moment, from which intervals count, and of the one that is edited.
        name: Of the one that is edited.

    Raises:
        ClientException: It can't be; the message says why.
        NotFoundException: There is none of this name.
        ServiceUnavailableException: The database is away.
    """

    def work(process: Process) -> str:
        old = None if name is None else _known(process.engine, name)
        asked = wanted(process.time(), old)
        if old is None:
            changes.create(process, asked)
        else:
            is_as_before = asked.timing == old.timing
            changes.change(process, old, replace(asked, anchor=old.anchor) if is_as_before else asked)
        return asked.name

    kept = _do(request, work)
    note(request, "schedule-add" if name is None else "schedule-edit", {"schedule": kept}, 1)


def _do(request: Asked, work: Callable[[Process], Result]) -> Result:
    who = session_of(request).identity.name or "somebody on this machine"
    try:
        return stores_of(request).database.demand(lambda engine: work(Process(engine, who)))
    except (ScheduleRefused, ScheduleConflict) as error:
        raise ClientException(str(error)) from error
    except OverflowError as error:
        raise ClientException("that moment is out of reach: name one of this century") from error
    except StorageError as error:
        raise ServiceUnavailableException(f"Nothing is changed: {error}") from error


def _known(engine: Engine, name: str) -> Schedule:
    found = schedules.read(engine, name)
    if found is None:
        raise NotFoundException(f"there is no schedule {name[:64]!r}: /schedules lists them")
    return found
