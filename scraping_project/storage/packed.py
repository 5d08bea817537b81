"""Pages of rows as columns of texts and numbers, read in the way that is cheapest with each driver.

A page is worked on column by column: Python's own loops are the cost of an export.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol

import msgspec
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Integer,
    LargeBinary,
    func,
    literal,
    select,
)

from scraping_project.storage import bulk
from scraping_project.storage.engine import PACKED_BYTES
from scraping_project.storage.errors import StorageError
from scraping_project.storage.keyset import Place, Query, Stretch, as_stored

#: A page's columns, each with a value for every row; a page without rows has no columns.
Page = list[Sequence[Any]]

#: ASCII's own unit and record separator.
FIELD, RECORD = "\x1f", "\x1e"
LONGEST_CHARACTER = 4  # bytes of UTF-8


@dataclass(frozen=True, slots=True)
class Found:
    """Rows, of which the first column is the id and the last the moment."""

    end: Place  # of the last of them
    page: Callable[[], Page]  # makes it: on the thread that works on it, while the next is read


class Values:
    """Reads SQLite's rows, whose values come at little cost."""

    def __init__(self, columns: Sequence[Column[Any]]) -> None:
        self.columns = [as_stored(column) for column in columns]
        self._hashes = [place for place, column in enumerate(columns) if _is_hash(column)]

    def find(self, connection: Connection, stretch: Stretch, limit: int) -> Found | None:
        """The next rows, in order; None when there are no more."""
        return found(self.read(connection, stretch.select(*self.columns).limit(limit)))

    def read(self, connection: Connection, query: Query) -> Page:
        page: Page = list(zip(*connection.execute(query), strict=True))
        for place in self._hashes if page else ():
            page[place] = [value and value.hex() for value in page[place]]
        return page


class Packed:
    """Reads MySQL's rows as one text a page.

    PyMySQL takes ten microseconds for the seventeen values of a log, and one for their share of a text. That
    text costs the server a third of what it would as JSON, which a page is only where a value holds one of
    its separators.
    A page is smaller than asked for when the server does not pack so many rows (``group_concat_max_len``,
    ``max_allowed_packet``). It does not promise a row that alone is larger.
    """

    def __init__(self, columns: Sequence[Column[Any]]) -> None:
        self._joined = _Joined(columns)
        self._json = _Json(columns)
        self._places = {column: place for place, column in enumerate(columns)}
        self._most = 2**31

    def find(self, connection: Connection, stretch: Stretch, limit: int) -> Found | None:
        """The next rows, in order; None when there are no more."""
        most = min(limit, self._most)
        while _is_cut(connection, packed := self._ask(connection, stretch, most)):
            if most == 1:
                raise StorageError("a row is larger than what the server packs: raise max_allowed_packet")
            self._most = most = most // 4 or 1
        self._most = min(2 * self._most, 2**31)
        if not packed.rows:
            return None
        read = partial(self._read, packed, stretch)
        if stretch.index == "PRIMARY" and packed.last is not None:
            return Found(Place(moment="", id=packed.last), read)
        return found(read())  # which tells the moment of the last

    def _ask(self, connection: Connection, stretch: Stretch, most: int) -> "_Text":
        joined = _ask(connection, stretch, most, self._joined)
        if _is_cut(connection, joined) or self._joined.holds(joined):
            return joined
        return _ask(connection, stretch, most, self._json)

    def _read(self, packed: "_Text", stretch: Stretch) -> Page:
        return _sorted(packed.form.read(packed.text), [self._places[key] for key in stretch.keys])


class _Form(Protocol):
    """How rows are packed."""

    row: ColumnElement[Any]

    def read(self, text: str) -> Page: ...


class _Text(NamedTuple):
    """Packed rows."""

    form: _Form
    rows: int
    text: str
    last: int | None  # the highest id; None where they are not ordered by it


def found(page: Page) -> Found | None:
    """A page that is made already; None for one without rows."""
    return Found(Place(moment=page[-1][-1], id=page[0][-1]), lambda: page) if page else None


def shown(page: Page, columns: Sequence[Column[Any]]) -> Page:
    """The same page with its moments as ISO 8601."""
    return [
        _iso(values) if _is_moment(column) else values for values, column in zip(page, columns, strict=True)
    ]


