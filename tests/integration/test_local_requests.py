"""The lease of a page waits for the requests of its callback that can't be written down."""

import signal

import pytest

from tests.support import hostile_server as server_module
from tests.support.hostile_server import hostile_server, redirect, whole
from tests.support.leaving_crawl import ANSWERED, GOOD, QUICK, UNHEARD, ledger, rows, run
from tests.support.project import until

KEPT = ["/by-lambda", "/silent"]


@pytest.fixture(name="site")
def a_site_of_which_one_page_never_comes(monkeypatch):
    monkeypatch.setattr("tests.support.hostile_server.SILENCE", 5)
    with hostile_server(dict.fromkeys(("/page", "/plain", "/by-lambda"), GOOD)) as server:
        yield server


@pytest.fixture(name="waiting")
def a_crawl_that_waits_for_that_page(project, site):
    patient = {"DOWNLOAD_TIMEOUT": "90"}
    process = run(project, "keeps", "keeps", "-a", f"base={site.url}", start=True, **QUICK, **patient)
    until(lambda: "/silent" in site.paths(), process, project)
    until(lambda: len(rows(project)) == 3, process, project)
    return process


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_who_takes_over_asks_again_for_what_could_not_be_written_down(project, site, waiting, number):
    # Given a worker that ends with such requests, in flight and done, of a page that is stored long ago
    waiting.send_signal(number)
    waiting.communicate(timeout=60)
    assert "are lost" not in project.errors(waiting)

    # When the same command goes on
    impatient = QUICK | {"DOWNLOAD_TIMEOUT": "1", "RETRY_TIMES": "0"}
    run(project, "keeps", "keeps", "-a", f"base={site.url}", **impatient)

    # Then it has asked for them again, and for nothing else
    asked = [path for path in site.paths() if path != "/robots.txt"]
    assert sorted(asked) == sorted([*KEPT, *KEPT, "/page", "/page", "/plain"])
    assert ledger(project, "keeps")["done"] == 2
    found = {url.removeprefix(site.url): kinds for url, kinds in rows(project).items()}
    assert found["/page"] == [UNHEARD]
    assert found["/plain"] == [ANSWERED]
    assert set(found["/by-lambda"]) == {ANSWERED}
    assert ("dead", "timeout", None, 0) in found["/silent"]


def test_a_crawl_is_finished_only_when_they_have_ended(project, site):
    impatient = QUICK | {"DOWNLOAD_TIMEOUT": "1", "RETRY_TIMES": "0"}
    run(project, "keeps", "keeps", "-a", f"base={site.url}", **impatient)

    asked = [path for path in site.paths() if path != "/robots.txt"]
    assert sorted(asked) == sorted([*KEPT, "/page", "/plain"])
    left = ledger(project, "keeps")
    assert (left["discovered"], left["done"], left["leased"]) == (2, 2, 0)


def fails_once():
    answers = [whole("503 Busy", b""), GOOD]

    def show(connection, *_):
        connection.sendall(answers.pop(0))

    return show


def test_what_takes_the_place_of_one_is_queued_like_any_other_once_it_can_be(project, monkeypatch):
    # Given a page with two such requests, of which one moves and the other fails once
    monkeypatch.setitem(server_module.SHOWS, "/flaky", fails_once())
    answers = {"/page": GOOD, "/moves": redirect(b"/moved"), "/moved": GOOD}
    with hostile_server(answers) as site:
        run(project, "sheds", "keeps", "-a", f"base={site.url}", **QUICK)
        asked = [path for path in site.paths() if path != "/robots.txt"]

    # Then both are asked for to their end
    assert sorted(asked) == ["/flaky", "/flaky", "/moved", "/moves", "/page"]
    assert {url: set(kinds) for url, kinds in rows(project).items()} == {
        f"{site.url}/page": {UNHEARD},
        f"{site.url}/moved": {ANSWERED},
        f"{site.url}/flaky": {("retried", "http_503", 503, 0), ANSWERED},
    }
    left = ledger(project, "sheds")
    assert (left["discovered"], left["done"], left["leased"]) == (3, 3, 0)
