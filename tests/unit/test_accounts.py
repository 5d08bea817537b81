"""Who may log in, from the settings, and how settings that cannot be used are refused."""

import hashlib

import pytest

from scraping_project.dashboard.accounts import AccountError, Accounts, Identity, Role
from scraping_project.dashboard.passwords import hashed
from tests.support.dashboard_app import ACCOUNTS, LOGINS, TOKENS, settings_with

CANARY = "canary-canary"
DIGEST = hashlib.sha256(CANARY.encode()).hexdigest()
OPERATOR = {"DASHBOARD_USERNAME": "anna", "DASHBOARD_PASSWORD": CANARY}


def accounts(**values):
    return Accounts.from_settings(settings_with(**values))


@pytest.mark.parametrize(
    "bad",
    [
        {"DASHBOARD_USERNAME": "anna"},
        {"DASHBOARD_PASSWORD": CANARY},
        {**OPERATOR, "DASHBOARD_VIEWER_USERNAME": "otto"},
        {**OPERATOR, "DASHBOARD_VIEWER_PASSWORD": CANARY},
        {**OPERATOR, "DASHBOARD_VIEWER_USERNAME": "anna", "DASHBOARD_VIEWER_PASSWORD": CANARY},
        {"DASHBOARD_VIEWER_USERNAME": "otto", "DASHBOARD_VIEWER_PASSWORD": CANARY},
        {"DASHBOARD_USERNAME": "anna", "DASHBOARD_PASSWORD": f"$argon2id${CANARY}"},
        {**OPERATOR, "DASHBOARD_VIEWER_USERNAME": "o", "DASHBOARD_VIEWER_PASSWORD": f"$argon2id${CANARY}"},
        {"DASHBOARD_TOKENS": f"ci:operator:{DIGEST}"},
        {**OPERATOR, "DASHBOARD_TOKENS": CANARY},
        {**OPERATOR, "DASHBOARD_TOKENS": f"ci:operator:{CANARY}"},
        {**OPERATOR, "DASHBOARD_TOKENS": f"ci:admin:{DIGEST}"},
        {**OPERATOR, "DASHBOARD_TOKENS": f":operator:{DIGEST}"},
        {**OPERATOR, "DASHBOARD_TOKENS": f"c i:operator:{DIGEST}"},
        {**OPERATOR, "DASHBOARD_TOKENS": f"{'c' * 65}:operator:{DIGEST}"},
        {**OPERATOR, "DASHBOARD_TOKENS": f"ci:operator:{DIGEST.upper()}"},
        {**OPERATOR, "DASHBOARD_TOKENS": f"ci:operator:{DIGEST}0"},
        {**OPERATOR, "DASHBOARD_TOKENS": f"ci:operator:{DIGEST}, {CANARY}"},
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line_that_holds_no_secret(bad):
    with pytest.raises(AccountError) as raised:
        accounts(**bad)

    said = str(raised.value)
    assert "DASHBOARD_" in said
    assert "\n" not in said
    assert CANARY not in said
    assert DIGEST not in said.lower()


def test_without_any_setting_nobody_is_asked():
    assert accounts() == Accounts()
    assert not accounts().wanted


@pytest.mark.parametrize("role", LOGINS)
def test_each_login_has_its_role(role):
    found = accounts(**ACCOUNTS).logged_in(*LOGINS[role])

    assert found == Identity(LOGINS[role][0], Role(role))
    assert found.may_change == (role == "operator")


def test_a_login_by_a_hash_is_as_one_by_a_plain_password():
    hashes = {name: hashed(value) for name, value in ACCOUNTS.items() if name.endswith("PASSWORD")}

    assert accounts(**ACCOUNTS | hashes).logged_in(*LOGINS["viewer"]) == Identity("otto", Role.VIEWER)


def test_no_password_of_another_and_no_unknown_name_logs_in():
    some = accounts(**ACCOUNTS)
    (operator, password), (viewer, other) = LOGINS.values()

    for name, said in [(operator, other), (viewer, password), ("x", password), ("", ""), (operator, "")]:
        assert some.logged_in(name, said) is None


@pytest.mark.parametrize("role", TOKENS)
def test_each_token_has_its_name_and_role(role):
    assert accounts(**ACCOUNTS).by_token(TOKENS[role]) == Identity(f"{role}-script", Role(role))


@pytest.mark.parametrize("text", ["", "x", hashlib.sha256(TOKENS["operator"].encode()).hexdigest()])
def test_no_other_text_is_a_token_not_even_its_digest(text):
    assert accounts(**ACCOUNTS).by_token(text) is None


def test_spaces_and_a_last_comma_between_tokens_do_no_harm():
    some = accounts(**OPERATOR, DASHBOARD_TOKENS=f" a:operator:{DIGEST} , b:viewer:{'0' * 64},")

    assert [token.name for token in some.tokens] == ["a", "b"]


@pytest.mark.parametrize("name", [name for name in ACCOUNTS if name != "DASHBOARD_TOKENS"])
def test_the_fingerprint_follows_every_name_and_password(name):
    assert accounts(**ACCOUNTS).fingerprint() != accounts(**ACCOUNTS | {name: "changed"}).fingerprint()
    assert accounts(**ACCOUNTS).fingerprint() == accounts(**ACCOUNTS).fingerprint()
