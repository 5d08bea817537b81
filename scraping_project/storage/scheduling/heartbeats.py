"""Which processes beside the crawl are alive: those that fire schedules, and those that watch for alerts."""

from contextlib import suppress
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Engine, Select, delete, func, insert, select, update

from scraping_project.storage.clock import database_now
from scraping_project.storage.errors import Duplicated
from scraping_project.storage.scheduling.process import Moment, Process
from scraping_project.storage.tables import heartbeats
from scraping_project.storage.transactions import reading, writing

Kind = Literal["periodic", "alerts"]
#: Seconds after which a row of a process that was silent is deleted.
FORGOTTEN = 86_400.0


def beat(process: Process, kind: Kind) -> None:
    """Notes that a process is alive."""
    mine = update(heartbeats).where(heartbeats.c.name == process.name).values(beat_at=process.now)
    with writing(process.engine) as connection:
        if connection.execute(mine).rowcount:
            return
    row = {"name": process.name, "kind": kind, "started_at": process.now, "beat_at": process.now}
    with suppress(Duplicated), writing(process.engine) as connection:  # an answer that was lost
        connection.execute(delete(heartbeats).where(heartbeats.c.beat_at < process.after(-FORGOTTEN)))
        connection.execute(insert(heartbeats).values(row))


def last_beat(engine: Engine, kind: Kind) -> tuple[datetime, datetime | None]:
    """This moment, and when any process of a kind was alive last; None when none was for a day."""
    newest = select(func.max(heartbeats.c.beat_at)).where(heartbeats.c.kind == kind)
    with reading(engine) as connection:
        now: datetime = connection.execute(select(database_now(engine))).scalar_one()
        return now, connection.scalar(newest)


def alive(engine: Engine, kind: Kind, within_seconds: float) -> int:
    """How many processes of a kind were alive within so many seconds."""
    with reading(engine) as connection:
        return connection.scalar(beating(kind, database_now(engine, -within_seconds))) or 0


def beating(kind: Kind, since: Moment) -> Select[Any]:
    """The query for how many of a kind were alive since a moment."""
    recent = (heartbeats.c.kind == kind, heartbeats.c.beat_at >= since)
    return select(func.count()).where(*recent)
