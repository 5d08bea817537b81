"""Deletes what is older than a moment, a few rows at a time, while workers write.

What prunes yields after every batch how many rows that were. A batch is a transaction of
its own, followed by a pause as long as it took, in which writers come through. They may be stopped at any
time and begun again, and any number may run at once.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from time import monotonic, sleep
from typing import Any

from sqlalchemy import Column, Connection, Engine, bindparam, delete, func, select

from scraping_project.storage.errors import Deadlocked
from scraping_project.storage.reading import queries
from scraping_project.storage.tables import ALL, attempt_minutes, failure_hours, items, scrape_logs
from scraping_project.storage.transactions import reading, writing
from scraping_project.storage.values import naive_utc

BATCH = 500
#: Items looked at by a query: they have no index by time.
LOOK = 5_000
TRIES = 5
SHORTEST_PAUSE = 0.01

Found = Sequence[Any]


def prune_logs(engine: Engine, before: datetime) -> Iterator[int]:
    """Deletes attempts that ended before the moment. What they counted for stays in the totals."""
    return _oldest_first(engine, queries.logs_before, scrape_logs.c.finished_at, before)


def prune_minutes(engine: Engine, before: datetime) -> Iterator[int]:
    """Deletes the roll-ups of minutes before the moment: after their logs, which may yet be rewritten."""
    yield from _oldest_first(engine, queries.minutes_before, attempt_minutes.c.minute, before)
    hour = naive_utc(before).replace(minute=0, second=0, microsecond=0)
    yield from _oldest_first(engine, queries.failure_hours_before, failure_hours.c.hour, hour)


def prune_items(engine: Engine, before: datetime) -> Iterator[int]:
    """Deletes items scraped before the moment; reads the ids and times of all."""
    for old in _old_items(engine, before):
        for start in range(0, len(old), BATCH):
            yield _delete(engine, items.c.scraped_at, before, old[start : start + BATCH])


def count_logs(engine: Engine, before: datetime) -> int:
    """How many attempts ended before the moment, as the roll-ups have it."""
    minute = attempt_minutes.c
    counted = select(func.sum(minute.attempts)).where(minute.domain == ALL, minute.minute < naive_utc(before))
    with reading(engine) as connection:
        return int(connection.scalar(counted) or 0)


def count_items(engine: Engine, before: datetime) -> int:
    """How many items were scraped before the moment; reads the ids and times of all."""
    return sum(len(old) for old in _old_items(engine, before))


def _oldest_first(
    engine: Engine, query: Callable[..., queries.Query], moment: Column[datetime], before: datetime
) -> Iterator[int]:
    reached: datetime | None = None
    while True:
        with reading(engine) as connection:
            found = connection.execute(query(before, reached, BATCH)).mappings().all()
        if not found:
            return
        reached = found[-1][moment]
        yield _delete(engine, moment, before, found)


def _old_items(engine: Engine, before: datetime) -> Iterator[Found]:
    """Old items among each few thousand."""
    last = 0
    query = select(items.c.id, items.c.scraped_at).order_by(items.c.id).limit(LOOK)
    while True:
        with reading(engine) as connection:
            found = connection.execute(query.where(items.c.id > last)).mappings().all()
        if not found:
            return
        last = found[-1][items.c.id]
        yield [row for row in found if row[items.c.scraped_at] < naive_utc(before)]


def _delete(engine: Engine, moment: Column[datetime], before: datetime, found: Found) -> int:
    """Deletes the rows of these keys that are still there and still old, and pauses."""
    began = monotonic()
    for left in reversed(range(TRIES)):
        try:
            with writing(engine) as connection:
                deleted = _delete_once(connection, moment, before, found)
            break
        except Deadlocked:
            if not left:
                raise
    sleep(max(SHORTEST_PAUSE, monotonic() - began))
    return deleted


def _delete_once(connection: Connection, moment: Column[datetime], before: datetime, found: Found) -> int:
    key = list(moment.table.primary_key)
    # Once more with the condition: a worker may have rewritten the row with a new time.
    old = delete(moment.table).where(moment < naive_utc(before))
    if len(key) == 1:
        return connection.execute(old.where(key[0].in_(sorted(row[key[0]] for row in found)))).rowcount
    each = old.where(*(column == bindparam(f"the_{column.name}") for column in key))
    return connection.execute(each, [{f"the_{c.name}": row[c] for c in key} for row in found]).rowcount
