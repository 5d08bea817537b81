"""Every page in a real browser: desktop and phone, light and dark, with scripts and without."""

import os
import re
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from scraping_project.dashboard.pages import handlers
from tests.support.browser import DESKTOP, LOOKS, PHONE, cookies, hang_over, violations, watched
from tests.support.dashboard_app import ACCOUNTS, LOGINS
from tests.support.dashboard_server import dashboard

#: Where pictures for the docs are laid, when SCREENSHOTS is set.
SCREENSHOTS = Path(__file__).parents[2] / "docs/screenshots"
#: What people download, and programs ask for, is no page.
MACHINES = ("/api", "/export", "/metrics", "/healthz")
#: As the router knows them: a new page is tried by itself, once one with parameters has an example below.
PAGES = sorted(
    path
    for handler in handlers()
    for path in handler.paths
    if "GET" in handler.http_methods and not path.startswith(MACHINES) and "." not in path
)


#: Those whose whole purpose is a change.
OPERATORS = {path for handler in handlers() if handler.opt.get("for_operators") for path in handler.paths}


def a_run(project):
    return project.rows("runs")[0]["id"]


def a_failed_page(project):
    return next(row["url"] for row in project.rows("sites") if row["status_code"] == 404)


#: How a page is asked for that is of one thing alone.
EXAMPLES = {
    "/actions/{action_id:str}": lambda project: f"/actions/{project.rows('actions')[0]['id']}",
    "/failures/group": lambda _: "/failures/group?reason=http_404",
    "/frontier/{name:str}": lambda _: "/frontier/links",
    "/frontier/{name:str}/dead": lambda _: "/frontier/links/dead",
    "/frontier/{name:str}/seeds": lambda _: "/frontier/links/seeds",
    "/runs/{run_id:str}": lambda project: f"/runs/{a_run(project)}",
    "/runs/{run_id:str}/cancel": lambda project: f"/runs/{a_run(project)}/cancel",
    "/schedules/{name:str}": lambda _: "/schedules/nightly",
    "/schedules/{name:str}/edit": lambda _: "/schedules/nightly/edit",
    "/sites/lookup": lambda project: f"/sites/lookup?url={quote(a_failed_page(project))}",
}


@pytest.fixture(scope="module")
def base_url(crawled):
    arguments = ("--spider", "links", "--cron", "30 2 * * *", "--timezone", "Europe/Berlin")
    crawled.run("schedule", "add", "nightly", *arguments)
    crawled.run("schedule", "run-now", "nightly")
    with dashboard(crawled, env=ACCOUNTS) as url:
        yield url


@pytest.fixture(scope="module", autouse=True)
def retried(browser, base_url, sessions):
    """An operator has retried what failed, so that there is an action to look at."""
    with watched(browser, DESKTOP, base_url) as window:
        window.context.add_cookies(sessions["operator"])
        page = window.page()
        page.goto("/failures")
        page.get_by_role("button", name=re.compile("^Retry")).first.click()
        expect(page).to_have_url(re.compile("/actions/"))


@pytest.fixture(scope="module")
def sessions(base_url):
    return {role: cookies(base_url, *login) for role, login in LOGINS.items()}


@pytest.fixture
def look_at(browser, base_url, sessions):
    """Opens a page as somebody, and finds no fault with it."""

    @contextmanager
    def look_at(path, look, role="operator"):
        with watched(browser, look, base_url) as window:
            if role:
                window.context.add_cookies(sessions[role])
            page = window.page()
            answer = page.goto(path, wait_until="load")
            yield page, answer
            assert window.faults == []

    return look_at


@pytest.fixture
def address(crawled):
    return lambda path: EXAMPLES[path](crawled) if path in EXAMPLES else path


def picture_of(path):
    return re.sub(r"\{.*?\}", "one", path).strip("/").replace("/", "-") or "overview"


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
@pytest.mark.parametrize("path", PAGES)
def test_a_page_shows_without_fault_and_axe_finds_none(look_at, address, path, look):
    role = None if path == "/login" else "operator"
    with look_at(address(path), look, role) as (page, answer):
        assert answer.status == 200
        expect(page.locator("h1")).to_have_count(1)
        assert page.title().endswith(" · Control tower")
        assert hang_over(page) == []
        if look.scripts:  # axe is one
            assert violations(page) == []
            if "SCREENSHOTS" in os.environ:
                page.screenshot(path=SCREENSHOTS / f"{picture_of(path)}-{look.name}.png", full_page=True)


