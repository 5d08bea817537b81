"""Schedules, as they are read and changed by scripts."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response
from litestar.exceptions import NotFoundException, ServiceUnavailableException
from litestar.params import FromQuery, JSONBody, PathParameter

from scraping_project.dashboard import scheduling
from scraping_project.dashboard.api.answers import Answer, answer, bad_input_is_400, read, reads
from scraping_project.dashboard.api.changes import Done, changes
from scraping_project.dashboard.reading import shared
from scraping_project.dashboard.rendering import Asked
from scraping_project.schedules.shown import ScheduleDetail, Schedules, read_schedule, read_schedules
from scraping_project.storage.errors import StorageError
from scraping_project.storage.scheduling.schedules import AskedSchedule, Late, Overlap

Name = Annotated[str, PathParameter(max_length=64)]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=86_400)]


@dataclass(frozen=True, slots=True)
class ScheduleRequest:
    """A schedule that is wanted; docs/schedules.md says what a target may be."""

    name: str
    timing: str  # a cron expression, or an interval such as 15m
    target: dict[str, Any]
    timezone: str = "UTC"
    jitter_seconds: Seconds = 0
    grace_seconds: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 3_600
    late: Late = "once"
    overlap: Overlap = "skip"
    pause_after: Annotated[int, msgspec.Meta(ge=1, le=1_000)] | None = None


@dataclass(frozen=True, slots=True)
class PauseRequest:
    """How long a schedule is to be paused, and why; without a length, until somebody resumes it."""

    seconds: Annotated[int, msgspec.Meta(ge=1, le=366 * 86_400)] | None = None
    note: Annotated[str, msgspec.Meta(max_length=200)] | None = None


@dataclass(frozen=True, slots=True)
class SwitchRequest:
    """What is to be done."""

    word: Literal["enable", "disable", "resume", "run-now", "remove"]


@dataclass(frozen=True, slots=True)
class Kept:
    """The schedule that is kept now."""

    name: str


@reads("/schedules", "All schedules")
def all_of_them(request: Asked) -> Response[Answer[Schedules]]:
    return read(request, read_schedules)


@reads("/schedules/{name:str}", "One schedule, what it did, and when it fires")
def one(request: Asked, name: Name, cursor: FromQuery[str | None] = None) -> Response[Answer[ScheduleDetail]]:
    try:
        with bad_input_is_400():
            found = shared(request, read_schedule, name, cursor)
    except StorageError as error:
        raise ServiceUnavailableException(str(error)) from error
    if found is None:
        raise NotFoundException(f"there is no schedule {name!r}")
    return answer(request, found)


@changes("/schedules", "Keep a new schedule")
def add(request: Asked, data: JSONBody[ScheduleRequest]) -> Response[Answer[Kept]]:
    return _keep(request, data, None)


@changes("/schedules/{name:str}", "Change a schedule; its times count from now on")
def edit(request: Asked, name: Name, data: JSONBody[ScheduleRequest]) -> Response[Answer[Kept]]:
    return _keep(request, data, name)


@changes("/schedules/{name:str}/pause", "Let its times pass, each noted as skipped")
def pause(request: Asked, name: Name, data: JSONBody[PauseRequest]) -> Response[Answer[Done]]:
    length = None if data.seconds is None else timedelta(seconds=data.seconds)
    scheduling.pause(request, name, length, data.note)
    return answer(request, Done(1))


@changes("/schedules/{name:str}/switch", "Enable, disable, resume, fire or remove a schedule")
def switch(request: Asked, name: Name, data: JSONBody[SwitchRequest]) -> Response[Answer[Done]]:
    scheduling.switch(request, name, data.word)
    return answer(request, Done(1))


def _keep(request: Asked, data: ScheduleRequest, name: str | None) -> Response[Answer[Kept]]:
    scheduling.keep(request, lambda now, _: AskedSchedule(anchor=now, **asdict(data)), name)
    return answer(request, Kept(data.name))


HANDLERS = [all_of_them, one, add, edit, pause, switch]
