"""The runs, and one of them."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from sqlalchemy import Engine

from scraping_project.monitor.stores import Stores
from scraping_project.nodes import local
from scraping_project.nodes.client import NodeError
from scraping_project.nodes.request_rules import RunRequestError
from scraping_project.storage.reading.cursors import Cursor
from scraping_project.storage.reading.overview import Outcome as Ended
from scraping_project.storage.reading.overview import outcomes
from scraping_project.storage.reading.runs import list_runs, run_by_id, runs_before
from scraping_project.storage.runs import KnownRun, Outcome

#: Runs on a page.
PAGE = 50
#: Bytes of a log's end that a page shows.
TAIL = 65_536


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs, the newest first; None while the database is away."""

    runs: tuple[KnownRun, ...] | None
    older: Cursor = None
    newer: Cursor = None


@dataclass(frozen=True, slots=True)
class Compared:
    """A run beside the median of the last runs of its spider; None where that is 0."""

    runs: int
    pages: float | None  # a share: -0.12 is 12 % fewer
    items: float | None


@dataclass(frozen=True, slots=True)
class RunDetail:
    """One run."""

    run: KnownRun
    compared: Compared | None  # None: it is not over, or is the first
    failed: tuple[Ended, ...]  # how pages of its crawl failed, by reason


@dataclass(frozen=True, slots=True)
class LogTail:
    """The end of a run's log, and where it goes on."""

    text: str
    start: int  # the byte that the text begins at
    after: int  # the byte after it
    why_none: str  # a line where there is no log; else empty


def read_newest_runs(
    stores: Stores,
    outcome: Outcome | None = None,
    spider: str | None = None,
    cursor: Cursor = None,
    limit: int = PAGE,
) -> Runs:
    """Reads a page of runs.

    Raises:
        ValueError: The cursor is none of this list.
    """
    found = stores.database.read(
        lambda engine: list_runs(engine, outcome=outcome, spider=spider, cursor=cursor, limit=limit)
    )
    return Runs(tuple(found.rows), found.older, found.newer) if found else Runs(None)


def read_run(stores: Stores, run_id: str) -> KnownRun | None:
    """Returns one run; None where there is none of this id.

    Raises:
        StorageError: The database is away.
    """
    return stores.database.demand(lambda engine: run_by_id(engine, run_id))


def read_run_detail(stores: Stores, run_id: str) -> RunDetail | None:
    """Returns one run and what it is to be compared with; None where there is none of this id.

    Raises:
        StorageError: The database is away.
    """

    def ask(engine: Engine) -> RunDetail | None:
        run = run_by_id(engine, run_id)
        if run is None:
            return None
        reasons = outcomes(engine, crawl_id=run.crawl_id) if run.crawl_id else []
        failed = tuple(each for each in reasons if each.status in ("failed", "dead"))
        return RunDetail(run, _compared(run, runs_before(engine, run)), failed)

    return stores.database.demand(ask)


def _compared(run: KnownRun, before: Sequence[KnownRun]) -> Compared | None:
    if not before or run.outcome != "finished":
        return None
    return Compared(
        runs=len(before),
        pages=_share(run.pages, [each.pages for each in before]),
        items=_share(run.items, [each.items for each in before]),
    )


def _share(now: int, before: Sequence[int]) -> float | None:
    usual = median(before)
    return now / usual - 1 if usual else None


def read_log(stores: Stores, run: KnownRun, start: int | None = None) -> LogTail:
    """Reads a run's log from the node that has it.

    Args:
        stores: Where the nodes are named.
        run: Whose log it is.
        start: The byte to begin at; without one, the last 64 KiB.
    """
    if run.project is None:
        if local_log := read_local_log(stores, run.id, start):
            return local_log
        where = f"on {run.host}, in the terminal where it was typed" if run.host else "where it was typed"
        return LogTail("", 0, 0, f"This run was not started by a node: its log is {where}.")
    try:
        found, silent = stores.nodes().with_run(run.id, node=run.node, host=run.host)
        if found is None:
            why = "; ".join(map(str, silent)) or f"no node knows run {run.id} any more"
            return LogTail("", 0, 0, why)
        held, after = b"", start or 0
        begin = -TAIL if start is None else start
        for piece, place in found[0].log(run.id, project=run.project, spider=run.spider, start=begin):
            held, after = (held + piece)[-TAIL:], place
    except NodeError as error:
        return LogTail("", 0, 0, str(error))
    return _tail(held, after, start)


def whole_log(stores: Stores, run: KnownRun) -> Iterator[bytes] | None:
    """Yields a run's whole log, in pieces; None where nobody has it.

    Raises:
        NodeError: What it yields may raise it: the node stopped answering.
    """
    path = _local_path(stores, run.id)
    if path and path.is_file():
        return _pieces_of(path)
    if run.project is None:
        return None
    found, _ = stores.nodes().with_run(run.id, node=run.node, host=run.host)
    if found is None:
        return None
    return (piece for piece, _ in found[0].log(run.id, project=run.project, spider=run.spider))


def _pieces_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(TAIL):
            yield piece


def _local_path(stores: Stores, run_id: str) -> Path | None:
    try:
        return local.log_of(stores.settings, run_id)
    except RunRequestError:
        return None


def read_local_log(stores: Stores, run_id: str, start: int | None = None) -> LogTail | None:
    """Reads the log of a run that was started as a process of this machine; None where there is none."""
    path = _local_path(stores, run_id)
    return _tail_of(path, start) if path and path.is_file() else None


def _tail_of(path: Path, start: int | None) -> LogTail:
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            begin = max(end - TAIL, 0) if start is None or start > end else start
            file.seek(begin)
            held = file.read(TAIL)
    except OSError as error:
        return LogTail("", 0, 0, f"The log {path} can't be read: {error.strerror}.")
    return _tail(held, begin + len(held), start)


def _tail(held: bytes, after: int, start: int | None) -> LogTail:
    begin = after - len(held)
    if begin > (start or 0):  # it is cut in the middle of a line
        cut = held.find(b"\n") + 1
        held, begin = held[cut:], begin + cut
    return LogTail(held.decode(errors="replace"), begin, after, "")
