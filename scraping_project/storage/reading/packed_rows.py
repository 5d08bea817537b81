"""Pages of rows as columns of texts and numbers, read in the way that is cheapest with each driver.

A page is worked on column by column: Python's own loops are the cost of an export.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Integer,
    LargeBinary,
    Subquery,
    bindparam,
    func,
    literal,
    select,
)

from scraping_project.storage.engine import PACKED_BYTES
from scraping_project.storage.errors import StorageError
from scraping_project.storage.reading.keyset import MOST, Place, Query, Stretch, as_stored, bound
from scraping_project.storage.reading.numerals import Numerals
from scraping_project.storage.writing import bulk

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

    def find(self, connection: Connection, stretch: Stretch, after: Place | None, limit: int) -> Found | None:
        """The next rows, in order; None when there are no more."""
        query = stretch.select(*self.columns).limit(MOST)
        return found(self.read(connection, query, bound(after, limit)))

    def read(self, connection: Connection, query: Query, values: Mapping[str, Any] | None = None) -> Page:
        page: Page = list(zip(*connection.execute(query, values), strict=True))
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
        self._questions: dict[tuple[Stretch, _Form], _Question] = {}

    def find(self, connection: Connection, stretch: Stretch, after: Place | None, limit: int) -> Found | None:
        """The next rows, in order; None when there are no more."""
        most = min(limit, self._most)
        while _is_cut(connection, packed := self._ask(connection, stretch, bound(after, most))):
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

    def _ask(self, connection: Connection, stretch: Stretch, values: Mapping[str, Any]) -> "_Text":
        joined = self._question(stretch, self._joined).ask(connection, values)
        if _is_cut(connection, joined) or self._joined.holds(joined):
            return joined
        return self._question(stretch, self._json).ask(connection, values)

    def _question(self, stretch: Stretch, form: "_Form") -> "_Question":
        # Kept: to build one takes longer than to ask it, for every page.
        if (stretch, form) not in self._questions:
            by_id = stretch.keys == (stretch.table.c.id,)
            self._questions[stretch, form] = (_ById if by_id else _ByMoment)(stretch, form)
        return self._questions[stretch, form]

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


class _Question(Protocol):
    """Asks for the rows of a page as one text."""

    def __init__(self, stretch: Stretch, form: _Form) -> None: ...
    def ask(self, connection: Connection, values: Mapping[str, Any]) -> _Text: ...


class _ById:
    """Of rows in the order of their ids; to ask first up to which is a third less work than a join."""

    def __init__(self, stretch: Stretch, form: _Form) -> None:
        number, last = stretch.table.c.id, bindparam("last", type_=BigInteger())
        self._form = form
        self._last = select(func.max(_ids(stretch).c.id))
        self._rows = stretch.select(*_packed(form)).where(number <= last).order_by(None)

    def ask(self, connection: Connection, values: Mapping[str, Any]) -> _Text:
        last = connection.scalar(self._last, values)
        if last is None:
            return _Text(self._form, 0, "", None)
        page: Any = connection.execute(self._rows, {**values, "last": last}).one()
        return _Text(self._form, page[0], page[1] or "", last)


class _ByMoment:
    """Of rows in the order of their moments."""

    def __init__(self, stretch: Stretch, form: _Form) -> None:
        ids = _ids(stretch)
        rows = ids.join(stretch.table, stretch.table.c.id == ids.c.id)
        self._form = form
        self._rows = select(*_packed(form)).select_from(rows)

    def ask(self, connection: Connection, values: Mapping[str, Any]) -> _Text:
        page: Any = connection.execute(self._rows, values).one()
        return _Text(self._form, page[0], page[1] or "", None)


def _ids(stretch: Stretch) -> Subquery:
    # Of ids alone: a subquery with all of the columns would be written to a table on disk.
    return stretch.select(stretch.table.c.id).limit(MOST).subquery()


def _packed(form: _Form) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    return func.count(), func.aggregate_strings(form.row, "")


def _is_cut(connection: Connection, packed: _Text) -> bool:
    """Whether the text may have been longer; it is cut before a character that has no room."""
    room = min(PACKED_BYTES, bulk.packet_bytes(connection)) - LONGEST_CHARACTER
    length = len(packed.text) if packed.text.isascii() else len(packed.text.encode())
    return length > room


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
    if _is_number(column):
        return Numerals(texts)
    return [text[1:] if text else None for text in texts] if column.nullable else texts


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
