"""One row an execution of a spider: pending when it is asked for, running once, and how it ended.

Only one process ever gets a row from pending to running; whoever comes second is refused.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    Update,
    and_,
    case,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from scraping_project.storage import tables
from scraping_project.storage.errors import Duplicated, StorageError, UnknownRun
from scraping_project.storage.tables import runs
from scraping_project.storage.transactions import reading, where, writing
from scraping_project.storage.values import BIGINT_LIMIT, compact_json, fit, fit_identity, naive_utc, whole

Outcome = Literal["pending", "running", "finished", "failed", "cancelled", "killed", "lost"]

#: A running row whose process has been silent for so long reads as lost.
STALE = timedelta(seconds=60)
#: A lost run may yet turn out to be alive, or its end become known.
_OPEN = ("running", "lost")


class RunTaken(StorageError):  # noqa: N818 -- named for what is wrong, as operators read it
    """The id is that of a run that has started or ended already."""


@dataclass(slots=True, kw_only=True)
class Run:
    """What is known of a run when it starts."""

    id: str
    crawl_id: str
    spider: str
    arguments: Mapping[str, str]
    host: str
    pid: int
    egg_version: str | None
    started_at: datetime
    settings: Mapping[str, str] | None = None


@dataclass(slots=True, kw_only=True)
class AskedRun:
    """What is known of a run that a node shall start."""

    id: str
    project: str
    spider: str
    arguments: Mapping[str, str]
    settings: Mapping[str, str]
    node: str | None
    egg_version: str | None = None


@dataclass(slots=True, kw_only=True)
class RunCounts:
    """What one run did, not what its crawl did."""

    pages: int = 0
    failed: int = 0
    filtered: int = 0
    links: int = 0
    items: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRun:
    """A row as it reads now."""

    id: str
    outcome: Outcome
    spider: str
    project: str | None
    node: str | None
    host: str
    pid: int
    egg_version: str | None
    crawl_id: str
    arguments: Mapping[str, str]
    settings: Mapping[str, str]
    pages: int
    failed: int
    filtered: int
    links: int
    items: int
    reason: str | None
    error: str | None
    started_at: datetime
    finished_at: datetime | None
    heartbeat_at: datetime | None


def ask_run(engine: Engine, run: AskedRun) -> None:
    """Writes the run as pending; one that is pending already keeps its row.

    Raises:
        RunTaken: A run of this id has started or ended.
    """
    row = _empty_row() | {
        "id": _identity(run.id),
        "spider": fit(run.spider, tables.SHORT_LENGTH),
        "arguments": compact_json(dict(run.arguments)),
        "settings": compact_json(dict(run.settings)),
        "project": fit(run.project, tables.SHORT_LENGTH),
        "node": fit(run.node, tables.SHORT_LENGTH),
        "egg_version": fit(run.egg_version, tables.SHORT_LENGTH),
        "outcome": "pending",
        "started_at": naive_utc(datetime.now(UTC)),
    }
    with suppress(Duplicated), writing(engine) as connection:  # somebody else may write it meanwhile
        if _outcome(connection, run.id) is None:
            connection.execute(insert(runs), row)
    refuse_unless_pending(engine, run.id)


def place_run(engine: Engine, run_id: str, node: str) -> bool:
    """Writes which node is asked to start the run; False when it is pending no more."""
    return _changed(engine, _when_pending(run_id).values(node=fit(node, tables.SHORT_LENGTH)))


def refuse_unless_pending(engine: Engine, run_id: str) -> None:
    """Passes over an id that nobody has used.

    Raises:
        RunTaken: A run of this id has started or ended.
    """
    with reading(engine) as connection:
        outcome = _outcome(connection, run_id)
    if outcome not in {None, "pending"}:
        raise _taken(engine, run_id, str(outcome))


def start_run(engine: Engine, run: Run) -> None:
    """Writes the run as running: from pending, or as a new row when nobody asked for it before.

    The same run may be written again, for the answer of the first time may have been lost.

    Raises:
        RunTaken: Another run of this id has started, or this one has ended; nothing was written.
    """
    values = {
        "crawl_id": _identity(run.crawl_id),
        "spider": fit(run.spider, tables.SHORT_LENGTH),
        "arguments": compact_json(dict(run.arguments)),
        "outcome": "running",
        "host": fit(run.host, tables.SHORT_LENGTH),
        "pid": whole(run.pid, BIGINT_LIMIT),
        "egg_version": fit(run.egg_version, tables.SHORT_LENGTH),
        "started_at": naive_utc(run.started_at),
        "heartbeat_at": func.current_timestamp(),
    }
    if run.settings is not None:
        values["settings"] = compact_json(dict(run.settings))
    try:
        with writing(engine) as connection:
            if connection.execute(_when_pending(run.id).values(values)).rowcount == 0:
                connection.execute(insert(runs).values(_empty_row() | values | {"id": _identity(run.id)}))
    except Duplicated as error:
        with reading(engine) as connection:
            if not _is_running(connection, run):
                raise _taken(engine, run.id, str(_outcome(connection, run.id))) from error


def beat_run(engine: Engine, run_id: str, counts: RunCounts) -> bool:
    """Writes that the run is alive and what it has done; whether it was asked to end."""
    values: dict[str, Any] = _numbers(counts)
    values |= {"outcome": "running", "heartbeat_at": func.current_timestamp()}
    values |= {"reason": None, "finished_at": None}  # those of a run that was lost only for a while
    mine = runs.c.id == _identity(run_id)
    with writing(engine) as connection:
        connection.execute(update(runs).where(mine, runs.c.outcome.in_(_OPEN)).values(values))
        return connection.scalar(select(runs.c.cancel_asked_at).where(mine)) is not None


def finish_run(
    engine: Engine,
    run_id: str,
    outcome: Outcome,
    reason: str | None,
    counts: RunCounts,
    *,
    error: str | None = None,
    finished_at: datetime | None = None,
) -> None:
    """Writes how the run ended, and when: now, unless said otherwise.

    Raises:
        UnknownRun: No run of this id was started.
    """
    values = _ending(outcome, reason, error, finished_at) | _numbers(counts)
    if not _changed(engine, update(runs).where(runs.c.id == _identity(run_id)).values(values)):
        raise UnknownRun(f"{where(engine)}: run {run_id} was never started")


def end_unseen_run(
    engine: Engine,
    run_id: str,
    outcome: Outcome,
    reason: str,
    *,
    error: str | None,
    host: str,
    pid: int,
) -> bool:
    """Writes the end of a run whose process could not write it; False when it had, or was not this one."""
    this_one = and_(
        runs.c.outcome.in_(_OPEN), runs.c.host == fit(host, tables.SHORT_LENGTH), runs.c.pid == pid
    )
    open_row = or_(runs.c.outcome == "pending", this_one)
    change = update(runs).where(runs.c.id == _identity(run_id), open_row)
    return _changed(engine, change.values(_ending(outcome, reason, error)))


def lose_runs(engine: Engine, workers: Iterable[tuple[str, int]], reason: str) -> None:
    """Writes the running runs of these processes, by host and pid, as lost."""
    with writing(engine) as connection:
        for host, pid in workers:
            this_one = and_(runs.c.host == fit(host, tables.SHORT_LENGTH), runs.c.pid == pid)
            change = update(runs).where(this_one, runs.c.outcome == "running")
            connection.execute(change.values(_ending("lost", reason)))


def withdraw_run(engine: Engine, run_id: str, outcome: Outcome, reason: str) -> bool:
    """Ends a run that is still pending, so that it never starts; False when it is pending no more."""
    return _changed(engine, _when_pending(run_id).values(_ending(outcome, reason)))


def ask_to_end(engine: Engine, run_id: str) -> None:
    """Asks a running run to end; it hears of it with its next heartbeat."""
    change = update(runs).where(runs.c.id == _identity(run_id), runs.c.outcome.in_(_OPEN))
    _changed(engine, change.values(cancel_asked_at=func.current_timestamp()))


def read_runs(
    engine: Engine,
    *,
    ids: Collection[str] = (),
    outcomes: Collection[str] = (),
    spider: str | None = None,
    limit: int | None = None,
) -> list[KnownRun]:
    """Returns runs, the newest first; a running one that has been silent for too long reads as lost."""
    with reading(engine) as connection:
        query, reads_as = select_runs(connection)
        query = query.order_by(runs.c.started_at.desc(), runs.c.id)
        if ids:
            query = query.where(runs.c.id.in_([_identity(run_id) for run_id in ids]))
        if outcomes:
            query = query.where(reads_as.in_(list(outcomes)))
        if spider is not None:
            query = query.where(runs.c.spider == spider)
        return [known_run(row) for row in connection.execute(query.limit(limit)).mappings()]


def select_runs(connection: Connection) -> tuple[Select[Any], ColumnElement[str]]:
    """Runs for ``known_run``, and the outcome as which each reads now by the database's clock."""
    now = connection.scalar(select(func.current_timestamp()))
    silent = and_(runs.c.outcome == "running", runs.c.heartbeat_at < (now or datetime.now(UTC)) - STALE)
    reads_as = case((silent, literal("lost")), else_=runs.c.outcome)
    columns = [runs.c[field.name] for field in fields(KnownRun) if field.name != "outcome"]
    return select(*columns, reads_as.label("outcome")), reads_as


