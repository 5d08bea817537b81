"""Many rows in few statements, past what SQLAlchemy and the driver do for each row.

The statement's words come from SQLAlchemy, its texts are the driver's own parameters; beside them there are
numbers, bytes in hexadecimal and NULL only.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Insert, Table
from sqlalchemy.engine import Dialect

from scraping_project.storage.errors import RowRefused
from scraping_project.storage.transactions import UNSENDABLE, where
from scraping_project.storage.writing.upserts import written

Values = tuple[Any, ...]
Picker = Callable[[Values], Values]  # takes some of a row's values

#: The most values and characters of one statement for MySQL, so that a commit of some hundred pages is few
#: round trips and a statement a few megabytes. A larger row goes alone.
STATEMENT_VALUES, STATEMENT_CHARACTERS = 8_000, 1_000_000
#: Bytes of a packet for a character, at most: UTF-8 takes four, and there are numbers and marks between.
CHARACTER_BYTES = 5
PLACEHOLDERS = {"format": "%s", "pyformat": "%({})s", "qmark": "?"}
#: How values of a class stand in a statement; the others are sent beside it.
FORMS = {int: "%d", bytes: "X'%s'", type(None): "NULL"}
#: What a packet needs beside the values: the words of the statement.
WORDS_BYTES = 8_192


class Words(NamedTuple):
    """A compiled INSERT of one row, around its values."""

    head: str
    group: str  # the placeholders of one row, in parentheses
    tail: str
    names: tuple[str, ...]  # whose values the placeholders take

    def of(self, groups: Iterable[str]) -> str:
        """The statement for many rows."""
        return f"{self.head}{','.join(groups)}{self.tail}"


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


class Shape(NamedTuple):
    """Where the values of a row go, told by their classes; each picks its own from the row's values."""

    group: str  # filled with what is plain: a row in parentheses, with the driver's marks for what is sent
    plain: Picker  # numbers, and bytes
    sent: Picker
    sized: Picker  # texts and bytes: what a statement's size comes from


@lru_cache(maxsize=1024)
def shape_of(kinds: tuple[type, ...]) -> Shape:
    """The shape of rows whose values have these classes: few, so that it costs next to nothing a row."""
    forms = [FORMS.get(kind, "%%s") for kind in kinds]
    return Shape(
        f"({','.join(forms)})",
        _picker(at for at, kind in enumerate(kinds) if kind is int or kind is bytes),
        _picker(at for at, form in enumerate(forms) if form == "%%s"),
        _picker(at for at, kind in enumerate(kinds) if kind is str or kind is bytes),
    )


def _picker(places: Iterable[int]) -> Picker:
    wanted = tuple(places)
    if len(wanted) > 1:
        return itemgetter(*wanted)
    return lambda row: tuple([row[place] for place in wanted])  # where itemgetter gives no tuple


def execute(
    connection: Connection, kind: Callable[[str, Table], Insert], table: Table, rows: Sequence[Values]
) -> None:
    """Runs the INSERT of this kind (``upserts``) for all rows, whose values are in the order of ``written``.

    Raises:
        RowRefused: A value cannot be sent at all, or a row is larger than the server's packets.
    """
    if not rows:
        return
    words = words_of(connection.dialect, kind, table)
    try:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(words.of([words.group]), list(rows))
            return
        for statement, sent in _statements(words, rows, packet_bytes(connection)):
            connection.exec_driver_sql(statement, sent)
    except UNSENDABLE as error:
        raise RowRefused(f"{where(connection.engine)}: {error}") from error


def _statements(words: Words, rows: Iterable[Values], packet: int) -> Iterator[tuple[str, Values]]:
    """Statements of many rows each, and what the driver sends with them."""
    most = STATEMENT_VALUES // len(words.names)
    longest = min(STATEMENT_CHARACTERS, packet // CHARACTER_BYTES)
    groups: list[str] = []
    sent: list[Any] = []
    size = 0
    for row in rows:
        shape = shape_of(tuple(map(type, row)))
        length = sum(map(len, shape.sized(row)))
        if groups and (size + length > longest or len(groups) >= most):
            yield words.of(groups), tuple(sent)
            groups, sent, size = [], [], 0
        if length > longest:
            _check_packet(row, packet)
        plain = [value.hex() if value.__class__ is bytes else value for value in shape.plain(row)]
        groups.append(shape.group % tuple(plain))
        sent += shape.sent(row)
        size += length
    yield words.of(groups), tuple(sent)


def packet_bytes(connection: Connection) -> int:
    """The largest packet that the server of this connection takes; asked once a connection."""
    known: int | None = connection.info.get("max_allowed_packet")
    if known is None:
        known = int(connection.exec_driver_sql("SELECT @@max_allowed_packet").scalar_one())
        connection.info["max_allowed_packet"] = known
    return known


def check_packets(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Looks at values that SQLAlchemy is about to hand to MySQL's driver, in the place of ``execute``.

    Raises:
        ValueError: A row is larger than the server's packets.
    """
    packet = packet_bytes(connection)
    for row in rows:
        if _length(row.values()) > packet // CHARACTER_BYTES:
            _check_packet(row.values(), packet)


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
