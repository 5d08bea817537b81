"""Rows as lists of texts and numbers, read in the way that is cheapest with each driver."""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    DateTime,
    LargeBinary,
    Select,
    func,
    select,
)

from scraping_project.storage.errors import StorageError
from scraping_project.storage.keyset import Stretch, as_stored

Row = list[Any]


def shown(rows: list[Row], columns: Sequence[Column[Any]]) -> list[Row]:
    """The same rows, in place, with their moments as ISO 8601."""
    moments = [place for place, column in enumerate(columns) if _is_moment(column)]
    for row in rows:
        for place in moments:
            row[place] = _iso(row[place])
    return rows


class Values:
    """Reads SQLite's rows, whose values come at little cost."""

    def __init__(self, columns: Sequence[Column[Any]]) -> None:
        self.columns = [as_stored(column) for column in columns]
        self._hashes = [place for place, column in enumerate(columns) if _is_hash(column)]

    def page(self, connection: Connection, stretch: Stretch, limit: int) -> list[Row]:
        return self.read(connection, stretch.select(*self.columns).limit(limit))

    def read(self, connection: Connection, query: Select[Any]) -> list[Row]:
        rows = [list(row) for row in connection.execute(query)]
        for row in rows:
            for place in self._hashes:
                row[place] = row[place] and row[place].hex()
        return rows


class Packed:
    """Reads MySQL's rows as one JSON text a page.

    PyMySQL takes ten microseconds for the seventeen values of a log, and one for their share of a text.
    A page is smaller than asked for when the server does not pack so many rows (``group_concat_max_len``,
    ``max_allowed_packet``). It does not promise a row that alone is larger.
    """

    def __init__(self, columns: Sequence[Column[Any]]) -> None:
        packed = func.group_concat(func.json_array(*map(_in_json, columns)))
        self._columns = [func.count(), packed]
        self._places = {column: place for place, column in enumerate(columns)}
        self._most = 2**31

    def page(self, connection: Connection, stretch: Stretch, limit: int) -> list[Row]:
        """The next rows, in order, among them the columns of the stretch's key."""
        most = min(limit, self._most)
        while (rows := self._packed(connection, stretch, most)) is None:
            if most == 1:
                raise StorageError("a row is larger than what the server packs: raise max_allowed_packet")
            self._most = most = most // 4 or 1
        self._most = min(2 * self._most, 2**31)
        # They come in the order of the index, but no server promises that.
        return sorted(rows, key=itemgetter(*(self._places[key] for key in stretch.keys)))

    def _packed(self, connection: Connection, stretch: Stretch, most: int) -> list[Row] | None:
        # Of ids alone: a subquery with all of the columns would be written to a table on disk.
        ids = stretch.select(stretch.table.c.id).limit(most).subquery()
        page = select(*self._columns).select_from(ids.join(stretch.table, stretch.table.c.id == ids.c.id))
        count, text = connection.execute(page).one()
        try:
            rows: list[Row] = msgspec.json.decode(f"[{text or ''}]")
        except msgspec.DecodeError:  # cut short
            return None
        return rows if len(rows) == count else None


def _in_json(column: Column[Any]) -> ColumnElement[Any]:
    return func.lower(func.hex(column)) if _is_hash(column) else column


def _is_moment(column: Column[Any]) -> bool:
    return isinstance(column.type, DateTime)


def _is_hash(column: Column[Any]) -> bool:
    return isinstance(column.type, LargeBinary)


def _iso(moment: str) -> str:
    # Both databases give YYYY-MM-DD HH:MM:SS.ffffff.
    return f"{moment[:10]}T{moment[11:19] if moment.endswith('.000000') else moment[11:]}Z"
