"""Schedules on the dashboard and in the API: kept, changed, paused, fired and removed, with who did it."""

import json

import pytest

from scraping_project.storage.engine import connect
from scraping_project.storage.scheduling.firings import newest
from scraping_project.storage.scheduling.schedules import read, read_all
from tests.support.dashboard_app import TOKENS, DashboardApp

RUN = {"kind": "run", "spider": "links"}
NIGHTLY = {
    "name": "nightly",
    "spider": "links",
    "timing": "30 2 * * *",
    "timezone": "Europe/Berlin",
    "arguments": "start_urls=https://example.com/\nmax_pages=9",
    "settings": "DEPTH_LIMIT=2",
    "overlap": "queue",
    "late": "once",
    "grace": "600",
    "jitter": "30",
}


@pytest.fixture
def app(tmp_path):
    app = DashboardApp(tmp_path, SCRAPYD_URLS="")
    yield app
    app.stores.close()


@pytest.fixture
def database(app):
    engine = connect(app.stores.settings["DATABASE_URL"])
    yield engine
    engine.dispose()


def send(app, path, role="operator", **fields):
    cookie = app.cookie(role)
    data = {"form_token": app.form_token(cookie), **fields}
    headers = {"Cookie": cookie, "Origin": "http://127.0.0.1:8000"}
    return app.ask("POST", path, headers=headers, data=data)


def look(app, path, role="viewer"):
    return app.ask("GET", path, headers={"Cookie": app.cookie(role)})


def api(app, path, body=None):
    headers = {"Authorization": f"Bearer {TOKENS['operator']}", "Content-Type": "application/json"}
    content = None if body is None else json.dumps(body).encode()
    return app.ask("GET" if body is None else "POST", f"/api/v1{path}", headers=headers, content=content)


def test_the_form_keeps_a_schedule_and_changes_it(app, database):
    assert send(app, "/schedules", **NIGHTLY).headers["location"] == "/schedules/nightly?done=scheduled"
    kept = read(database, "nightly")
    assert kept.target["arguments"] == {"start_urls": "https://example.com/", "max_pages": "9"}
    assert (kept.overlap, kept.grace_seconds, kept.jitter_seconds) == ("queue", 600, 30)
    assert kept.changed_by == "anna"

    form = look(app, "/schedules/nightly/edit", "operator").text
    assert "max_pages=9" in form
    send(app, "/schedules/nightly/edit", **{**NIGHTLY, "timing": "@hourly"})

    assert read(database, "nightly").timing == "@hourly"
    shown = look(app, "/schedules/nightly").text
    assert "at the start of every hour, Europe/Berlin" in shown
    assert "Change it" not in shown  # whoever looks may not


def test_what_is_typed_wrongly_comes_back_with_the_reason_and_nothing_is_kept(app, database):
    for changes, why in [
        ({"timing": "61 * * * *"}, "Bad minute"),
        ({"name": "two words"}, "no name of a schedule"),
        ({"arguments": "nonsense"}, "no NAME=VALUE"),
        ({"arguments": "password=x"}, "holds a secret"),
        ({"grace": "soon"}, "grace is a whole number"),
        ({"overlap": "kill"}, "overlap is one of"),
        ({"timezone": "Mars"}, "no time zone"),
    ]:
        answer = send(app, "/schedules", **{**NIGHTLY, **changes})
        assert answer.status_code == 400, answer.text
        assert why in answer.text
        assert "https://example.com/" in answer.text or "arguments" in changes
    assert read_all(database) == []


def test_buttons_pause_resume_switch_fire_and_remove(app, database):
    send(app, "/schedules", **NIGHTLY)
    send(app, "/schedules/nightly/pause", hours="2", note="the site is moving")
    paused = read(database, "nightly")
    assert (paused.pause_note, paused.paused_by) == ("the site is moving", "anna")
    assert (paused.paused_until - paused.paused_at).total_seconds() == pytest.approx(7_200, abs=2)
    assert "paused until" in look(app, "/schedules").text
    send(app, "/schedules/nightly/resume")
    assert read(database, "nightly").paused_at is None
    send(app, "/schedules/nightly/disable")
    assert not read(database, "nightly").enabled
    send(app, "/schedules/nightly/enable")
    send(app, "/schedules/nightly/run-now")
    assert [firing.kind for firing in newest(database).rows] == ["manual"]
    assert send(app, "/schedules/nightly/dance").status_code == 404
    assert send(app, "/schedules/nightly/remove").headers["location"].startswith("/schedules?")

    assert read_all(database) == []
    assert look(app, "/schedules/nightly").status_code == 404
    kinds = [each["kind"] for each in api(app, "/actions").json()["data"]["actions"]]
    assert sorted(kinds) == sorted(f"schedule-{word}" for word in (
        "add", "pause", "resume", "disable", "enable", "run-now", "remove"))  # fmt: skip


