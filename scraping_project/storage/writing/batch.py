"""What one transaction of the writer does with a batch of rows."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, event, select

from scraping_project.storage.errors import RowRefused
from scraping_project.storage.tables import (
    attempt_minutes,
    attempt_totals,
    failure_hours,
    items,
    scrape_logs,
    site_totals,
    sites,
)
from scraping_project.storage.transactions import UNSENDABLE
from scraping_project.storage.values import moment_text
from scraping_project.storage.writing import bulk
from scraping_project.storage.writing.rollups import Counted, Counts
from scraping_project.storage.writing.rows import (
    ItemRow,
    LogRow,
    OtherRow,
    Row,
    SiteRow,
    is_unmodified,
    merge_sites,
    with_id,
)
from scraping_project.storage.writing.upserts import add_up, insert, touch, upsert

LOOKUP_SIZE = 1_000
#: What of a stored log was counted.
COUNTED = [scrape_logs.c[name] for name in Counted._fields]

_AS_IDS = msgspec.json.Decoder(dict[str, int])


def write(connection: Connection, rows: Sequence[Row], *, careful: bool) -> None:
    """Writes the rows and what they add to the roll-ups; the last of two of one key counts.

    Rows are locked table by table in the order of their keys, and the roll-ups, which every worker
    writes, last and so for the shortest time.

    Args:
        connection: Within a transaction.
        rows: Of any tables, in the order in which they came.
        careful: Looks first which logs are already there, as after a crash or a lost answer. Without,
            such a log is an error, which costs an ordinary batch nothing.

    Raises:
        Duplicated: A log is there and it was not looked for, or another worker wrote it meanwhile.
        RowRefused: The database will never take one of the rows.
    """
    counts = Counts()
    logs = [row for row in rows if row.__class__ is LogRow]
    ids = _write_sites(connection, [row for row in rows if row.__class__ is SiteRow], logs, counts)
    _write_logs(connection, logs, ids, counts, careful=careful)
    _write_items(connection, [row for row in rows if row.__class__ is ItemRow])
    _write_others(connection, [row for row in rows if row.__class__ is OtherRow])
    bulk.execute(connection, add_up, site_totals, counts.sites())
    bulk.execute(connection, add_up, attempt_minutes, counts.minutes())
    bulk.execute(connection, add_up, attempt_totals, counts.totals())
    bulk.execute(connection, add_up, failure_hours, counts.failures())


def _write_sites(
    connection: Connection, sites_: Iterable[SiteRow], logs: Iterable[LogRow], counts: Counts
) -> dict[bytes, int]:
    """The ids of the sites of the batch, and of those that its logs name."""
    rows = merge_sites(sites_)
    ids = _site_ids(connection, {row.url_hash for row in rows} | {log.site for log in logs if log.site})
    new = [row for row in rows if row.url_hash not in ids]
    known = [row for row in rows if row.url_hash in ids]
    bulk.execute(connection, insert, sites, new)
    bulk.execute(connection, upsert, sites, [row for row in known if not is_unmodified(row)])
    bulk.execute(connection, touch, sites, [row for row in known if is_unmodified(row)])
    counts.add_sites(row.domain for row in new)
    return ids | _site_ids(connection, {row.url_hash for row in new})


def _write_logs(
    connection: Connection,
    logs: Iterable[LogRow],
    ids: dict[bytes, int],
    counts: Counts,
    *,
    careful: bool,
) -> None:
    by_task = {log.task_id: log for log in logs}
    last = [by_task[task_id] for task_id in sorted(by_task)]
    stored = _stored_logs(connection, by_task) if careful else {}
    rows = [(log.task_id in stored, with_id(log, ids)) for log in last]
    bulk.execute(connection, insert, scrape_logs, [row for known, row in rows if not known])
    bulk.execute(connection, upsert, scrape_logs, [row for known, row in rows if known])
    for was in stored.values():
        counts.add(was, -1)
    for log in last:
        counts.add(log)


def _write_items(connection: Connection, items_: Iterable[ItemRow]) -> None:
    rows = {(row.task_id, row.number): row for row in items_}
    bulk.execute(connection, upsert, items, [rows[key] for key in sorted(rows)])


def _write_others(connection: Connection, rows: Iterable[OtherRow]) -> None:
    """Rows of tables that are not of this project, with whatever types their columns have."""
    others: dict[tuple[str, tuple[str, ...]], list[OtherRow]] = {}
    for row in rows:
        others.setdefault((row.table.name, tuple(sorted(row.values))), []).append(row)
    if others and connection.dialect.name != "sqlite":
        event.listen(connection, "before_cursor_execute", _check_packets)
    for name, columns in sorted(others):
        some = others[name, columns]
        table = some[0].table
        values = [row.values for row in sorted(some, key=_primary_key)]
        try:
            connection.execute(upsert(connection.dialect.name, table, columns), values)
        except UNSENDABLE as error:
            raise RowRefused(f"table {table.name}: {error}") from error


def _check_packets(
    connection: Connection, _cursor: Any, _words: str, values: Any, context: Any, executemany: bool
) -> None:
    if context.compiled:
        bulk.check_packets(connection, values if executemany else [values])


def _primary_key(row: OtherRow) -> list[str]:
    return [repr(row.values[column.name]) for column in row.table.primary_key]


def _stored_logs(connection: Connection, task_ids: Collection[str]) -> dict[str, Counted]:
    """The logs of these attempts as they are, locked: what they count for is taken away."""
    found: dict[str, Counted] = {}
    for some in _chunks(sorted(task_ids)):
        query = select(*COUNTED).where(scrape_logs.c.task_id.in_(some)).with_for_update()
        for values in connection.execute(query):
            log = Counted(*values)
            found[log.task_id] = log._replace(finished_at=moment_text(values.finished_at))
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