def known_run(row: Mapping[Any, Any]) -> KnownRun:
    objects = {name: json.loads(row[name] or "{}") for name in ("arguments", "settings")}
    return KnownRun(**{**row, **objects})


def _empty_row() -> dict[str, Any]:
    return {"crawl_id": "", "arguments": "{}", "host": "", "pid": 0, **asdict(RunCounts())}


def _ending(
    outcome: Outcome, reason: str | None, error: str | None = None, finished_at: datetime | None = None
) -> dict[str, Any]:
    return {
        "outcome": outcome,
        "reason": fit(reason, tables.SHORT_LENGTH),
        "error": fit(error, tables.ERROR_LENGTH),
        "finished_at": naive_utc(finished_at or datetime.now(UTC)),
    }


def _numbers(counts: RunCounts) -> dict[str, Any]:
    return {name: whole(count, BIGINT_LIMIT) for name, count in asdict(counts).items()}


def _identity(run_id: str) -> str:
    return fit_identity(run_id, tables.ID_LENGTH)


def _outcome(connection: Connection, run_id: str) -> str | None:
    outcome: str | None = connection.scalar(select(runs.c.outcome).where(runs.c.id == _identity(run_id)))
    return outcome


def _is_running(connection: Connection, run: Run) -> bool:
    """Whether this very execution has its row; the microsecond tells two of one host and pid apart."""
    this_one = and_(
        runs.c.id == _identity(run.id),
        runs.c.outcome == "running",
        runs.c.host == fit(run.host, tables.SHORT_LENGTH),
        runs.c.pid == whole(run.pid, BIGINT_LIMIT),
        runs.c.started_at == naive_utc(run.started_at),
    )
    return connection.scalar(select(func.count()).where(this_one)) == 1


def _when_pending(run_id: str) -> Update:
    return update(runs).where(runs.c.id == _identity(run_id), runs.c.outcome == "pending")


def _changed(engine: Engine, change: Update) -> bool:
    with writing(engine) as connection:
        return connection.execute(change).rowcount > 0


def _taken(engine: Engine, run_id: str, outcome: str) -> RunTaken:
    return RunTaken(f"{where(engine)}: run {run_id} is {outcome} already, and a run starts only once")
