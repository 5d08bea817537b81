"""Sessions that live in a cookie alone."""

import os
import random
import stat
import string
import time
from base64 import urlsafe_b64decode
from threading import Barrier, Thread

import pytest

from scraping_project.dashboard import sessions as module
from scraping_project.dashboard.accounts import Accounts, Identity, Role
from scraping_project.dashboard.sessions import LASTS, Sessions, secret_in
from tests.support.dashboard_app import ACCOUNTS, SECRET, settings_with

ANNA = Identity("anna", Role.OPERATOR)
MUTATED = 1000


def sessions(secret=SECRET, **changed):
    return Sessions(Accounts.from_settings(settings_with(**ACCOUNTS | changed)), secret)


def changed_somewhere(cookie, chance):
    """The cookie cut, lengthened, or with other characters somewhere."""
    characters = string.ascii_letters + string.digits + "-_=. \x00;%éÿ€\udc80\n"
    kept = list(cookie)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(kept) + 1) if kept else 0
        match chance.randrange(4):
            case 0:
                kept[at : at + 1] = [chance.choice(characters)]
            case 1:
                kept.insert(at, chance.choice(characters))
            case 2:
                del kept[at : at + chance.randint(1, 8)]
            case 3:
                kept = kept[: chance.randrange(len(kept) + 1)]
    return "".join(kept)


def test_a_session_is_read_back():
    some = sessions()

    assert some.read(some.begin(ANNA)).identity == ANNA


def test_two_sessions_of_one_person_differ():
    some = sessions()

    assert some.read(some.begin(ANNA)).id != some.read(some.begin(ANNA)).id


def test_of_a_thousand_mutated_cookies_none_is_accepted_and_none_raises():
    some, chance = sessions(), random.Random(20261201)
    cookie = some.begin(ANNA)
    mutated = {changed_somewhere(cookie, chance) for _ in range(2 * MUTATED)} - {cookie}

    assert len(mutated) > MUTATED
    for each in mutated:
        if some.read(each) is not None:  # Base64 skips what is none of its characters
            assert urlsafe_b64decode(each.encode()) == urlsafe_b64decode(cookie)


@pytest.mark.parametrize("cookie", ["", "=", "a", "gAAAAA==", "é", "\udc80", "\x00", "a" * 100_000])
def test_what_never_was_a_cookie_is_no_session(cookie):
    assert sessions().read(cookie) is None


@pytest.mark.parametrize("name", ["DASHBOARD_PASSWORD", "DASHBOARD_USERNAME", "DASHBOARD_VIEWER_PASSWORD"])
def test_a_changed_login_ends_all_sessions(name):
    cookie = sessions().begin(ANNA)

    assert sessions().read(cookie) is not None
    assert sessions(**{name: "changed"}).read(cookie) is None


def test_another_file_ends_all_sessions():
    assert sessions(b"x" * 32).read(sessions().begin(ANNA)) is None


@pytest.mark.parametrize(("seconds", "lasts"), [(LASTS - 1, True), (LASTS + 1, False), (-3600, False)])
def test_a_session_lasts_twelve_hours_and_none_comes_from_the_future(monkeypatch, seconds, lasts):
    some = sessions()
    cookie, then = some.begin(ANNA), time.time() + seconds
    monkeypatch.setattr("cryptography.fernet.time.time", lambda: then)

    assert (some.read(cookie) is not None) == lasts


def test_a_form_token_is_that_of_its_session_alone():
    some = sessions()
    one, other = (some.read(some.begin(ANNA)) for _ in range(2))

    assert some.is_form_token(one.id, some.form_token(one.id))
    assert not some.is_form_token(one.id, some.form_token(other.id))
    assert not sessions(b"x" * 32).is_form_token(one.id, some.form_token(one.id))


@pytest.mark.parametrize("token", ["", "0", "é", "0" * 64, "x" * 100_000])
def test_no_other_text_is_a_form_token(token):
    assert not sessions().is_form_token("an id", token)


def test_the_secret_is_made_once_and_is_its_owners_alone(tmp_path):
    folder = tmp_path / "not yet" / "there"
    before = os.umask(0)
    try:
        secret = secret_in(folder)
    finally:
        os.umask(before)

    assert len(secret) == 32
    assert secret_in(folder) == secret
    assert [path.name for path in folder.iterdir()] == ["dashboard.key"]
    assert stat.S_IMODE((folder / "dashboard.key").stat().st_mode) == 0o600
    assert secret_in(tmp_path / "another") != secret


def test_however_many_make_it_at_once_all_get_the_same(tmp_path, monkeypatch):
    together, found = Barrier(8), []
    urandom = os.urandom

    def slow(count):
        together.wait()  # all have seen that there is none
        return urandom(count)

    monkeypatch.setattr(module.os, "urandom", slow)
    threads = [Thread(target=lambda: found.append(secret_in(tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert set(found) == {(tmp_path / "dashboard.key").read_bytes()}
    assert [path.name for path in tmp_path.iterdir()] == ["dashboard.key"]


@pytest.mark.parametrize("left", [b"", b"short"])
def test_a_file_that_holds_no_secret_is_refused(tmp_path, left):
    (tmp_path / "dashboard.key").write_bytes(left)

    with pytest.raises(OSError, match=r"dashboard\.key"):
        secret_in(tmp_path)
