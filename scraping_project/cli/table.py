"""Rows for people, in columns as wide as their values."""

from collections.abc import Iterable, Sequence

from scraping_project.cli.printable import printable


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    table = [list(headings), *([printable(str(cell)) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
