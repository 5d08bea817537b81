"""Starting what has fired: a firing is claimed for some time, and whoever finds a lapsed claim goes on."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select, update

from scraping_project.storage import tables
from scraping_project.storage.scheduling.endings import count_end
from scraping_project.storage.scheduling.firings import COLUMNS, Firing, Reason, firing_of
from scraping_project.storage.scheduling.process import Moment, Process
from scraping_project.storage.tables import firings
from scraping_project.storage.transactions import reading, writing
from scraping_project.storage.values import fit

#: Firings that one look finds: as many processes may claim at once without looking again.
FOUND = 10


def claim(process: Process, seconds: float) -> Firing | None:
    """Takes the firing that should start first, for so many seconds; None when none may start now."""
    with reading(process.engine) as connection:
        queries = lapsed(process.now), waiting(process.now)
        found = [firing_id for query in queries for firing_id in connection.scalars(query)]
    values = {"state": "starting", "claimed_by": process.name, "claimed_until": process.after(seconds)}
    for firing_id in found:
        # Again with the condition: of all who have found it, one changes the row.
        free = or_(_waits(process.now), _has_lapsed(process.now))
        take = update(firings).where(firings.c.id == firing_id, free).values(values)
        with writing(process.engine) as connection:
            if connection.execute(take).rowcount:
                row = connection.execute(select(*COLUMNS).where(firings.c.id == firing_id))
                return firing_of(row.mappings().one())
    return None


def waiting(now: Moment) -> Select[Any]:
    """The query for the firings that may start, by id, those that should start first before the others."""
    query = select(firings.c.id).where(_waits(now))
    return query.order_by(firings.c.start_at, firings.c.id).limit(FOUND)


def lapsed(now: Moment) -> Select[Any]:
    """The query for the firings that somebody claimed and did not start in time, by id."""
    return select(firings.c.id).where(_has_lapsed(now)).limit(FOUND)


def renew(process: Process, firing: Firing, seconds: float) -> bool:
    """Holds a claim for so many seconds more; False when it is another's."""
    change = update(firings).where(_is_mine(process, firing))
    with writing(process.engine) as connection:
        return connection.execute(change.values(claimed_until=process.after(seconds))).rowcount > 0


def give_way(process: Process, waiting: Firing) -> bool:
    """Lets a firing that waits not begin, for a newer one has come; False when it waits no more."""
    this_one = and_(firings.c.id == waiting.id, firings.c.state == "waiting")
    change = update(firings).where(this_one).values(state="skipped", reason="replaced", error=None)
    with writing(process.engine) as connection:
        return connection.execute(change).rowcount > 0


def put_back(process: Process, firing: Firing, seconds: float, note: str) -> bool:
    """Lets a claimed firing wait for so long, and says for what; False when the claim is another's."""
    values = {"state": "waiting", "start_at": process.after(seconds), "error": note}
    return _end_claim(process, firing, values)


def try_again(process: Process, firing: Firing, error: str, seconds: float, gives_up_at: datetime) -> bool:
    """Notes why a start failed, and when the next is tried; False when the claim is another's."""
    values = {
        "state": "waiting",
        "start_at": process.after(seconds),
        "error": fit(error, tables.ERROR_LENGTH),
        "tries": firing.tries + 1,
        "gives_up_at": gives_up_at,
    }
    return _end_claim(process, firing, values)


def note_start(process: Process, firing: Firing, run_id: str) -> bool:
    """Notes which run has begun for it; False when the claim is another's."""
    values = {"state": "started", "started_at": process.now, "run_id": run_id, "error": None}
    return _end_claim(process, firing, values)


def note_done(process: Process, firing: Firing, outcome: str = "finished") -> bool:
    """Notes that it is done, without a run; False when the claim is another's."""
    values = {"state": "ended", "started_at": process.now, "ended_at": process.now}
    return _end_claim(process, firing, {**values, "outcome": outcome, "error": None})


def skip(process: Process, firing: Firing, reason: Reason) -> bool:
    """Notes that it shall not start; False when the claim is another's."""
    return _end_claim(process, firing, {"state": "skipped", "reason": reason, "error": None})


def give_up(process: Process, firing: Firing, error: str) -> bool:
    """Notes that it could not be started; False when the claim is another's."""
    values = {
        "state": "failed",
        "ended_at": process.now,
        "error": fit(error, tables.ERROR_LENGTH),
        "tries": firing.tries + 1,
    }
    with writing(process.engine) as connection:
        mine = update(firings).where(_is_mine(process, firing)).values({**_NO_CLAIM, **values})
        if not connection.execute(mine).rowcount:
            return False
        count_end(connection, process, firing.schedule_id, well=False)
        return True


_NO_CLAIM = {"claimed_by": None, "claimed_until": None}


def _end_claim(process: Process, firing: Firing, values: Mapping[str, Any]) -> bool:
    change = update(firings).where(_is_mine(process, firing)).values({**_NO_CLAIM, **values})
    with writing(process.engine) as connection:
        return connection.execute(change).rowcount > 0


def _waits(now: Moment) -> ColumnElement[bool]:
    return and_(firings.c.state == "waiting", firings.c.start_at <= now)


def _has_lapsed(now: Moment) -> ColumnElement[bool]:
    return and_(firings.c.state == "starting", firings.c.claimed_until < now)


def _is_mine(process: Process, firing: Firing) -> ColumnElement[bool]:
    claimed = and_(firings.c.state == "starting", firings.c.claimed_by == process.name)
    return and_(firings.c.id == firing.id, claimed)