@pytest.mark.parametrize("path", [path for path in PAGES if path not in {"/login", *OPERATORS}])
def test_a_viewer_sees_each_page_and_no_button_but_to_log_out(look_at, address, path):
    with look_at(address(path), DESKTOP, "viewer") as (page, answer):
        assert answer.status == 200
        expect(page.get_by_text("otto (may look)")).to_be_visible()
        forms = page.locator("form[method=post]")
        assert {form.get_attribute("action") for form in forms.all()} == {"/logout"}
        assert violations(page) == []


@pytest.mark.parametrize("look", [DESKTOP, PHONE], ids=lambda look: look.name)
def test_a_page_that_is_none_says_so_and_where_to_go(browser, base_url, sessions, look):
    with watched(browser, look, base_url) as window:
        window.context.add_cookies(sessions["viewer"])
        page = window.page()
        assert page.goto("/nothing").status == 404
        expect(page.get_by_role("heading", level=1)).to_have_text("404 · There is no such page")
        assert violations(page) == []
        page.get_by_role("link", name="To the overview").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
        # Chromium itself tells of a page that was not found.
        assert [fault for fault in window.faults if "404" not in fault] == []


@pytest.mark.parametrize(
    "look", [look for look in LOOKS if "dark" not in look.name], ids=lambda look: look.name
)
def test_somebody_logs_in_by_keyboard_comes_to_where_they_went_and_logs_out(browser, base_url, look):
    name, password = LOGINS["operator"]
    with watched(browser, look, base_url) as window:
        page = window.page()
        page.goto("/runs?spider=links")
        expect(page.get_by_label("Name")).to_be_focused()
        page.keyboard.type(name)
        page.keyboard.press("Tab")
        page.keyboard.type(password)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Runs")
        assert page.url == f"{base_url}/runs?spider=links"

        page.get_by_role("button", name="Log out").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_label("Name")).to_be_visible()
        page.goto("/runs")
        expect(page.get_by_label("Name")).to_be_visible()
        assert window.faults == []


def test_a_wrong_password_is_told_and_the_name_stays(browser, base_url):
    with watched(browser, DESKTOP, base_url) as window:
        page = window.page()
        page.goto("/login?next=/runs")
        page.get_by_label("Name").fill("anna")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_have_text("Name or password is wrong.")
        expect(page.get_by_label("Name")).to_have_value("anna")
        expect(page.get_by_label("Password")).to_be_focused()
        assert violations(page) == []
        assert [fault for fault in window.faults if "401" not in fault] == []


def test_no_page_is_shown_in_a_frame_of_others(browser, base_url, sessions):
    with watched(browser, DESKTOP, base_url) as window:
        window.context.add_cookies(sessions["operator"])
        page = window.page()
        page.set_content(f'<iframe src="{base_url}/"></iframe>')
        expect(page.frame_locator("iframe").get_by_role("heading", name="Overview")).to_have_count(0)
        assert any("frame-ancestors" in fault for fault in window.faults)


def test_a_page_refreshes_itself_and_tells_when_the_server_is_lost_and_back(
    browser, base_url, sessions, crawled
):
    with watched(browser, DESKTOP, base_url) as window:
        window.context.add_cookies(sessions["viewer"])
        page = window.page()
        page.goto("/frontier")
        page.get_by_label("Refresh").select_option("2")
        paused = page.locator("#frontiers").get_by_text("paused")
        expect(paused).to_have_count(0)

        crawled.run("frontier", "links", "pause")
        expect(paused).to_be_visible(timeout=30_000)
        crawled.run("frontier", "links", "resume")
        expect(paused).to_have_count(0, timeout=30_000)
        assert window.faults == []

        window.context.set_offline(True)
        expect(page.get_by_role("status")).to_contain_text("The server does not answer", timeout=30_000)
        window.context.set_offline(False)
        expect(page.get_by_role("status")).to_have_text("The server answers again.", timeout=60_000)
