"""One row an execution of a spider: written when it starts, completed when it ends."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Engine, update

from scraping_project.storage import tables
from scraping_project.storage.errors import UnknownRun
from scraping_project.storage.transactions import where, writing
from scraping_project.storage.upserts import upsert_run
from scraping_project.storage.values import BIGINT_LIMIT, compact_json, fit, fit_identity, naive_utc, whole

Outcome = Literal["running", "finished", "failed", "cancelled", "killed", "lost"]


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


@dataclass(slots=True, kw_only=True)
class RunCounts:
    """What one run did, not what its crawl did."""

    pages: int = 0
    failed: int = 0
    filtered: int = 0
    links: int = 0
    items: int = 0


def start_run(engine: Engine, run: Run) -> None:
    """Writes the run as running; a second start of the same id rewrites the first."""
    row = {
        "id": fit_identity(run.id, tables.ID_LENGTH),
        "crawl_id": fit_identity(run.crawl_id, tables.ID_LENGTH),
        "spider": fit(run.spider, tables.SHORT_LENGTH),
        "arguments": compact_json(dict(run.arguments)),
        "outcome": "running",
        "reason": None,
        **asdict(RunCounts()),
        "host": fit(run.host, tables.SHORT_LENGTH),
        "pid": whole(run.pid, BIGINT_LIMIT),
        "egg_version": fit(run.egg_version, tables.SHORT_LENGTH),
        "started_at": naive_utc(run.started_at),
        "finished_at": None,
    }
    with writing(engine) as connection:
        connection.execute(upsert_run(engine.dialect.name), row)


def finish_run(
    engine: Engine,
    run_id: str,
    outcome: Outcome,
    reason: str | None,
    counts: RunCounts,
    *,
    finished_at: datetime | None = None,
) -> None:
    """Writes how the run ended, and when: now, unless said otherwise.

    Raises:
        UnknownRun: No run of this id was started.
    """
    values: dict[str, Any] = {name: whole(count, BIGINT_LIMIT) for name, count in asdict(counts).items()}
    values |= {
        "outcome": outcome,
        "reason": fit(reason, tables.SHORT_LENGTH),
        "finished_at": naive_utc(finished_at or datetime.now(UTC)),
    }
    change = update(tables.runs).where(tables.runs.c.id == fit_identity(run_id, tables.ID_LENGTH))
    with writing(engine) as connection:
        if connection.execute(change.values(values)).rowcount == 0:
            raise UnknownRun(f"{where(engine)}: run {run_id} was never started")
