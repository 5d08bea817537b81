"""Who a request comes from, whether its handler lets them in, and what every answer carries."""

from base64 import b64encode

import pytest
from httpx import QueryParams
from litestar import get, post

from scraping_project.dashboard import application as module
from scraping_project.dashboard.admission import session_of
from scraping_project.dashboard.gatekeeper import HEADERS, POLICY
from scraping_project.dashboard.rendering import Asked
from scraping_project.http.failed_logins import FREE
from tests.support.dashboard_app import LOGINS, TOKENS, DashboardApp

ROLES = ("operator", "viewer")


@get("/page", sync_to_thread=False)
def page(request: Asked) -> str:
    return session_of(request).identity.name


@post("/page", sync_to_thread=False)
def change_page(request: Asked) -> str:
    return session_of(request).identity.name


@get("/api/thing", sync_to_thread=False)
def thing(request: Asked) -> str:
    return session_of(request).identity.name


@post("/api/thing", sync_to_thread=False)
def change_thing(request: Asked) -> str:
    return session_of(request).identity.name


@get("/tool", for_operators=True, sync_to_thread=False)
def tool(request: Asked) -> str:
    return session_of(request).identity.name


@get("/breaks", public=True, sync_to_thread=False)
def breaks() -> None:
    raise RuntimeError("a secret of the inside")


@pytest.fixture
def build(tmp_path, monkeypatch):
    own = module.handlers
    added = [page, change_page, thing, change_thing, tool, breaks]
    monkeypatch.setattr(module, "handlers", lambda: [*own(), *added])
    built = []

    def build(**options):
        built.append(DashboardApp(tmp_path, **options))
        return built[-1]

    yield build
    for app in built:
        app.stores.close()


@pytest.fixture
def app(build):
    return build()


def by(app, role, how):
    """The headers by which somebody says who they are."""
    login = b64encode(":".join(LOGINS[role]).encode()).decode()
    return {
        "cookie": {"Cookie": app.cookie(role)},
        "token": {"Authorization": f"Bearer {TOKENS[role]}"},
        "basic": {"Authorization": f"Basic {login}"},
    }[how]


@pytest.mark.parametrize("role", ROLES)
def test_a_cookie_counts_for_pages(app, role):
    answer = app.ask("GET", "/page", headers=by(app, role, "cookie"))

    assert (answer.status_code, answer.text) == (200, LOGINS[role][0])


@pytest.mark.parametrize("path", ["/api/thing", "//api/thing", "/api//thing", "/./api/thing", "/%61pi/thing"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_cookie_counts_for_nothing_at_the_api_however_its_address_is_written(app, method, path):
    answer = app.ask(method, path, headers=by(app, "operator", "cookie"))

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank", "title": "Log in first", "status": 401, "detail": "log in first"
    }  # fmt: skip


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("how", ["token", "basic"])
def test_a_token_and_a_password_count_for_the_api_alone(app, role, how):
    said = by(app, role, how)

    assert app.ask("GET", "/api/thing", headers=said).status_code == 200
    for method in ("GET", "POST"):
        answer = app.ask(method, "/page", headers=said)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login")


@pytest.mark.parametrize("how", ["token", "basic"])
def test_an_operator_changes_things_through_the_api_and_a_viewer_does_not(app, how):
    assert app.ask("POST", "/api/thing", headers=by(app, "operator", how)).status_code == 201
    assert app.ask("POST", "/api/thing", headers=by(app, "viewer", how)).status_code == 403


def test_a_viewer_changes_nothing_on_a_page(app):
    answer = app.ask("POST", "/page", headers=by(app, "viewer", "cookie"))

    assert answer.status_code == 403
    assert "otto may look, and change nothing" in answer.text
    assert app.ask("POST", "/page", headers=by(app, "operator", "cookie")).status_code == 201


def test_a_page_that_is_there_to_change_something_is_shown_to_operators_alone(app):
    assert app.ask("GET", "/tool", headers=by(app, "operator", "cookie")).status_code == 200
    answer = app.ask("GET", "/tool", headers=by(app, "viewer", "cookie"))
    assert answer.status_code == 403
    assert "otto may look, and change nothing" in answer.text


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Basic",
        "Basic !",
        "Basic YW5uYQ==",
        "Basic /w==",
        "Digest x",
        "x",
    ],
)
def test_what_is_no_login_is_none(app, header):
    assert app.ask("GET", "/api/thing", headers={"Authorization": header}).status_code == 401


