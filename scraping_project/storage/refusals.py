"""Rows that the database will never take, kept where people find them."""

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from scraping_project.storage import bulk, tables
from scraping_project.storage.batch import Entry
from scraping_project.storage.rows import Row
from scraping_project.storage.tables import refused_rows
from scraping_project.storage.upserts import upsert
from scraping_project.storage.values import fit, moment_text

logger = logging.getLogger(__name__)

#: Of a row that is refused for its size, enough to see what it is.
DATA_LENGTH = 100_000


def refused_row(entry: Entry, error: Exception) -> Row:
    """The row of ``refused_rows`` for a row that is refused; plain ASCII, so that it is taken itself."""
    data = json.dumps(entry.row, default=_plain, skipkeys=True)
    identity = f"{entry.table.name} {data}".encode()
    return {
        "row_hash": sha256(identity).digest()[:16],
        "table_name": fit(entry.table.name, tables.SHORT_LENGTH),
        "error": ascii(fit(str(error), tables.ERROR_LENGTH))[1:-1],
        "data": fit(data, DATA_LENGTH),
        "refused_at": moment_text(datetime.now(UTC)),
    }


def keep(connection: Connection, rows: Sequence[Row]) -> None:
    bulk.execute(connection, upsert, refused_rows, rows)


def say(row: Row) -> None:
    logger.error("A row of %s was refused and is kept in refused_rows: %s", row["table_name"], row["error"])


def _plain(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else repr(value)
