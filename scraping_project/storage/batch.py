"""What one transaction of the writer does with a batch of rows."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Table, event, select

from scraping_project.storage import bulk
from scraping_project.storage.errors import RowRefused
from scraping_project.storage.rollups import Counts
from scraping_project.storage.rows import Row, is_unmodified, merge_sites
from scraping_project.storage.tables import (
    attempt_minutes,
    attempt_totals,
    items,
    scrape_logs,
    site_totals,
    sites,
)
from scraping_project.storage.transactions import UNSENDABLE
from scraping_project.storage.upserts import add_up, insert, touch, upsert
from scraping_project.storage.values import moment_text

LOOKUP_SIZE = 1_000
#: What of a stored log was counted.
COUNTED = [
    scrape_logs.c[name]
    for name in (
        "task_id",
        "domain",
        "finished_at",
        "crawl_id",
        "status",
        "reason",
        "latency_ms",
        "bytes",
        "records_scraped",
    )
]


OURS = frozenset({sites, scrape_logs, items})

_AS_IDS = msgspec.json.Decoder(dict[str, int])


class Entry(NamedTuple):
    """A row that waits to be written."""

    table: Table
    row: Row
    site: bytes | None = None  # the hash of a log's site


def write(connection: Connection, entries: Sequence[Entry], *, careful: bool) -> None:
    """Writes the entries and what they add to the roll-ups; the last of two rows of one key counts.

    Rows are locked table by table in the order of their keys, and the roll-ups, which every worker
    writes, last and so for the shortest time.

    Args:
        connection: Within a transaction.
        entries: Rows of any tables, in the order in which they came.
        careful: Looks first which logs are already there, as after a crash or a lost answer. Without,
            such a log is an error, which costs an ordinary batch nothing.

    Raises:
        Duplicated: A log is there and it was not looked for, or another worker wrote it meanwhile.
        RowRefused: The database will never take one of the rows.
    """
    counts = Counts()
    ids = _write_sites(connection, entries, counts)
    _write_logs(connection, entries, ids, counts, careful=careful)
    _write_items(connection, entries)
    _write_others(connection, entries)
    bulk.execute(connection, add_up, site_totals, counts.sites())
    bulk.execute(connection, add_up, attempt_minutes, counts.minutes())
    bulk.execute(connection, add_up, attempt_totals, counts.totals())


def _write_sites(connection: Connection, entries: Sequence[Entry], counts: Counts) -> dict[bytes, int]:
    """The ids of the sites of the batch, and of those that its logs name."""
    rows = merge_sites([entry.row for entry in entries if entry.table is sites])
    hashes = {row["url_hash"] for row in rows} | {entry.site for entry in entries if entry.site is not None}
    ids = _site_ids(connection, hashes)
    new = [row for row in rows if row["url_hash"] not in ids]
    known = [row for row in rows if row["url_hash"] in ids]
    bulk.execute(connection, insert, sites, new)
    bulk.execute(connection, upsert, sites, [row for row in known if not is_unmodified(row)])
    bulk.execute(connection, touch, sites, [row for row in known if is_unmodified(row)])
    counts.add_sites(row["domain"] for row in new)
    return ids | _site_ids(connection, {row["url_hash"] for row in new})


def _write_logs(
    connection: Connection,
    entries: Sequence[Entry],
    ids: dict[bytes, int],
    counts: Counts,
    *,
    careful: bool,
) -> None:
    logs = {
        entry.row["task_id"]: {**entry.row, "site_id": ids.get(entry.site) if entry.site else None}
        for entry in entries
        if entry.table is scrape_logs
    }
    stored = _stored_logs(connection, logs) if careful else {}
    rows = [logs[task_id] for task_id in sorted(logs)]
    bulk.execute(connection, insert, scrape_logs, [row for row in rows if row["task_id"] not in stored])
    bulk.execute(connection, upsert, scrape_logs, [row for row in rows if row["task_id"] in stored])
    for row in stored.values():
        counts.add(row, -1)
    for row in rows:
        counts.add(row)


def _write_items(connection: Connection, entries: Sequence[Entry]) -> None:
    rows = {(e.row["task_id"], e.row["number"]): e.row for e in entries if e.table is items}
    bulk.execute(connection, upsert, items, [rows[key] for key in sorted(rows)])


def _write_others(connection: Connection, entries: Sequence[Entry]) -> None:
    """Rows of tables that are not of this project, with whatever types their columns have."""
    others: dict[tuple[str, tuple[str, ...]], list[Entry]] = {}
    for entry in entries:
        if entry.table not in OURS:
            others.setdefault((entry.table.name, tuple(sorted(entry.row))), []).append(entry)
    if others and connection.dialect.name != "sqlite":
        event.listen(connection, "before_cursor_execute", _check_packets)
    for name, columns in sorted(others):
        some = others[name, columns]
        table = some[0].table
        rows = [entry.row for entry in sorted(some, key=_primary_key)]
        try:
            connection.execute(upsert(connection.dialect.name, table, columns), rows)
        except UNSENDABLE as error:
            raise RowRefused(f"table {table.name}: {error}") from error


def _check_packets(
    connection: Connection, _cursor: Any, _words: str, values: Any, context: Any, executemany: bool
) -> None:
    if context.compiled:
        bulk.check_packets(connection, values if executemany else [values])


def _primary_key(entry: Entry) -> list[str]:
    return [repr(entry.row[column.name]) for column in entry.table.primary_key]


def _stored_logs(connection: Connection, task_ids: dict[str, Row]) -> dict[str, Row]:
    """The logs of these attempts as they are, locked: what they count for is taken away."""
    found: dict[str, Row] = {}
    for some in _chunks(sorted(task_ids)):
        query = select(*COUNTED).where(scrape_logs.c.task_id.in_(some)).with_for_update()
        for log in connection.execute(query).mappings():
            found[log["task_id"]] = {**log, "finished_at": moment_text(log["finished_at"])}
    return found


def _site_ids(connection: Connection, hashes: set[bytes]) -> dict[bytes, int]:
    """The ids of those of the sites that are there."""
    found: dict[bytes, int] = {}
    for some in _chunks(sorted(hashes)):
        listed = ",".join([f"X'{url_hash.hex()}'" for url_hash in some])
        found.update(_ids(connection, f"FROM sites WHERE url_hash IN ({listed})"))
    return found


def _ids(connection: Connection, sites_of: str) -> Iterable[tuple[bytes, int]]:
    if connection.dialect.name == "sqlite":
        return [(row[0], row[1]) for row in connection.exec_driver_sql(f"SELECT url_hash, id {sites_of}")]
    # One object, not a row each: PyMySQL, written in Python, takes longer for a row than the database.
    answer = connection.exec_driver_sql(f"SELECT JSON_OBJECTAGG(HEX(url_hash), id) {sites_of}").scalar()
    ids = _AS_IDS.decode(answer) if answer else {}
    return [(bytes.fromhex(url_hash), id_) for url_hash, id_ in ids.items()]


def _chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), LOOKUP_SIZE):
        yield values[start : start + LOOKUP_SIZE]
