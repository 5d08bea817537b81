"""What each reason means, and what to do."""

import pytest

from scraping_project.items import REASONS
from scraping_project.monitor.reason_words import ADVICE, MEANING, advice_of, meaning_of

CODES = [*range(400, 452), *range(500, 512), 299, 600, 999]


def test_every_reason_of_the_closed_list_has_a_meaning_and_advice_and_nothing_else_has():
    assert MEANING.keys() == ADVICE.keys() == REASONS


@pytest.mark.parametrize("reason", [*sorted(REASONS), *(f"http_{code}" for code in CODES)])
def test_both_are_in_plain_words(reason):
    meaning, advice = meaning_of(reason), advice_of(reason)

    assert meaning
    assert not meaning.endswith(".")
    assert advice.endswith((".", "?"))
    assert advice[0].isupper()
    assert "_" not in meaning.replace("max_pages", "")


@pytest.mark.parametrize(
    ("reason", "meaning"),
    [
        ("http_404", "the server answered 404 Not Found"),
        ("http_503", "the server answered 503 Service Unavailable"),
        ("http_999", "the server answered 999"),
    ],
)
def test_a_status_is_named(reason, meaning):
    assert meaning_of(reason) == meaning


@pytest.mark.parametrize("reason", ["", "x", "http_", "http_x", "http_²", "http_-1", "404", "HTTP_404"])
def test_of_what_is_no_reason_nothing_is_said(reason):
    assert meaning_of(reason) == advice_of(reason) == ""
