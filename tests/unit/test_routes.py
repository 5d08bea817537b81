"""Every route of the dashboard, as the router knows it: who gets in, by which method, from where."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.support.dashboard_app import TOKENS, DashboardApp

#: What answers without credentials; everything else leads to the login, or says 401.
PUBLIC = {"/login", "/healthz"}
#: What a viewer may send.
A_VIEWERS = {"/logout"}
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "FOO")
CHANGES = ("POST", "PUT", "PATCH", "DELETE")
FILLED_IN = {"int": "1", "path": "x.css", "str": "x", "uuid": "00000000-0000-0000-0000-000000000000"}
#: Whichever of these an answer has, the handler did not run.
KEPT_OUT = {401, 403, 404, 405}


class Route(NamedTuple):
    path: str  # with something in the place of each parameter
    template: str
    methods: frozenset[str]

    @property
    def machine(self) -> bool:
        return self.template.startswith(("/api/", "/metrics", "/healthz"))

    @property
    def public(self) -> bool:
        return self.template in PUBLIC or self.template.startswith("/static/")


def routes(app: DashboardApp) -> Iterator[Route]:
    for route in app.routes:
        path = route.path
        for parameter in route.path_parameters.values():
            kind = parameter.full.partition(":")[2]
            path = path.replace(f"{{{parameter.full}}}", FILLED_IN[kind])
        yield Route(path, route.path, frozenset(route.methods))


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    app = DashboardApp(tmp_path_factory.mktemp("dashboard"))
    yield app
    app.stores.close()


@pytest.fixture(scope="module")
def known(app):
    found = list(routes(app))
    assert {"/login", "/logout", "/"} <= {route.path for route in found}
    return found


def kept_out(route, answer):
    """Tells whether an answer is nothing but the way to the login, or a refusal."""
    to_login = answer.status_code == 303 and answer.headers["location"].startswith("/login?next=")
    return to_login if not route.machine and answer.status_code == 303 else answer.status_code in KEPT_OUT


def test_without_credentials_nothing_answers_but_login_files_and_healthz(app, known):
    answered = {
        route.template
        for route in known
        for method in METHODS
        if not kept_out(route, answer := app.ask(method, route.path)) and answer.status_code < 500
    }

    assert answered <= {route.template for route in known if route.public}
    assert "/login" in answered


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_no_route_takes_a_method_that_it_does_not_have(app, known, role):
    who = {"Cookie": app.cookie(role), "Authorization": f"Bearer {TOKENS[role]}"}

    for route in known:
        for method in set(METHODS) - route.methods - {"HEAD"}:
            answer = app.ask(method, route.path, headers=who)
            assert answer.status_code == 405, (method, route)
            assert route.methods == set(answer.headers["allow"].split(", ")), route


def test_a_viewer_changes_nothing(app, known):
    cookie = app.cookie("viewer")
    who = {"Cookie": cookie, "Authorization": f"Bearer {TOKENS['viewer']}"}
    form = {"form_token": app.form_token(cookie)}
    tried = [(method, route) for route in known for method in CHANGES if method in route.methods]

    assert tried
    for method, route in tried:
        answer = app.ask(method, route.path, headers=who, data=form)
        if route.template not in A_VIEWERS and not route.public:
            assert answer.status_code == 403, (method, route)
            assert "may look, and change nothing" in answer.text


def test_an_operators_form_without_the_sessions_token_changes_nothing(app, known):
    for route in known:
        if "POST" in route.methods and not route.machine and not route.public:
            for form in ({}, {"form_token": "x"}, {"form_token": app.form_token(app.cookie("operator"))}):
                answer = app.ask("POST", route.path, headers={"Cookie": app.cookie("operator")}, data=form)
                assert answer.status_code == 403, route
                assert "this form is too old, or not one of ours" in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9"},
        {"Host": "evil.example", "Origin": "http://127.0.0.1:8000"},
    ],
)
def test_a_page_of_others_gets_nothing_anywhere_by_any_method(app, known, headers):
    who = {"Cookie": app.cookie("operator"), "Authorization": f"Bearer {TOKENS['operator']}"}

    for route in known:
        for method in METHODS:
            answer = app.ask(method, route.path, headers={**who, **headers})
            assert answer.status_code == 403, (method, route)
            if method != "HEAD":
                assert answer.text.startswith("The dashboard takes no requests from pages of ")


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
def test_no_change_that_another_site_asks_for_is_made_anywhere(app, known, site):
    who = {"Cookie": app.cookie("operator"), "Authorization": f"Bearer {TOKENS['operator']}"}

    for route in known:
        for method in CHANGES:
            answer = app.ask(method, route.path, headers={**who, "Sec-Fetch-Site": site})
            assert answer.status_code == 403, (method, route)
            assert answer.text == "The dashboard takes no changes from pages of other sites.\n"


def test_without_logins_every_route_answers_to_names_of_loopback_alone(tmp_path):
    app = DashboardApp(tmp_path, accounts={})
    try:
        for route in routes(app):
            for method in METHODS:
                answer = app.ask(method, route.path, base_url="http://rebound.example:8000")
                assert answer.status_code == 403, (method, route)
    finally:
        app.stores.close()


#: Pages that are of one thing alone, and how it is named.
NEEDED = {"/failures/group": "?reason=timeout", "/sites/lookup": "?url=https://a.example/"}


def test_every_page_is_shown_while_redis_is_away(app, known):
    who = {"Cookie": app.cookie("operator")}
    for route in known:
        if "GET" in route.methods and not route.machine and not route.public:
            answer = app.ask("GET", route.path + NEEDED.get(route.path, ""), headers=who)
            of_nothing = "{" in route.template or route.path == "/sites/lookup"  # nothing is called x
            found = 404 if of_nothing else 200
            assert answer.status_code in {200, found}, (route, answer.text)
