"""Runs as people look through them; a running one that has been silent for too long reads as lost."""

from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, or_

from scraping_project.storage.reading.cursors import PAGE, Cursor, Key, Page, read_page
from scraping_project.storage.runs import KnownRun, Outcome, known_run, select_runs
from scraping_project.storage.tables import runs
from scraping_project.storage.transactions import reading
from scraping_project.storage.values import fit_identity

NEWEST = (Key(runs.c.started_at, falls=True), Key(runs.c.id, falls=True))
COMPARED = 5


def list_runs(
    engine: Engine,
    *,
    outcome: Outcome | None = None,
    spider: str | None = None,
    cursor: Cursor = None,
    limit: int = PAGE,
) -> Page[KnownRun]:
    """A page of runs, the newest first; of one outcome, of one spider, or both.

    Raises:
        ValueError: The cursor is none of this list.
    """
    with reading(engine) as connection:
        query, reads_as = select_runs(connection)
        if spider is not None:
            query = query.where(runs.c.spider == spider)
        if outcome is not None:
            query = query.where(_is(outcome, reads_as))
        query = query.with_hint(runs, f"FORCE INDEX ({_index(outcome, spider)})", "mysql")
        return read_page(connection, query, NEWEST, known_run, cursor=cursor, limit=limit)


def run_by_id(engine: Engine, run_id: str) -> KnownRun | None:
    """One run; None when there is none of this id."""
    with reading(engine) as connection:
        query, _ = select_runs(connection)
        row = connection.execute(query.where(runs.c.id == fit_identity(run_id, 64))).mappings().first()
        return known_run(row) if row else None


def runs_of_crawl(engine: Engine, crawl_id: str, limit: int = 200) -> list[KnownRun]:
    """The runs of one crawl, the newest first; they are few, and sorted."""
    with reading(engine) as connection:
        query, _ = select_runs(connection)
        query = query.where(runs.c.crawl_id == crawl_id)
        query = query.order_by(runs.c.started_at.desc(), runs.c.id.desc()).limit(limit)
        return [known_run(row) for row in connection.execute(query).mappings()]


def runs_before(engine: Engine, run: KnownRun, limit: int = COMPARED) -> list[KnownRun]:
    """The last runs of the same spider that finished and started before this one, the newest first."""
    with reading(engine) as connection:
        query, _ = select_runs(connection)
        earlier = or_(
            runs.c.started_at < run.started_at, and_(runs.c.started_at == run.started_at, runs.c.id < run.id)
        )
        query = query.where(runs.c.spider == run.spider, runs.c.started_at <= run.started_at, earlier)
        query = query.where(runs.c.outcome == "finished")
        query = query.with_hint(runs, "FORCE INDEX (ix_runs_spider)", "mysql")
        query = query.order_by(runs.c.started_at.desc(), runs.c.id.desc()).limit(limit)
        return [known_run(row) for row in connection.execute(query).mappings()]


def _is(outcome: Outcome, reads_as: ColumnElement[Any]) -> ColumnElement[bool]:
    """The stored outcome first, which an index has."""
    if outcome == "lost":
        return and_(runs.c.outcome.in_(("lost", "running")), reads_as == "lost")
    return and_(runs.c.outcome == outcome, reads_as == outcome)


def _index(outcome: Outcome | None, spider: str | None) -> str:
    if spider is not None:
        return "ix_runs_spider"
    return "ix_runs_started_at" if outcome is None else "ix_runs_outcome_started_at"
