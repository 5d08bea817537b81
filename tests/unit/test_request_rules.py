import re

import pytest

from scraping_project.nodes.request_rules import (
    ALLOWED_SETTINGS,
    RunRequestError,
    check_arguments,
    check_name,
    check_run_id,
    check_settings,
    check_version,
    without_secrets,
)


@pytest.mark.parametrize("name", ["links", "_a", "a.b-c_1", "1", "x" * 64])
def test_a_good_name_is_returned(name):
    assert check_name("spider", name) == name


@pytest.mark.parametrize("version", ["r9-main", "v1.0-3-gabc", "r1-feature/x", "r-", "1700000000", "1+2"])
def test_a_version_from_git_or_the_clock_is_one(version):
    assert check_version(version) == version


@pytest.mark.parametrize("check", [check_version, check_run_id, lambda text: check_name("spider", text)])
@pytest.mark.parametrize(
    "text", ["", "-a", ".", "..", "a\n", "\na", "a b", "a\0", "é", "../a", "a;b", "x" * 101]
)
def test_what_could_leave_its_place_is_refused_in_one_line(check, text):
    with pytest.raises(RunRequestError) as caught:
        check(text)
    assert "\n" not in str(caught.value)


def test_a_setting_that_names_code_a_file_or_an_address_is_not_on_the_list():
    words = r"URL|PIPELINE|MIDDLEWARE|CLASS|MODULE|FILE|DIR\b|HANDLER|EXTENSION|FEED|PROX"
    allowed = ALLOWED_SETTINGS - {"URLLENGTH_LIMIT"}
    assert [name for name in allowed if re.search(words, name)] == []


def test_a_setting_that_is_not_on_the_list_is_refused_with_the_list():
    with pytest.raises(RunRequestError, match="DOWNLOAD_DELAY"):
        check_settings({"LOG_FILE": "x"})
    check_settings({"DOWNLOAD_DELAY": "0"})


@pytest.mark.parametrize("name", ["password", "API_KEY", "apikey", "auth_token", "my_secret", "credentials"])
def test_an_argument_that_holds_a_secret_by_its_name_is_refused(name):
    with pytest.raises(RunRequestError, match="holds a secret"):
        check_arguments({name: "x"})


@pytest.mark.parametrize(
    "url",
    ["http://user:word@host/", "http://token@host/", "https://a/,https://u:p@b/?q=1", "http://u:p@word@h/"],
)
def test_a_url_with_a_login_is_refused_and_shown_without_it(url):
    with pytest.raises(RunRequestError, match="holds a secret"):
        check_arguments({"start_urls": url})
    assert "word" not in without_secrets("start_urls", url)
    assert "token" not in without_secrets("start_urls", url)
    assert "***@" in without_secrets("start_urls", url)


def test_an_argument_that_holds_a_secret_by_its_name_is_not_shown():
    assert without_secrets("password", "canary") == "***"


@pytest.mark.parametrize(
    "name", ["project", "spider", "jobid", "priority", "setting", "settings", "name", "self"]
)
def test_an_argument_that_scrapyd_would_take_for_its_own_is_refused(name):
    with pytest.raises(RunRequestError, match=f"can't be called {name}: Scrapyd means something else"):
        check_arguments({name: "x"})


@pytest.mark.parametrize("url", ["http://host/@user", "http://host/?mail=a@b", "http://host/#a@b"])
def test_an_at_sign_behind_the_host_is_no_login(url):
    check_arguments({"start_urls": url})
    assert without_secrets("start_urls", url) == url


def test_more_arguments_than_a_command_line_holds_are_refused():
    check_arguments({f"a{number}": "" for number in range(100)})
    with pytest.raises(RunRequestError, match="at most 100 spider arguments, not 101"):
        check_arguments({f"a{number}": "" for number in range(101)})
