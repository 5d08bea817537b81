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
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    for page in pages:
        yield _taken(text)
        writer.writerows(page if raw else map(_defused, page))
    yield _taken(text)


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


def _taken(text: StringIO) -> bytes:
    taken = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return taken


def _defused(row: Sequence[Any]) -> list[Any]:
    return [f"'{cell}" if cell.__class__ is str and cell[:1] in FORMULA_STARTS else cell for cell in row]


def _embedding(row: Sequence[Any], places: Sequence[int]) -> Sequence[Any]:
    if not places:
        return row
    embedding = list(row)
    for place in places:
        embedding[place] = msgspec.Raw(row[place].encode())
    return embedding
