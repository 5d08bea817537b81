"""What people do with schedules, by a command, a page or the API."""

from dataclasses import dataclass
from datetime import datetime
from itertools import islice, takewhile

from sqlalchemy import Engine

from scraping_project.schedules.definitions import check, first_due, timing_of
from scraping_project.schedules.due import INSTANT
from scraping_project.schedules.errors import ScheduleRefused
from scraping_project.storage.scheduling import schedules as rows
from scraping_project.storage.scheduling.due_times import ask
from scraping_project.storage.scheduling.firings import OPEN, active
from scraping_project.storage.scheduling.process import Process
from scraping_project.storage.scheduling.schedules import AskedSchedule, Schedule

#: No crawl is older.
FIRST_MOMENT = datetime(1990, 1, 1)  # noqa: DTZ001  UTC, as it is stored
#: Times that one backfill takes: they run one after the other.
MOST_BACKFILL = 1_000


@dataclass(frozen=True, slots=True)
class Backfill:
    """What became of the times of a backfill."""

    new: int
    known: int  # that were asked for before


def known(engine: Engine, name: str) -> Schedule:
    """The schedule of a name.

    Raises:
        ScheduleRefused: There is none; the message names those there are.
        StorageError: The database is away.
    """
    if (found := rows.read(engine, name)) is not None:
        return found
    names = ", ".join(each.name for each in islice(rows.read_all(engine), 20))
    raise ScheduleRefused(
        f"there is no schedule {name[:64]!r}: there {f'are {names}' if names else 'is none yet'}"
    )


def create(process: Process, asked: AskedSchedule) -> Schedule:
    """Keeps a new schedule; it fires from now on.

    Raises:
        ScheduleRefused: It can't be; the message says why.
        ScheduleExists: Its name is taken.
        StorageError: The database is away.
    """
    due = first_due(check(asked), process.time())
    return rows.add(process.engine, asked, due, process.who)


def change(process: Process, old: Schedule, asked: AskedSchedule) -> None:
    """Keeps a schedule as it is wanted now; its times count from now on.

    Raises:
        ScheduleRefused: It can't be; the message says why.
        ScheduleChanged: Somebody else has changed it meanwhile.
        ScheduleExists: Its new name is taken.
        StorageError: The database is away.
    """
    due = first_due(check(asked), process.time())
    rows.edit(process.engine, old, asked, due, process.who)


def enable(process: Process, old: Schedule) -> None:
    """Lets it fire from now on; what it has missed meanwhile is not caught up.

    Raises:
        ScheduleRefused: It would never fire.
        ScheduleChanged: Somebody else has changed it meanwhile.
        StorageError: The database is away.
    """
    rows.enable(process.engine, old, first_due(timing_of(old), process.time()), process.who)


def disable(process: Process, old: Schedule) -> None:
    """Lets it fire no more; it keeps its history.

    Raises:
        ScheduleChanged: Somebody else has changed it meanwhile.
        StorageError: The database is away.
    """
    rows.disable(process.engine, old, process.who)


def pause(process: Process, old: Schedule, until: datetime | None, note: str | None) -> None:
    """Lets its times pass until a moment, or until somebody resumes it; each is noted.

    Raises:
        ScheduleRefused: The moment has passed.
        ScheduleChanged: Somebody else has changed it meanwhile.
        StorageError: The database is away.
    """
    if until is not None and until <= process.time():
        raise ScheduleRefused(f"{until} UTC has passed: a pause ends later, or by scrapy schedule resume")
    rows.pause(process.engine, old, until, note, process.who)


def resume(process: Process, old: Schedule) -> None:
    """Ends a pause.

    Raises:
        ScheduleChanged: Somebody else has changed it meanwhile.
        StorageError: The database is away.
    """
    rows.resume(process.engine, old, process.who)


def remove(process: Process, old: Schedule) -> None:
    """Takes a schedule away with its history; its runs stay.

    Raises:
        StorageError: The database is away.
    """
    rows.remove(process.engine, old.id)


def run_now(process: Process, schedule: Schedule) -> datetime:
    """Fires a schedule once beside its times; returns the moment that stands for it.

    Raises:
        ScheduleRefused: It skips overlaps, and a run of it goes on.
        StorageError: The database is away.
    """
    if schedule.overlap == "skip" and active(process.engine, schedule.id, OPEN):
        raise ScheduleRefused(
            f"a run of {schedule.name} goes on or is about to begin, and it skips overlaps:"
            " wait, cancel that run, or edit it with --overlap allow"
        )
    now = process.time()
    ask(process, schedule.id, "manual", [now])
    return now


def backfill(process: Process, schedule: Schedule, begin: datetime, end: datetime) -> Backfill:
    """Fires a schedule for its times of a stretch, both ends included, one run after the other.

    Args:
        process: Who asks.
        schedule: Which one.
        begin: UTC, naive.
        end: UTC, naive; not in the future.

    Raises:
        ScheduleRefused: The stretch is none, or holds none of its times, or too many.
        StorageError: The database is away.
    """
    if not FIRST_MOMENT <= begin <= end:
        raise ScheduleRefused(f"from {begin} to {end} UTC is no stretch: name its beginning, then its end")
    if end > process.time():
        raise ScheduleRefused(f"{end} UTC is still to come: a backfill ends by now")
    times = takewhile(lambda due: due <= end, timing_of(schedule).after(begin - INSTANT))
    dues = list(islice(times, MOST_BACKFILL + 1))
    if not dues:
        raise ScheduleRefused(
            f"{schedule.name} has no time from {begin} to {end} UTC: see scrapy schedule show"
        )
    if len(dues) > MOST_BACKFILL:
        raise ScheduleRefused(
            f"that are more than {MOST_BACKFILL:,} times, one run each: take a shorter stretch"
        )
    new = ask(process, schedule.id, "backfill", dues)
    return Backfill(new, len(dues) - new)
