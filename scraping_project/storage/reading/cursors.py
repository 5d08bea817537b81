"""Pages of lists that people look at: a cursor says where the next one begins, whatever was added meanwhile.

A cursor is opaque text that may stand in a URL. It is made and checked here alone.
"""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Select, and_, or_, true

from scraping_project.storage.values import BIGINT_LIMIT

T = TypeVar("T")
Cursor = str | None
Make = Callable[[Mapping[Any, Any]], T]

PAGE = 50
BAD = "the cursor is not one that this list gave: open the list without it"
LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows of a list, and the cursors of those before and behind; None where there are none."""

    rows: Sequence[T]
    older: Cursor  # those that follow
    newer: Cursor  # those that came before


@dataclass(frozen=True, slots=True)
class Key:
    """One of the columns by which a list is ordered; the last of them tells any two rows apart."""

    column: Column[Any]
    falls: bool = False


class _Place(msgspec.Struct, array_like=True, frozen=True):
    back: bool  # towards the newer
    values: tuple[Any, ...]


def read_page(
    connection: Connection,
    query: Select[Any],
    keys: Sequence[Key],
    make: Make[T],
    *,
    cursor: Cursor = None,
    limit: int = PAGE,
) -> Page[T]:
    """Reads a page of a list that an index holds in its order.

    Args:
        connection: Within a transaction.
        query: The rows of the list in no order, the columns of the keys among them.
        keys: The order; only the first may be a moment.
        make: Makes what is shown of a row.
        cursor: Of the page before or behind; None: the first.
        limit: Rows at the most.

    Raises:
        ValueError: The cursor is none of this list.
    """
    place = None if cursor is None else _decoded(cursor, keys)
    back = place is not None and place.back
    if place is not None:
        query = query.where(_beyond(keys, place))
    # One more tells whether there is a next page.
    rows = connection.execute(query.order_by(*(_order(key, back=back) for key in keys)).limit(limit + 1))
    found = rows.mappings().all()
    more, found = len(found) > limit, found[:limit]
    if back:
        found = found[::-1]
    older = found and (more or back) and _encoded(keys, found[-1], back=False)
    newer = found and (more if back else place is not None) and _encoded(keys, found[0], back=True)
    return Page([make(row) for row in found], older or None, newer or None)


def _order(key: Key, *, back: bool) -> ColumnElement[Any]:
    return key.column.desc() if key.falls is not back else key.column.asc()


def _beyond(keys: Sequence[Key], place: _Place) -> ColumnElement[bool]:
    """What comes after the place, in a form that databases begin at: the first key bounds all of it."""
    condition: ColumnElement[bool] | None = None
    for key, value in reversed(list(zip(keys, place.values, strict=True))):
        column, falls = key.column, key.falls is not place.back
        beyond, from_here = (column < value, column <= value) if falls else (column > value, column >= value)
        condition = beyond if condition is None else and_(from_here, or_(beyond, condition))
    return true() if condition is None else condition


def _encoded(keys: Sequence[Key], row: Mapping[Any, Any], *, back: bool) -> str:
    place = _Place(back, tuple(row[key.column] for key in keys))
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()


def _decoded(cursor: str, keys: Sequence[Key]) -> _Place:
    if len(cursor) > LONGEST or not cursor.isascii():
        raise ValueError(BAD)
    try:
        packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        place = msgspec.json.decode(packed, type=_Place)
        values = [
            msgspec.convert(value, key.column.type.python_type)
            for key, value in zip(keys, place.values, strict=True)
        ]
    except (binascii.Error, ValueError):  # msgspec's are ValueErrors
        raise ValueError(BAD) from None
    if not all(map(_can_be_asked, values)):
        raise ValueError(BAD)
    return _Place(place.back, tuple(values))


def _can_be_asked(value: datetime | int | str) -> bool:
    if isinstance(value, datetime):
        return value.tzinfo is None
    return isinstance(value, str) or abs(value) <= BIGINT_LIMIT