def test_a_viewer_changes_nothing(app, database):
    send(app, "/schedules", **NIGHTLY)
    assert send(app, "/schedules/nightly/remove", role="viewer").status_code == 403
    assert send(app, "/schedules", role="viewer", **{**NIGHTLY, "name": "other"}).status_code == 403
    assert look(app, "/schedules/new").status_code == 403
    assert [each.name for each in read_all(database)] == ["nightly"]


def test_the_api_keeps_shows_changes_and_fires(app, database):
    wanted = {"name": "nightly", "timing": "@daily", "target": {"kind": "run", "spider": "links"}}
    assert api(app, "/schedules", wanted).json()["data"] == {"name": "nightly"}
    assert "already" in api(app, "/schedules", wanted).json()["detail"]
    [line] = api(app, "/schedules").json()["data"]["schedules"]
    assert (line["name"], line["state"]) == ("nightly", "on")
    detail = api(app, "/schedules/nightly").json()["data"]
    assert len(detail["next_times"]) == 10
    assert api(app, "/schedules/nightly", {**wanted, "timing": "12h"}).status_code == 200
    assert api(app, "/schedules/nightly/pause", {"seconds": 60, "note": "x"}).status_code == 200
    assert api(app, "/schedules/nightly").json()["data"]["paused"]
    assert api(app, "/schedules/nightly/switch", {"word": "resume"}).status_code == 200
    assert api(app, "/schedules/nightly/switch", {"word": "run-now"}).status_code == 200
    [firing] = api(app, "/schedules/nightly").json()["data"]["firings"]
    assert (firing["kind"], firing["outcome"]) == ("manual", "waiting")


@pytest.mark.parametrize(
    ("path", "body", "status", "why"),
    [
        ("/schedules", {"name": "x"}, 400, "timing"),
        (
            "/schedules",
            {"name": "x", "timing": "1s", "target": {"kind": "run", "spider": "links"}},
            400,
            "1m",
        ),
        ("/schedules", {"name": "x", "timing": "1h", "target": {"kind": "dance"}}, 400, "nothing a schedule"),
        ("/schedules", {"name": "x", "timing": "1h", "target": {}, "late": "maybe"}, 400, "late"),
        ("/schedules/nosuch", None, 404, "there is no schedule"),
        ("/schedules/nosuch/switch", {"word": "remove"}, 404, "there is no schedule"),
        ("/schedules/nosuch/switch", {"word": "dance"}, 400, "word"),
        ("/schedules/nosuch/pause", {"seconds": 0}, 400, "seconds"),
        ("/schedules/nosuch?cursor=x", None, 404, ""),
    ],
)
def test_what_can_not_be_is_a_problem_in_words(app, path, body, status, why):
    answer = api(app, path, body)
    assert answer.status_code == status, answer.text
    assert why in answer.json()["detail"]


def test_while_nobody_fires_them_the_page_says_so(app):
    assert "There is no schedule yet" in look(app, "/schedules").text
    send(app, "/schedules", **NIGHTLY)
    assert "Nobody fires them" in look(app, "/schedules").text


def test_while_the_database_is_away_pages_are_shown_and_nothing_is_changed(tmp_path):
    app = DashboardApp(tmp_path, DATABASE_URL="mysql+pymysql://u:p@127.0.0.1:1/x")
    assert look(app, "/schedules").status_code == 200
    assert look(app, "/schedules/nightly").status_code == 200
    assert api(app, "/schedules/nightly").status_code == 503
    assert send(app, "/schedules/nightly/remove").status_code == 503
    app.stores.close()
