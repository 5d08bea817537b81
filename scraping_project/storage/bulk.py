"""Many rows in few statements, past what SQLAlchemy and the driver do for each row.

The statement's words come from SQLAlchemy, its texts and bytes go through the driver's own parameters; beside
them there are numbers and None only.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Insert, Table, text
from sqlalchemy.engine import Dialect

from scraping_project.storage.errors import RowRefused
from scraping_project.storage.transactions import UNSENDABLE, where
from scraping_project.storage.upserts import written

Row = dict[str, Any]

#: The most values and characters of one statement for MySQL: well within the smallest packet that servers
#: are set to (1 MiB), also when every character takes four bytes. A larger row goes alone.
STATEMENT_VALUES, STATEMENT_CHARACTERS = 8_000, 200_000
PLACEHOLDERS = {"format": "%s", "pyformat": "%({})s", "qmark": "?"}
#: What has one form in SQL: a driver written in Python spends most of its time on these.
SELF_EVIDENT = frozenset({int, type(None)})
#: What a packet needs beside the values: the words of the statement.
WORDS_BYTES = 8_192


class Words(NamedTuple):
    """A compiled INSERT of one row, around its values."""

    head: str
    group: str  # the placeholders of one row, in parentheses
    tail: str
    names: tuple[str, ...]  # whose values the placeholders take


@lru_cache(maxsize=256)
def words_of(dialect: Dialect, kind: Callable[[str, Table], Insert], table: Table) -> Words:
    """The INSERT of this kind in the words of a dialect that has met its server."""
    compiled = str(kind(dialect.name, table).compile(dialect=dialect))
    names = tuple(written(table))
    # PyMySQL takes its values by name or by place, SQLAlchemy asks it for names.
    mark = PLACEHOLDERS[dialect.paramstyle]
    head, found, tail = compiled.partition(f"({', '.join(mark.format(name) for name in names)})")
    if not found:
        raise ValueError(f"not every column of {table.name} has a value of its own: {compiled}")
    group = f"({', '.join(['?' if mark == '?' else '%s'] * len(names))})"
    return Words(head, group, tail, names)


def execute(
    connection: Connection, kind: Callable[[str, Table], Insert], table: Table, rows: Sequence[Row]
) -> None:
    """Runs the INSERT of this kind (``upserts``) for all rows.

    Raises:
        RowRefused: A value cannot be sent at all, or a row is larger than the server's packets.
    """
    if not rows:
        return
    words = words_of(connection.dialect, kind, table)
    values = itemgetter(*words.names)
    try:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("".join(words[:3]), [values(row) for row in rows])
            return
        packet = packet_bytes(connection)
        for chunk in _chunks([values(row) for row in rows], len(words.names), packet):
            statement = words.head + ",".join(map(_group, chunk)) + words.tail
            sent = [value for row in chunk for value in row if value.__class__ not in SELF_EVIDENT]
            connection.exec_driver_sql(statement, tuple(sent))
    except UNSENDABLE as error:
        raise RowRefused(f"{where(connection.engine)}: {error}") from error


def _group(row: tuple[Any, ...]) -> str:
    """A row with placeholders for all but the self-evident, which stand there themselves."""
    places = [
        "%s" if value.__class__ not in SELF_EVIDENT else "NULL" if value is None else str(value)
        for value in row
    ]
    return f"({','.join(places)})"


def packet_bytes(connection: Connection) -> int:
    """The largest packet that the server of this connection takes; asked once a connection."""
    known: int | None = connection.info.get("max_allowed_packet")
    if known is None:
        known = int(connection.scalar(text("SELECT @@max_allowed_packet")) or 0)
        connection.info["max_allowed_packet"] = known
    return known


def check_packets(connection: Connection, rows: Sequence[Row]) -> None:
    """Looks at values that SQLAlchemy is about to hand to MySQL's driver, in the place of ``execute``.

    Raises:
        ValueError: A row is larger than the server's packets.
    """
    for row in rows:
        if _length(row.values()) > STATEMENT_CHARACTERS:
            _check_packet(row.values(), packet_bytes(connection))


def _chunks(rows: Iterable[tuple[Any, ...]], width: int, packet: int) -> Iterator[list[tuple[Any, ...]]]:
    chunk: list[tuple[Any, ...]] = []
    size, most = 0, STATEMENT_VALUES // width
    for row in rows:
        length = _length(row)
        if chunk and (size + length > STATEMENT_CHARACTERS or len(chunk) >= most):
            yield chunk
            chunk, size = [], 0
        if length > STATEMENT_CHARACTERS:
            _check_packet(row, packet)
        chunk.append(row)
        size += length
    if chunk:
        yield chunk


def _length(values: Iterable[Any]) -> int:
    return sum([len(value) for value in values if value.__class__ is str or value.__class__ is bytes])


def _check_packet(values: Iterable[Any], packet: int) -> None:
    # A server cuts the connection at a packet that is too large, which looks like an outage.
    size = WORDS_BYTES + sum(map(_sent_bytes, values))
    if size > packet:
        raise ValueError(f"a row of {size:,} bytes, but max_allowed_packet is {packet:,}")


def _sent_bytes(value: Any) -> int:
    """Quotes are doubled, and the driver sends bytes in hexadecimal."""
    if isinstance(value, bytes):
        return 2 * len(value)
    return len(value.encode()) + value.count("'") if isinstance(value, str) else 0
