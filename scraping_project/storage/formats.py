"""Rows written as CSV or as JSON lines."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from scraping_project.storage.values import compact_json

#: A spreadsheet may take a cell that starts so for a formula, the full-width forms included.
#: https://owasp.org/www-community/attacks/CSV_Injection
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 -- meant


def write_csv(
    rows: Iterable[Mapping[str, Any]],
    file: TextIO,
    columns: Sequence[str] | None = None,
    *,
    raw: bool = False,
) -> int:
    """Writes RFC 4180 with a header and returns the number of rows.

    Args:
        rows: One mapping a row.
        file: Opened with ``newline=""``, or every line ends twice.
        columns: The header, also when there are no rows; without it, the first row's keys.
        raw: Leaves cells that a spreadsheet may take for a formula as they are. Otherwise they get
            a leading quote.
    """
    writer = csv.writer(file)
    header, count = columns, 0
    if header is not None:
        writer.writerow(header)
    for count, row in enumerate(rows, 1):  # noqa: B007 -- read after the loop
        if header is None:
            header = list(row)
            writer.writerow(header)
        writer.writerow([_cell(row[name], raw=raw) for name in header])
    return count


def write_jsonl(rows: Iterable[Mapping[str, Any]], file: TextIO) -> int:
    """Writes one JSON object a line and returns the number of rows."""
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007 -- read after the loop
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return count


def _cell(value: Any, *, raw: bool) -> Any:
    if isinstance(value, list | dict):
        return compact_json(value)
    risky = isinstance(value, str) and value.startswith(FORMULA_STARTS)
    return f"'{value}" if risky and not raw else value
