"""What becomes of the times that have come: written once, whoever of many processes is first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from scraping_project.schedules.definitions import timing_of
from scraping_project.schedules.due import Come, Stretch, come
from scraping_project.schedules.errors import ScheduleRefused
from scraping_project.schedules.jitter import jitter
from scraping_project.storage.scheduling.due_times import (
    Passed,
    Skipped,
    Start,
    overdue,
    pass_by,
    put_off,
)
from scraping_project.storage.scheduling.firings import OPEN, Reason, active
from scraping_project.storage.scheduling.process import Process
from scraping_project.storage.scheduling.schedules import Schedule

#: Schedules that one look takes.
AT_ONCE = 100
#: Seconds until a schedule that can't be evaluated is looked at again.
PUT_OFF = 60.0


@dataclass(slots=True)
class Fired:
    """What one look has done."""

    started: int = 0  # due times that start something
    skipped: int = 0
    errors: list[str] = field(default_factory=list)


def fire(process: Process) -> Fired:
    """Looks once for due times, and writes what becomes of them.

    A schedule that can't be evaluated holds up no other.

    Raises:
        StorageError: The database is away.
    """
    fired = Fired()
    now, schedules = overdue(process, AT_ONCE)
    for schedule in schedules:
        try:
            passed = _passed(process, schedule, now)
        except ScheduleRefused as error:
            put_off(process, schedule, str(error), PUT_OFF)
            fired.errors.append(f"{schedule.name}: {error}")
            continue
        if pass_by(process, schedule, passed):
            fired.started += len(passed.starts)
            fired.skipped += sum(stretch.times for stretch in passed.skipped)
    return fired


def _passed(process: Process, schedule: Schedule, now: datetime) -> Passed:
    if schedule.next_due is None:
        raise ValueError(f"schedule {schedule.name} is not due")
    found = come(timing_of(schedule), schedule.next_due, now, schedule.grace_seconds, schedule.late)
    if schedule.is_paused(now):
        return Passed(found.next_due, skipped=_skipped(_all_of(found), "paused"))
    paused, fires = _parted(found.fires, schedule)
    missed = [*_skipped(found.missed, "missed"), *_skipped(_one_of(paused), "paused")]
    if fires and schedule.overlap == "skip" and active(process.engine, schedule.id, OPEN):
        return Passed(found.next_due, skipped=[*missed, *_skipped(_one_of(fires), "overlap")])
    replaces = schedule.overlap == "queue" and schedule.late != "all"
    return Passed(found.next_due, _starts(schedule, fires), missed, replaces=replaces)


def _starts(schedule: Schedule, dues: Sequence[datetime]) -> list[Start]:
    """The starts, each with its jitter."""
    return [
        Start(due, due + timedelta(seconds=jitter(schedule.id, due, schedule.jitter_seconds))) for due in dues
    ]


def _skipped(stretches: Iterable[Stretch], reason: Reason) -> list[Skipped]:
    return [Skipped(first, last, times, reason) for first, last, times in stretches]


def _parted(dues: Sequence[datetime], schedule: Schedule) -> tuple[list[datetime], list[datetime]]:
    """Those that came while it was paused, though the pause is over now, and the others."""
    paused = [due for due in dues if schedule.paused_at and schedule.is_paused(due)]
    return paused, [due for due in dues if due not in paused]


def _one_of(dues: Sequence[datetime]) -> list[Stretch]:
    return [Stretch(dues[0], dues[-1], len(dues))] if dues else []


def _all_of(found: Come) -> list[Stretch]:
    """All times that have come as one stretch, whether they would have fired or were missed."""
    firsts = [*found.fires[:1], *(stretch.first for stretch in found.missed)]
    lasts = [*found.fires[-1:], *(stretch.last for stretch in found.missed)]
    times = len(found.fires) + sum(stretch.times for stretch in found.missed)
    return [Stretch(min(firsts), max(lasts), times)] if times else []
