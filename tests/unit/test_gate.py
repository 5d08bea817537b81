"""Which requests are refused before anybody looks at who asks."""

import pytest

from scraping_project.http.gate import Asked, is_loopback, refusal

LOOPBACK = [
    "127.0.0.1", "127.0.0.1:8000", "127.8.9.10:1", "localhost", "LocalHost:8000", "[::1]", "[::1]:8000",
    "[0:0:0:0:0:0:0:1]:8000",
]  # fmt: skip
OTHERS = [
    "", ":8000", "example.com", "127.0.0.1.example.com", "localhost.example.com", "127.0.0.1@example.com",
    "10.0.0.1", "0.0.0.0", "[::]:8000", "[::2]", "[::1", "::1]", "[", "127.1", "2130706433",
    "localhost.", "\u2127", "127.0.0.1 example.com",
]  # fmt: skip


def why(host="127.0.0.1:8000", *, method="GET", origin=None, site=None, any_host=False):
    return refusal(Asked(method, host, origin, site), any_host=any_host, server="It")


@pytest.mark.parametrize("host", LOOPBACK)
def test_each_spelling_of_loopback_is_answered(host):
    assert is_loopback(host)
    assert why(host) is None


@pytest.mark.parametrize("host", OTHERS)
def test_every_other_host_is_refused_where_no_login_is_wanted(host):
    assert not is_loopback(host)
    assert why(host) == f"Without a password It answers to 127.0.0.1, not to {host!r}."


@pytest.mark.parametrize("host", [host for host in OTHERS if host])
def test_where_a_login_is_wanted_any_host_is_answered(host):
    assert why(host, any_host=True) is None


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "DELETE"])
@pytest.mark.parametrize(
    "origin",
    [
        "null", "", "http://example.com", "http://127.0.0.1", "http://127.0.0.1:8001", "ftp://127.0.0.1:8000",
        "http://127.0.0.1:8000.example.com", "http://127.0.0.1:8000/", "HTTP://127.0.0.1:8000",
        "http://localhost:8000", "http://127.0.0.1:8000 http://example.com", "127.0.0.1:8000",
    ],
)  # fmt: skip
def test_a_page_of_another_origin_gets_nothing_by_any_method(method, origin):
    for any_host in (False, True):
        assert why(method=method, origin=origin, any_host=any_host) == (
            f"It takes no requests from pages of {origin!r}."
        )


@pytest.mark.parametrize("origin", [None, "http://127.0.0.1:8000", "https://127.0.0.1:8000"])
@pytest.mark.parametrize("site", [None, "same-origin", "none"])
def test_the_servers_own_pages_may_change_things(origin, site):
    assert why(method="POST", origin=origin, site=site) is None


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "CONNECT", "get", "FOO"])
@pytest.mark.parametrize("site", ["same-site", "cross-site", "", "Same-Origin", "same-origin, cross-site"])
def test_a_change_that_another_site_asks_for_is_refused_even_without_an_origin(method, site):
    assert why(method=method, site=site) == "It takes no changes from pages of other sites."


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
def test_a_link_of_another_site_may_lead_here(site):
    assert why(site=site) is None
