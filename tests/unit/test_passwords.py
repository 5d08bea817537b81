"""Passwords as they are kept: plain, or as an Argon2id string."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scraping_project.dashboard.passwords import hashed, is_readable, matches

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))  # what UTF-8 can write


@given(TEXTS.filter(lambda text: not text.startswith("$argon2")), TEXTS)
def test_a_plain_password_matches_itself_alone(kept, said):
    assert matches(kept, kept)
    assert matches(kept, said) == (kept == said)
    assert is_readable(kept)


@settings(max_examples=5)
@given(TEXTS, TEXTS)
def test_an_argon2id_string_matches_what_it_was_made_of_alone(password, said):
    kept = hashed(password)

    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert matches(kept, password)
    assert matches(kept, said) == (password == said)
    assert not matches(kept, kept)
    assert is_readable(kept)


def test_two_strings_of_one_password_differ():
    assert hashed("x") != hashed("x")


#: Of "x"; a new one has another salt, and pytest-xdist wants the same names of tests in every process.
WHOLE = "$argon2id$v=19$m=19456,t=2,p=1$5uMUcPp39QMD8hBCUFH2lA$FJ8g33tQ78+2c7BSEjHVp8wzekmFJf8Uw/2ptvPdSAM"


@pytest.mark.parametrize(
    "broken",
    [
        "$argon2id$",
        "$argon2id$v=19",
        WHOLE[:-8],
        WHOLE.rpartition("$")[0],
        WHOLE.rpartition("$")[0] + "$",
        WHOLE.replace("m=19456", "m=x"),
        WHOLE.replace("m=19456", "m=1"),
        WHOLE.replace("t=2", "t=0"),
        WHOLE.replace("p=1", "p=0"),
        WHOLE.replace("v=19", "v=99"),
        WHOLE.replace("m=19456", "m=99999999999"),
        WHOLE.replace("m=19456", "m=4294967295"),
        WHOLE + "$",
        WHOLE + " ",
        WHOLE + "ü",
    ],
)
def test_a_broken_argon2id_string_is_not_readable(broken):
    assert not is_readable(broken)
