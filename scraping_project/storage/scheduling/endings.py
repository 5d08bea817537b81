"""How started firings ended: the outcome of each run, and failures in a row."""

from dataclasses import dataclass

from sqlalchemy import Connection, and_, case, literal, or_, select, update

from scraping_project.storage.clock import database_now
from scraping_project.storage.runs import STALE
from scraping_project.storage.scheduling.firings import COLUMNS, Firing, firing_of
from scraping_project.storage.scheduling.process import Process
from scraping_project.storage.tables import firings, runs, schedules
from scraping_project.storage.transactions import reading, writing


@dataclass(frozen=True, slots=True)
class Ended:
    """A firing whose run has ended."""

    firing: Firing
    outcome: str


def settle(process: Process, limit: int = 100) -> list[Ended]:
    """Notes the outcome of each started firing whose run has ended, once; returns those noted here."""
    return [ended for ended in _ended(process, limit) if _note(process, ended)]


def count_end(connection: Connection, process: Process, schedule_id: int, *, well: bool) -> None:
    """Counts failures in a row, and pauses the schedule where it asks for that."""
    this_one = schedules.c.id == schedule_id
    in_row = 0 if well else schedules.c.failures_in_row + 1
    connection.execute(update(schedules).where(this_one).values(failures_in_row=in_row))
    too_many = and_(schedules.c.failures_in_row >= schedules.c.pause_after, schedules.c.paused_at.is_(None))
    pause = {
        "paused_at": process.now,
        "paused_until": None,
        "paused_by": "failures in a row",
        "pause_note": "it failed as often in a row as it may: resume it once that is mended",
        "version": schedules.c.version + 1,
    }
    connection.execute(update(schedules).where(this_one, too_many).values(pause))


def _ended(process: Process, limit: int) -> list[Ended]:
    # A run beats by the database's clock, whatever clock a test has given the schedules.
    silent = and_(
        runs.c.outcome == "running",
        runs.c.heartbeat_at < database_now(process.engine, -STALE.total_seconds()),
    )
    never_seen = and_(runs.c.id.is_(None), firings.c.started_at < process.after(-STALE.total_seconds()))
    lost = or_(silent, never_seen)
    outcome = case((lost, literal("lost")), else_=runs.c.outcome).label("outcome_now")
    query = select(*COLUMNS, outcome).outerjoin(runs, runs.c.id == firings.c.run_id)
    query = query.where(
        firings.c.state == "started", or_(lost, runs.c.outcome.not_in(("pending", "running")))
    )
    with reading(process.engine) as connection:
        rows = [dict(row) for row in connection.execute(query.limit(limit)).mappings()]
    return [Ended(outcome=row.pop("outcome_now"), firing=firing_of(row)) for row in rows]


def _note(process: Process, ended: Ended) -> bool:
    this_one = and_(firings.c.id == ended.firing.id, firings.c.state == "started")
    values = {"state": "ended", "outcome": ended.outcome, "ended_at": process.now}
    with writing(process.engine) as connection:
        if not connection.execute(update(firings).where(this_one).values(values)).rowcount:
            return False
        count_end(connection, process, ended.firing.schedule_id, well=ended.outcome == "finished")
    return True
