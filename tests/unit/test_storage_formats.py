import csv
import io
import json
import random

import pytest

from scraping_project.storage.exporting.formats import as_csv, as_json_lines


def page(*rows):
    return list(zip(*rows, strict=True))


def csv_of(rows, columns=("a", "b"), **options):
    return b"".join(as_csv([page(*rows)], columns, **options)).decode()


def test_cells_with_quotes_commas_and_line_ends_are_quoted_as_rfc_4180_says():
    text = csv_of([('x"y', "1,2", "l\r\nm", 7, None)], columns="abcde")
    assert text == 'a,b,c,d,e\r\n"x""y","1,2","l\r\nm",7,\r\n'


def test_every_line_is_what_the_csv_module_writes():
    chance = random.Random(7)
    signs = ["", " ", "a", ",", '"', "'", "\r", "\n", "\t", "\x00", "\u2028", "\ufeff", "é", "😀", "="]
    rows = [["".join(chance.choices(signs, k=chance.randrange(4))) for _ in range(3)] for _ in range(5_000)]
    expected = io.StringIO(newline="")
    csv.writer(expected).writerows([["a", "b", "c"], *rows])
    assert csv_of(rows, columns="abc", raw=True) == expected.getvalue()


@pytest.mark.parametrize("start", [*"=+-@\t\r\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_a_cell_that_looks_like_a_formula_gets_a_leading_quote(start):
    text = csv_of([("", f"{start}1")])
    assert next(csv.DictReader(io.StringIO(text, newline="")))["b"] == f"'{start}1"


def test_raw_leaves_formulas_as_they_are():
    assert csv_of([("=1", "")], raw=True) == "a,b\r\n=1,\r\n"


def test_negative_numbers_are_no_formulas():
    assert csv_of([(-1, "")]) == "a,b\r\n-1,\r\n"


def test_no_rows_still_give_the_header():
    assert b"".join(as_csv([], ("a", "b"))) == b"a,b\r\n"


def test_pages_follow_each_other_under_one_header():
    assert b"".join(as_csv([page((1, 2)), page((3, 4))], ("a", "b"))) == b"a,b\r\n1,2\r\n3,4\r\n"


def test_csv_comes_page_by_page():
    chunks = as_csv(iter([page((1, 2)), page((3, 4))]), ("a", "b"))
    assert [next(chunks), next(chunks)] == [b"a,b\r\n", b"1,2\r\n"]


def test_json_lines_hold_one_object_each():
    pages = [page(("é\n\u2028", ["x"])), page((None, -1))]
    text = b"".join(as_json_lines(pages, ("a", "b"))).decode()
    assert [json.loads(line) for line in text.split("\n")[:-1]] == [
        {"a": "é\n\u2028", "b": ["x"]},
        {"a": None, "b": -1},
    ]


def test_values_that_are_json_already_go_into_json_lines_as_they_are():
    (line,) = as_json_lines([page(("[1]", '["é",{}]'))], ("text", "links"), {"links"})
    assert json.loads(line) == {"text": "[1]", "links": ["é", {}]}
