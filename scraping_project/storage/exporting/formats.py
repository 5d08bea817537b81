"""Pages of rows, each a list of columns, written as CSV or as JSON lines."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from scraping_project.storage.reading.numerals import Numerals

Page = Sequence[Sequence[Any]]

#: A spreadsheet may take a cell that starts so for a formula, the full-width forms included.
#: https://owasp.org/www-community/attacks/CSV_Injection
FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")  # noqa: RUF001 -- meant

#: What RFC 4180 wants to see between quotes.
QUOTED = '",\r\n'


def as_csv(pages: Iterable[Page], columns: Sequence[str], *, raw: bool = False) -> Iterator[bytes]:
    """Yields RFC 4180 in UTF-8: the header, also when there are no rows, then page by page.

    Args:
        pages: Columns of texts, numbers and None.
        columns: The header.
        raw: Leaves cells that a spreadsheet may take for a formula as they are. Otherwise they get
            a leading quote.
    """
    yield _lines([[name] for name in columns])
    defused = frozenset() if raw else FORMULA_STARTS
    for page in pages:
        yield _lines([_cells(values, defused) for values in page])


def as_json_lines(
    pages: Iterable[Page], columns: Sequence[str], json_columns: Collection[str] = ()
) -> Iterator[bytes]:
    """Yields JSON objects in UTF-8, one a line, page by page.

    Args:
        pages: Columns of texts, numbers and None.
        columns: The names of the values.
        json_columns: Those whose values are texts of JSON, which go out as they are.
    """
    encoder = msgspec.json.Encoder()
    embedded = [place for place, name in enumerate(columns) if name in json_columns]
    for page in pages:
        values = [_as_they_are(column) if place in embedded else column for place, column in enumerate(page)]
        objects = (dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True))
        yield encoder.encode_lines(objects)


def _lines(cells: Sequence[Sequence[str]]) -> bytes:
    return "".join([f"{line}\r\n" for line in map(",".join, zip(*cells, strict=True))]).encode()


def _cells(values: Sequence[Any], defused: frozenset[str]) -> Sequence[str]:
    """A column's values as they stand in lines."""
    if isinstance(values, Numerals):
        return values.texts
    kinds = set(map(type, values))
    if str not in kinds:
        return ["" if value is None else str(value) for value in values]
    cells = values if kinds == {str} else ["" if value is None else str(value) for value in values]
    # Few columns hold anything to defuse or to quote, and to ask each cell takes longer than all else.
    if not defused.isdisjoint({cell[:1] for cell in cells}):
        cells = [f"'{cell}" if cell[:1] in defused else cell for cell in cells]
    text = "".join(cells)
    if any(sign in text for sign in QUOTED):
        cells = [_quoted(cell) if any(sign in cell for sign in QUOTED) else cell for cell in cells]
    return cells


def _quoted(cell: str) -> str:
    doubled = cell.replace('"', '""')
    return f'"{doubled}"'


def _as_they_are(values: Sequence[str]) -> list[msgspec.Raw]:
    return [msgspec.Raw(value.encode()) for value in values]