def test_who_guesses_passwords_through_the_api_is_told_to_wait_and_others_are_not(app):
    wrong = {"Authorization": f"Basic {b64encode(b'x:y').decode()}"}
    answers = [app.ask("GET", "/api/thing", headers=wrong) for _ in range(FREE + 2)]

    assert [answer.status_code for answer in answers] == [401] * (FREE + 1) + [429]
    assert answers[-1].headers["retry-after"] == "1"
    right = by(app, "operator", "basic")
    assert app.ask("GET", "/api/thing", headers=right).status_code == 429
    assert app.ask("GET", "/api/thing", headers=right, address="192.0.2.1").status_code == 200


def test_an_address_that_a_client_makes_up_does_not_help_it(app):
    form = {"name": "x", "password": "y"}
    answers = [
        app.ask("POST", "/login", data=form, headers={"X-Forwarded-For": f"192.0.2.{n}"})
        for n in range(FREE + 2)
    ]

    assert answers[-1].status_code == 429
    assert "Too many wrong passwords from your address: wait 1 s." in answers[-1].text


def test_where_no_login_is_wanted_whoever_sits_here_may_do_everything(build):
    app = build(accounts={})

    for path in ("/page", "/api/thing"):
        assert app.ask("GET", path).status_code == 200
        assert app.ask("POST", path).status_code == 201
        assert app.ask("POST", path, base_url="http://rebound.example:8000").status_code == 403


@pytest.mark.parametrize("role", ROLES)
def test_who_logs_in_gets_a_cookie_that_scripts_and_other_sites_do_not(app, role):
    name, password = LOGINS[role]
    answer = app.ask(
        "POST", "/login", data={"name": name, "password": password, "next": "/runs?spider=links"}
    )

    assert (answer.status_code, answer.headers["location"]) == (303, "/runs?spider=links")
    cookie, *attributes = answer.headers["set-cookie"].split("; ")
    assert {each.lower() for each in attributes} == {"httponly", "samesite=lax", "path=/", "max-age=43200"}
    assert app.ask("GET", "/page", headers={"Cookie": cookie}).text == name


def test_behind_tls_the_cookie_goes_nowhere_without_it(app):
    name, password = LOGINS["viewer"]
    form = {"name": name, "password": password}
    answer = app.ask("POST", "/login", data=form, base_url="https://tower.example")

    assert "secure" in answer.headers["set-cookie"].lower().split("; ")


def test_a_wrong_password_says_so_keeps_the_name_and_never_the_password(app):
    form = {"name": '"><b>anna', "password": "canary", "next": "/runs"}
    answer = app.ask("POST", "/login", data=form)

    assert answer.status_code == 401
    assert "Name or password is wrong." in answer.text
    assert 'value="&#34;&gt;&lt;b&gt;anna"' in answer.text
    assert 'name="next" value="/runs"' in answer.text
    assert "canary" not in answer.text
    assert "set-cookie" not in answer.headers


