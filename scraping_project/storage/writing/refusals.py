"""Rows that the database will never take, kept where people find them."""

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy import Connection

from scraping_project.storage import tables
from scraping_project.storage.tables import refused_rows
from scraping_project.storage.values import fit, moment_text
from scraping_project.storage.writing import bulk
from scraping_project.storage.writing.rows import ItemRow, LogRow, OtherRow, Row, SiteRow
from scraping_project.storage.writing.upserts import upsert

logger = logging.getLogger(__name__)

#: Of a row that is refused for its size, enough to see what it is.
DATA_LENGTH = 100_000
TABLES = {SiteRow: tables.sites, LogRow: tables.scrape_logs, ItemRow: tables.items}


class RefusedRow(NamedTuple):
    """A row of ``refused_rows``, its values in the order of the columns."""

    row_hash: bytes
    table_name: str
    error: str
    data: str
    refused_at: str


def refused_row(row: Row, error: Exception) -> RefusedRow:
    """The row of ``refused_rows`` for a row that is refused; plain ASCII, so that it is taken itself."""
    if isinstance(row, OtherRow):
        table, values = row
    else:
        table, values = TABLES[type(row)], row._asdict()
    data = json.dumps(values, default=_plain, skipkeys=True)
    identity = f"{table.name} {data}".encode()
    return RefusedRow(
        sha256(identity).digest()[:16],
        fit(table.name, tables.SHORT_LENGTH),
        ascii(fit(str(error), tables.ERROR_LENGTH))[1:-1],
        fit(data, DATA_LENGTH),
        moment_text(datetime.now(UTC)),
    )


def keep(connection: Connection, rows: Sequence[RefusedRow]) -> None:
    bulk.execute(connection, upsert, refused_rows, rows)


def say(row: RefusedRow) -> None:
    logger.error("A row of %s was refused and is kept in refused_rows: %s", row.table_name, row.error)


def _plain(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else repr(value)
