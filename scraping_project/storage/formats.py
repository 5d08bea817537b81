"""Pages of rows written as CSV or as JSON lines."""

import csv
from collections.abc import Collection, Iterable, Iterator, Sequence
from io import StringIO
from typing import Any

import msgspec

Page = Sequence[Sequence[Any]]

#: A spreadsheet may take a cell that starts so for a formula, the full-width forms included.
#: https://owasp.org/www-community/attacks/CSV_Injection
FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")  # noqa: RUF001 -- meant


def as_csv(pages: Iterable[Page], columns: Sequence[str], *, raw: bool = False) -> Iterator[bytes]:
    """Yields RFC 4180 in UTF-8: the header, also when there are no rows, then page by page.

    Args:
        pages: Rows of texts, numbers and None.
        columns: The header.
        raw: Leaves cells that a spreadsheet may take for a formula as they are. Otherwise they get
            a leading quote.
    """
    yield _line(columns).encode()
    defused = frozenset() if raw else FORMULA_STARTS
    for page in pages:
        yield "".join([_line(_cells(row, defused)) for row in page]).encode()


def as_json_lines(
    pages: Iterable[Page], columns: Sequence[str], json_columns: Collection[str] = ()
) -> Iterator[bytes]:
    """Yields JSON objects in UTF-8, one a line, page by page.

    Args:
        pages: Rows of texts, numbers and None.
        columns: The names of the values.
        json_columns: Those whose values are texts of JSON, which go out as they are.
    """
    encoder = msgspec.json.Encoder()
    embedded = [place for place, name in enumerate(columns) if name in json_columns]
    for page in pages:
        objects = (dict(zip(columns, _embedding(row, embedded), strict=True)) for row in page)
        yield encoder.encode_lines(objects)


def _cells(row: Sequence[Any], defused: frozenset[str]) -> list[str]:
    return [
        (f"'{value}" if value[:1] in defused else value)
        if value.__class__ is str
        else ("" if value is None else str(value))
        for value in row
    ]


def _line(cells: Sequence[str]) -> str:
    # Most lines have nothing to quote, and the csv module takes five times as long to see that.
    line = ",".join(cells)
    if line.count(",") == len(cells) - 1 and not ('"' in line or "\r" in line or "\n" in line):
        return f"{line}\r\n"
    text = StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _embedding(row: Sequence[Any], places: Sequence[int]) -> Sequence[Any]:
    if not places:
        return row
    embedding = list(row)
    for place in places:
        embedding[place] = msgspec.Raw(row[place].encode())
    return embedding
