import csv
import io
import json

import pytest

from scraping_project.storage.formats import write_csv, write_jsonl


def as_csv(rows, **options):
    file = io.StringIO(newline="")
    return write_csv(rows, file, **options), file.getvalue()


def test_cells_with_quotes_commas_and_line_ends_are_quoted_as_rfc_4180_says():
    count, text = as_csv([{"a": 'x"y', "b": "1,2", "c": "l\r\nm", "d": 7, "e": None}])
    assert count == 1
    assert text == 'a,b,c,d,e\r\n"x""y","1,2","l\r\nm",7,\r\n'


@pytest.mark.parametrize("start", [*"=+-@\t\r\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_a_cell_that_looks_like_a_formula_gets_a_leading_quote(start):
    _, text = as_csv([{"a": f"{start}1", "b": ""}])
    assert next(csv.DictReader(io.StringIO(text, newline="")))["a"] == f"'{start}1"


def test_raw_leaves_formulas_as_they_are():
    assert as_csv([{"a": "=1"}], raw=True)[1] == "a\r\n=1\r\n"


def test_negative_numbers_are_no_formulas():
    assert as_csv([{"a": -1}])[1] == "a\r\n-1\r\n"


def test_no_rows_still_give_the_header_that_was_asked_for():
    assert as_csv([], columns=("a", "b")) == (0, "a,b\r\n")


def test_lists_are_json_in_a_cell():
    assert as_csv([{"a": ["x", "y"]}])[1] == 'a\r\n"[""x"",""y""]"\r\n'


def test_json_lines_hold_one_object_each():
    file = io.StringIO()
    rows = [{"a": "é\n", "links": ["x"]}, {"a": None, "links": []}]
    assert write_jsonl(rows, file) == 2
    assert [json.loads(line) for line in file.getvalue().splitlines()] == rows