def _ask(connection: Connection, stretch: Stretch, most: int, form: _Form) -> _Text:
    # Of ids alone: a subquery with all of the columns would be written to a table on disk.
    number = stretch.table.c.id
    ids = stretch.select(number).limit(most).subquery()
    packed: list[ColumnElement[Any]] = [func.count(), func.aggregate_strings(form.row, "")]
    if stretch.keys != (number,):
        joined = select(*packed).select_from(ids.join(stretch.table, number == ids.c.id))
        count, text = connection.execute(joined).one()
        return _Text(form, count, text or "", None)
    # A third less work for the server than the join.
    last = connection.scalar(select(func.max(ids.c.id)))
    if last is None:
        return _Text(form, 0, "", None)
    page: Any = connection.execute(stretch.select(*packed).where(number <= last).order_by(None)).one()
    return _Text(form, page[0], page[1] or "", last)


def _is_cut(connection: Connection, packed: _Text) -> bool:
    """Whether the text may have been longer; it is cut before a character that has no room."""
    room = min(PACKED_BYTES, bulk.packet_bytes(connection)) - LONGEST_CHARACTER
    return len(packed.text.encode()) > room


def _sorted(page: Page, places: Sequence[int]) -> Page:
    """The rows come in the order of the index, but no server promises that."""
    keys = list(zip(*(page[place] for place in places), strict=True))
    order = sorted(range(len(keys)), key=keys.__getitem__)
    if order == list(range(len(keys))):
        return page
    return [[values[row] for row in order] for values in page]


class _Joined:
    """Rows of values with a separator behind each."""

    def __init__(self, columns: Sequence[Column[Any]]) -> None:
        self._columns = columns
        parts = [part for column in columns for part in (_joinable(column), literal(FIELD))]
        self.row: ColumnElement[Any] = func.concat(*parts[:-1], literal(RECORD))

    def holds(self, packed: _Text) -> bool:
        """Whether it is exact: no value holds a separator, or there were more of them."""
        fields = packed.rows * (len(self._columns) - 1)
        return packed.text.count(RECORD) == packed.rows and packed.text.count(FIELD) == fields

    def read(self, text: str) -> Page:
        values = text.replace(RECORD, FIELD).split(FIELD)
        values.pop()  # behind the last separator
        width = len(self._columns)
        return [_read(column, values[place::width]) for place, column in enumerate(self._columns)]


def _joinable(column: Column[Any]) -> ColumnElement[Any]:
    """The column as a text that is never NULL, see ``_read``."""
    if _is_number(column):
        return func.coalesce(column, "") if column.nullable else column
    text = func.lower(func.hex(column)) if _is_hash(column) else column
    return func.coalesce(func.concat("=", text), "") if column.nullable else text


def _read(column: Column[Any], texts: list[str]) -> Sequence[Any]:
    if not column.nullable:
        return list(map(int, texts)) if _is_number(column) else texts
    if _is_number(column):
        return [int(text) if text else None for text in texts]
    return [text[1:] if text else None for text in texts]


class _Json:
    """Rows as JSON arrays, of any values."""

    def __init__(self, columns: Sequence[Column[Any]]) -> None:
        self.row: ColumnElement[Any] = func.concat(func.json_array(*map(_in_json, columns)), ",")

    def read(self, text: str) -> Page:
        return list(zip(*msgspec.json.decode(f"[{text[:-1]}]"), strict=True))


def _in_json(column: Column[Any]) -> ColumnElement[Any]:
    return func.lower(func.hex(column)) if _is_hash(column) else column


def _is_moment(column: Column[Any]) -> bool:
    return isinstance(column.type, DateTime)


def _is_number(column: Column[Any]) -> bool:
    return isinstance(column.type, Integer)


def _is_hash(column: Column[Any]) -> bool:
    return isinstance(column.type, LargeBinary)


def _iso(moments: Sequence[str]) -> list[str]:
    # Both databases give YYYY-MM-DD HH:MM:SS.ffffff.
    text = "\n".join(moments).replace(" ", "T").replace(".000000", "").replace("\n", "Z\n")
    return f"{text}Z".split("\n")
