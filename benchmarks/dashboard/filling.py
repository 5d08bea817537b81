"""A database as a crawl of two days would leave it, written without the crawl.

Each domain has its turn once an hour, within a minute of its own; in an hour a tenth of them fail wholly. So
a domain fails in every tenth hour, and within a day all do. The newest logs are written as rows; the roll-ups
count all, and are made by what the writer makes its own of.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from tempfile import NamedTemporaryFile

import pymysql
from sqlalchemy import Engine, Table

from benchmarks.dashboard.crowded import CRAWL
from scraping_project.items import ScrapeLog, Site
from scraping_project.storage import tables
from scraping_project.storage.engine import connect
from scraping_project.storage.migrate import migrate
from scraping_project.storage.values import moment_text
from scraping_project.storage.writing.rollups import Counts
from scraping_project.storage.writing.rows import log_row, site_row, with_id
from scraping_project.storage.writing.upserts import written

HOURS = 50
#: One of so many domains fails in an hour.
FAILING = 10
REASONS = ("http_404", "http_503", "timeout", "dns", "connection")
LATENCY_MS, BYTES = 200, 4_500
FILE = 500_000  # rows of one LOAD DATA


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is."""

    logs: int
    rows: int  # of the logs, the newest
    sites: int  # each of a domain of its own
    runs: int


@dataclass(frozen=True, slots=True)
class Turn:
    """One domain's minute of an hour."""

    site: int
    minute: datetime
    reason: str  # why all fails; empty where it does not
    attempts: int

    @property
    def domain(self) -> str:
        return f"host{self.site:05}.example"

    @property
    def status(self) -> str:
        return "failed" if self.reason else "success"


def fill(url: str, size: Size) -> None:
    """Migrates an empty database, and fills it."""
    engine, now = connect(url), datetime.now(UTC)
    migrate(engine)
    totals, failed = Counts(), Counts()
    for ago in range(HOURS):
        hour = Counts()
        for turn in turns(size, ago, now):
            minute, times = f"{turn.minute:%Y-%m-%d %H:%M:00.000000}", turn.attempts
            measures = (times, times, LATENCY_MS * times, BYTES * times, times)
            for counts, when in ((hour, minute), (totals, ""), (failed, minute[:13])):
                if turn.reason or counts is not failed:
                    counts.add_measures((turn.domain, when, CRAWL, turn.status, turn.reason), measures)
        _put(engine, tables.attempt_minutes, hour.minutes())
    _put(engine, tables.failure_hours, failed.failures())
    _put(engine, tables.attempt_totals, totals.totals())
    stored = Counts()
    stored.add_sites(f"host{number:05}.example" for number in range(size.sites))
    _put(engine, tables.site_totals, stored.sites())
    _put(engine, tables.scrape_logs, islice(_logs(size, now), size.rows), written(tables.scrape_logs))
    _put(engine, tables.sites, _sites(size, now), written(tables.sites))
    runs = [_run(number, now) for number in range(size.runs)]
    _put(engine, tables.runs, [tuple(run.values()) for run in runs], list(runs[0]))
    engine.dispose()


def turns(size: Size, ago: int, now: datetime) -> Iterator[Turn]:
    """The turns of an hour: of few logs not all domains have one, and each hour has others."""
    logs = size.logs // HOURS
    asked = min(logs, size.sites)
    end = now.replace(second=0, microsecond=0) - timedelta(hours=ago, minutes=1)
    for number in range(asked):
        site = (ago * asked + number) % size.sites
        reason = REASONS[site // FAILING % len(REASONS)] if site % FAILING == ago % FAILING else ""
        yield Turn(site, end - timedelta(minutes=site % 60), reason, logs // asked)


def _logs(size: Size, now: datetime) -> Iterator[Sequence[object]]:
    for ago in range(HOURS):
        for turn in turns(size, ago, now):
            for attempt in range(turn.attempts):
                yield with_id(log_row(_log(turn, attempt)), {})


def _log(turn: Turn, attempt: int) -> ScrapeLog:
    ended = turn.minute + timedelta(seconds=attempt % 60, microseconds=turn.site)
    page = f"{turn.minute:%d%H%M}-{attempt:07}"
    return ScrapeLog(
        task_id=f"{CRAWL}:{turn.site}:{page}",
        crawl_id=CRAWL,
        run_id=f"{CRAWL}-0",
        url=f"https://{turn.domain}/path/to/page-{page}.html",
        site_url=None,
        status=turn.status,
        status_code=None if turn.reason else 200,
        reason=turn.reason or None,
        error_message=None,
        records_scraped=1,
        attempt=1,
        latency_ms=LATENCY_MS,
        bytes=BYTES,
        started_at=ended,
        finished_at=ended,
    )


def _sites(size: Size, now: datetime) -> Iterator[Sequence[object]]:
    for number in range(size.sites):
        yield site_row(
            Site(
                url=f"https://host{number:05}.example/",
                status_code=200,
                title=f"Site {number}",
                content_type="text/html",
                depth=1,
                scraped_at=now - timedelta(seconds=number),
            )
        )


def _run(number: int, now: datetime) -> dict[str, object]:
    began = now - timedelta(minutes=2 * number + 60)
    return {
        "id": f"{CRAWL}-{number}",
        "crawl_id": f"{CRAWL}-{number}" if number else CRAWL,
        "spider": f"spider{number % 5}",
        "arguments": "{}",
        "outcome": "failed" if number % 50 == 49 else "finished",  # noqa: PLR2004  a few
        "reason": "finished",
        **dict.fromkeys(("pages", "failed", "filtered", "links", "items"), 1_000),
        "host": "crawler",
        "pid": 1,
        "started_at": moment_text(began),
        "finished_at": moment_text(began + timedelta(minutes=1)),
    }


def _put(
    engine: Engine, table: Table, rows: Iterable[Sequence[object]], names: Sequence[str] | None = None
) -> None:
    """Writes rows of an empty table in the quickest way."""
    columns, coming = names or table.columns.keys(), iter(rows)
    while some := list(islice(coming, FILE)):
        if engine.dialect.name == "sqlite":
            _insert(engine, table.name, columns, some)
        else:
            _load(engine, table.name, columns, some)


def _insert(engine: Engine, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    places = ", ".join("?" * len(columns))
    with closing(engine.raw_connection()) as connection:
        cursor = connection.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        cursor.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)  # noqa: S608  our names
        connection.commit()


def _load(engine: Engine, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    url = engine.url
    with NamedTemporaryFile("w", suffix=".tsv") as file:
        for row in rows:
            file.write("\t".join(map(_field, row)) + "\n")
        file.flush()
        where = {"host": url.host, "port": url.port, "database": url.database, "user": url.username}
        with (
            pymysql.connect(
                **where, password=url.password, local_infile=True, charset="utf8mb4"
            ) as connection,
            connection.cursor() as cursor,
        ):
            load = f"LOAD DATA LOCAL INFILE '{Path(file.name)}' INTO TABLE {table} ({', '.join(columns)})"
            cursor.execute(load)
            connection.commit()


def _field(value: object) -> str:
    if isinstance(value, bytes):  # a hash, of which any bytes do
        return value.hex()[:16]
    return "\\N" if value is None else str(value)
