"""What storing costs: log rows a second against a bare LOAD DATA, and overview queries as the rows grow.

    python -m benchmarks.storage [--rows N] [--few N] [--many N]

On a private MariaDB with its defaults. The rows go through the crawl's own writer in batches of 1,000,
roll-ups included; LOAD DATA reads the same rows from a file into a table of the same columns and indexes, in
one statement. Both in turn, in three parts of the rows. Overview queries are asked of few rows and of many,
which are loaded and then counted into the roll-ups: ten million take several minutes and 8 GB of disk.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pymysql
from sqlalchemy import Engine, make_url, text

from benchmarks.numbers import at_least
from benchmarks.table import Row, show
from scraping_project.items import ScrapeLog
from scraping_project.storage.engine import connect
from scraping_project.storage.migrate import migrate
from scraping_project.storage.reading import overview
from scraping_project.storage.tables import scrape_logs
from scraping_project.storage.transactions import writing
from scraping_project.storage.upkeep.recount import recount
from scraping_project.storage.writing.rows import log_row, with_id
from scraping_project.storage.writing.upserts import written
from scraping_project.storage.writing.writer import Writer
from testing import servers

BATCH, PARTS, ASKED = 1_000, 3, 50
FILE = 1_000_000  # rows of one LOAD DATA
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
#: Of a crawl of ten million at 100 pages a second, so that few rows and many fall into as many minutes.
DOMAINS, MINUTES = 50, 60


def main() -> int:
    parser = argparse.ArgumentParser(description="What storing costs")
    parser.add_argument("--rows", type=at_least(PARTS), default=200_000, metavar="N")
    parser.add_argument("--few", type=at_least(1), default=10_000, metavar="N")
    parser.add_argument("--many", type=at_least(1), metavar="N", help="default: as many as --rows")
    arguments = parser.parse_args()
    many = arguments.many or arguments.rows
    show("storage", [*bulk(arguments.rows), *overviews(arguments.few, many)])
    return 0


def bulk(rows: int) -> Iterator[Row]:
    with database() as (engine, url):
        with writing(engine) as connection:
            connection.execute(text("CREATE TABLE bare LIKE scrape_logs"))
        ours, bare = [], []
        part = rows // PARTS
        for first in range(0, part * PARTS, part):
            ours.append(part / seconds(store, engine, first, part, rows))
            bare.append(load(url, first, part, rows))
        yield Row("log rows a second, written with their roll-ups", statistics.median(ours))
        yield Row("log rows a second, bare LOAD DATA", statistics.median(bare))
        ratios = [a / b for a, b in zip(ours, bare, strict=True)]
        yield Row("written over LOAD DATA", statistics.median(ratios), 0.25)


def overviews(few: int, many: int) -> Iterator[Row]:
    asked = {
        "how attempts ended": overview.outcomes,
        "how they ended in the last hour": lambda engine: overview.outcomes(engine, since=BEGAN),
        "throughput by minute": lambda engine: overview.throughput(engine, since=BEGAN),
        "how those of a domain ended": lambda engine: overview.outcomes(engine, domain="host7.example"),
    }
    with database() as (small, small_url), database() as (large, large_url):
        for engine, url, rows in ((small, small_url, few), (large, large_url, many)):
            for first in range(0, rows, FILE):
                load(url, first, min(FILE, rows - first), rows, table="scrape_logs")
            recount(engine)
        for name, ask in asked.items():
            times = [(seconds(ask, small), seconds(ask, large)) for _ in range(ASKED)]
            at_few, at_many = (statistics.median(column) for column in zip(*times, strict=True))
            yield Row(f"ms, {name}, {many:,} logs", at_many * 1000)
            yield Row(f"{name}: {many:,} logs over {few:,}", at_many / at_few, 1.5, "<=")


def store(engine: Engine, first: int, count: int, of: int) -> None:
    writer = Writer(engine)
    for start in range(first, first + count, BATCH):
        for number in range(start, min(start + BATCH, first + count)):
            writer.append(log(number, of))
        writer.commit()


def log(number: int, of: int) -> ScrapeLog:
    failed = number % 10 == 0
    ended = BEGAN + timedelta(minutes=number * MINUTES / of)
    url = f"https://host{number % DOMAINS}.example/path/to/page-{number:012}.html"
    return ScrapeLog(
        task_id=f"8c5f2c1e9a3b:1f0e9d8c7b6a{number:x}:1",
        crawl_id="8c5f2c1e9a3b",
        run_id="1f0e9d8c7b6a4f3e8c5f2c1e9a3b7d6e",
        url=url,
        site_url=None,
        status="failed" if failed else "success",
        status_code=404 if failed else 200,
        reason="http_404" if failed else None,
        error_message=None,
        records_scraped=1,
        attempt=1,
        latency_ms=number % 400,
        bytes=number % 50_000,
        started_at=ended,
        finished_at=ended,
    )


def load(url: str, first: int, count: int, of: int, table: str = "bare") -> float:
    """Rows a second of LOAD DATA, without the time to write its file."""
    names = written(scrape_logs)
    parts = make_url(url)
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
        for number in range(first, first + count):
            row = with_id(log_row(log(number, of)), {})
            file.write("\t".join("\\N" if value is None else str(value) for value in row) + "\n")
        file.flush()
        where = {"host": parts.host, "port": parts.port, "database": parts.database}
        who = {"user": parts.username, "password": parts.password}
        with (
            pymysql.connect(**where, **who, local_infile=True, charset="utf8mb4") as connection,
            connection.cursor() as cursor,
        ):
            statement = f"LOAD DATA LOCAL INFILE '{Path(file.name)}' INTO TABLE {table} ({', '.join(names)})"
            began = time.perf_counter()
            taken = cursor.execute(statement)
            connection.commit()
            ended = time.perf_counter()
        if taken != count:
            raise SystemExit(f"LOAD DATA took {taken} rows of {count}")
    return count / (ended - began)


def seconds(do: Callable[..., object], *arguments: object) -> float:
    began = time.perf_counter()
    do(*arguments)
    return time.perf_counter() - began


class database:  # noqa: N801 -- read as a function
    """A migrated database on a server of its own: the engine and its URL."""

    def __enter__(self) -> tuple[Engine, str]:
        self._server = servers.mariadb_server()
        url = self._server.__enter__().database()
        self._engine = connect(url)
        migrate(self._engine)
        return self._engine, url

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()
        self._server.__exit__(None, None, None)


if __name__ == "__main__":
    sys.exit(main())
