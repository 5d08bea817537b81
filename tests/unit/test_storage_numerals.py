from scraping_project.storage.exporting.formats import as_csv, as_json_lines
from scraping_project.storage.reading.numerals import Numerals


def test_digits_become_numbers_when_they_are_asked_for():
    numerals = Numerals(["7", "", "-12"])
    assert list(numerals) == [7, None, -12]
    assert (numerals[0], numerals[1], numerals[-1], len(numerals)) == (7, None, -12, 3)
    assert list(numerals[1:]) == [None, -12]


def test_digits_go_into_csv_as_they_are():
    assert list(as_csv([[Numerals(["7", "", "-12"])]], ["n"])) == [b"n\r\n", b"7\r\n\r\n-12\r\n"]


def test_digits_go_into_json_as_numbers():
    assert list(as_json_lines([[Numerals(["7", ""])]], ["n"])) == [b'{"n":7}\n{"n":null}\n']
