"""The loop that anybody would write: one object a row, one line of CSV an object.

    python -m benchmarks.peers.orm_export DATABASE_URL FILE

It writes what ``scrapy export logs`` writes, formulas defused and moments as ISO 8601, a thousand objects at
a time as SQLAlchemy's manual has it for large results.
"""

import csv
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Session

from scraping_project.storage.engine import connect
from scraping_project.storage.exporting.formats import FORMULA_STARTS
from scraping_project.storage.tables import scrape_logs


class Base(DeclarativeBase):
    pass


class Log(Base):
    __table__ = scrape_logs


def main(database_url: str, file: str) -> None:
    names = list(scrape_logs.columns.keys())
    logs = select(Log).order_by(Log.id).execution_options(yield_per=1_000)
    with Session(connect(database_url)) as session, Path(file).open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(names)
        for log in session.scalars(logs):
            writer.writerow([cell(getattr(log, name)) for name in names])


def cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, str) and value[:1] in FORMULA_STARTS:
        return f"'{value}"
    return value


if __name__ == "__main__":
    main(*sys.argv[1:])