def test_logging_out_takes_the_forms_token(app):
    cookie = app.cookie("viewer")
    for token in ("", "x", app.form_token(app.cookie("viewer"))):
        answer = app.ask("POST", "/logout", data={"form_token": token}, headers={"Cookie": cookie})
        assert answer.status_code == 403

    answer = app.ask(
        "POST", "/logout", data={"form_token": app.form_token(cookie)}, headers={"Cookie": cookie}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert "dashboard_session=" in answer.headers["set-cookie"]


ELSEWHERE = [
    "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "\\/evil.example",
    "https://evil.example", "http:evil.example", "javascript:alert(1)", "data:text/html,x", "evil.example",
    "/\t/evil.example", "/\n/evil.example", "\t//evil.example", " //evil.example", "/\r\nSet-Cookie: a=b",
    "//[", "http://[", "//[::1]", "/runs\x00", "/a\\b", "", "/\x7f", "/\u202e",
]  # fmt: skip


@pytest.mark.parametrize("next_page", ELSEWHERE)
def test_a_login_leads_to_no_page_of_others(app, next_page):
    name, password = LOGINS["viewer"]
    answer = app.ask("POST", "/login", data={"name": name, "password": password, "next": next_page})
    shown = app.ask("GET", f"/login?{QueryParams({'next': next_page})}")

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert shown.status_code == 200
    assert 'name="next" value="/"' in shown.text


@pytest.mark.parametrize(
    "path", ["/", "/runs?spider=links&x=%2F", "/sites?url=http://h.example/", "/ü", "/a@b"]
)
def test_a_login_leads_back_to_where_somebody_was(app, path):
    name, password = LOGINS["viewer"]
    answer = app.ask("POST", "/login", data={"name": name, "password": password, "next": path})

    assert answer.headers["location"] == path.replace("ü", "%C3%BC")


def test_who_has_not_logged_in_is_led_to_the_form_and_back(app):
    answer = app.ask("GET", "/page?spider=links&x=1")

    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=%2Fpage%3Fspider%3Dlinks%26x%3D1"


def test_a_change_is_not_led_back_to_for_a_link_cannot_make_it(app):
    assert app.ask("POST", "/page?x=1").headers["location"] == "/login?next=%2F"


ANSWERS = {
    200: ("GET", "/login", {}),
    303: ("GET", "/page", {}),
    401: ("GET", "/api/thing", {}),
    403: ("GET", "/login", {"Origin": "http://evil.example"}),
    404: ("GET", "/nothing", {}),
    405: ("PUT", "/login", {}),
    413: ("POST", "/login", {"Content-Type": "application/x-www-form-urlencoded"}),
    500: ("GET", "/breaks", {}),
}


@pytest.mark.parametrize("status", ANSWERS)
def test_every_answer_has_the_same_headers(app, status, monkeypatch, caplog):
    method, path, headers = ANSWERS[status]
    content = b"x" * (module.LARGEST_FORM + 1) if status == 413 else None
    answer = app.ask(method, path, headers=headers, content=content)

    assert answer.status_code == status
    for name, value in HEADERS:
        assert answer.headers.get_list(name.decode()) == [value.decode()]
    assert answer.headers["cache-control"] == "no-store"
    assert "a secret of the inside" not in answer.text
    assert ("a secret of the inside" in caplog.text) == (status == 500)


def test_the_policy_lets_nothing_in_but_files_of_this_server():
    rules = dict(rule.strip().split(" ", 1) for rule in POLICY.split(";"))

    assert rules["default-src"] == "'none'"
    assert {rules[name] for name in ("script-src", "style-src", "img-src", "connect-src", "form-action")} == {
        "'self'"
    }
    assert rules["frame-ancestors"] == rules["base-uri"] == "'none'"


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("application/x-www-form-urlencoded", b"name=%ff%fe&password=%ed%b0%80&next=%"),
        ("application/x-www-form-urlencoded", b"\xff\x00=&&&=="),
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"--x\r\nbroken"),
        ("multipart/form-data; boundary=x", b"--x\r\n" * 3_000),
        ("application/json", b"{"),
        ("text/plain", b"name=anna"),
        ("application/x-www-form-urlencoded", b"name=anna&" * 5_000),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; filename="a"'),
    ],
)  # fmt: skip
def test_a_broken_form_is_no_fault_of_the_server(app, kind, content):
    answer = app.ask("POST", "/login", headers={"Content-Type": kind}, content=content)

    assert answer.status_code in {400, 401, 413}
    assert "Control tower" in answer.text
