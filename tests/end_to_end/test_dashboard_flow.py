"""Somebody who never saw it finds out why pages fail, retries them, sees them well and takes the CSV."""

import re
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import expect

from tests.support.browser import DESKTOP, LOOKS, PHONE, watched
from tests.support.dashboard_app import ACCOUNTS, LOGINS
from tests.support.dashboard_server import dashboard
from tests.support.embedded_servers import embedded_processes
from tests.support.project import Project

#: Pages of the site that fail until it is mended.
BROKEN = 12
#: Keys that the way by keyboard may take, but for name and password.
MOST_KEYS = 40
FAST = ("-s", "DOWNLOAD_DELAY=0", "-s", "RETRY_TIMES=0", "-s", "ROBOTSTXT_OBEY=false")


class Shop:
    """A site whose inner pages answer 503 until it is mended."""

    def __init__(self):
        self.mended = False
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                inner = self.path.startswith("/page/")
                links = "" if inner else "".join(f"<a href=/page/{n}>{n}</a>" for n in range(BROKEN))
                body = f"<title>{self.path}</title>{links}".encode()
                self.send_response(503 if inner and not shop.mended else 200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def shop():
    shop = Shop()
    yield shop
    shop.server.shutdown()
    shop.server.server_close()


@pytest.fixture
def tower(tmp_path, shop):
    """A project whose crawl of the shop is over, and the dashboard's address."""
    project = Project(tmp_path, lambda: "embedded")
    project.env["SCRAPYD_URLS"] = ""  # no node: a run is a process of this machine
    project.run("crawl", "links", "-a", f"start_urls={shop.url}", *FAST, timeout=120)
    assert failing(project) == BROKEN
    shop.mended = True
    with dashboard(project, env=ACCOUNTS) as url:
        yield project, url
    project.end_all()
    for process in embedded_processes(project.directory):
        process.kill()


def failing(project):
    return sum(row["status_code"] == 503 for row in project.rows("sites"))


def log_in(page):
    name, password = LOGINS["operator"]
    page.goto("/")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def wait_for_page(page, text, *, scripts):
    """Waits for what the page refreshes by itself, or else reloads it as somebody would."""
    deadline = time.monotonic() + 60
    while not scripts and time.monotonic() < deadline and not page.get_by_text(text).count():
        page.reload()
    expect(page.get_by_text(text).first).to_be_visible(timeout=60_000)


@pytest.mark.parametrize(
    "look",
    [DESKTOP, PHONE, next(look for look in LOOKS if not look.scripts)],
    ids=lambda look: look.name,
)
def test_five_clicks_lead_from_a_failing_site_to_pages_that_are_well(browser, tower, look, tmp_path):
    project, url = tower
    with watched(browser, look, url) as window:
        page = window.page()
        log_in(page)
        # 1: the first page says what fails, and why.
        expect(page.get_by_role("cell", name="127.0.0.1").first).to_be_visible()
        page.get_by_role("button", name=f"Retry {BROKEN} of http_503 at 127.0.0.1").click()
        # 2: what was done is told, and that nobody works on it.
        wait_for_page(page, re.compile(f"{BROKEN} failed pages asked for again"), scripts=look.scripts)
        page.get_by_role("button", name="Start a run").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Run ")
        wait_for_page(page, re.compile("✔ finished"), scripts=look.scripts)
        assert failing(project) == 0
        # 3 and 4: the retry says what became of it.
        page.get_by_role("link", name="Actions").click()
        page.get_by_role("row", name=re.compile("retry")).get_by_role("link").first.click()
        expect(page.get_by_text(f"{BROKEN} well")).to_be_visible()
        # 5: the list leaves as CSV.
        page.goto("/sites?domain=127.0.0.1")
        with page.expect_download() as download:
            page.get_by_role("link", name="CSV of the site").click()
        download.value.save_as(tmp_path / "sites.csv")
        rows = (tmp_path / "sites.csv").read_text().splitlines()
        assert len(rows) == BROKEN + 2
        assert window.faults == []


def test_the_same_by_keyboard_alone_takes_forty_keys(browser, tower):
    _, url = tower
    keys = 0

    def press(page, *names):
        nonlocal keys
        for name in names:
            page.keyboard.press(name)
            keys += 1

    def tab_to(page, role, name):
        """Tabs on until it has the focus; as many presses as somebody would need who knows the way."""
        wanted = page.get_by_role(role, name=name).first
        wanted.wait_for()
        for _ in range(MOST_KEYS):
            if wanted.evaluate("each => each === document.activeElement"):
                return
            press(page, "Tab")
        raise AssertionError(f"no way to {name} by keyboard")

    with watched(browser, DESKTOP, url) as window:
        page = window.page()
        page.goto("/failures")
        name, password = LOGINS["operator"]
        page.keyboard.type(name)
        press(page, "Tab")
        page.keyboard.type(password)
        press(page, "Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Failures")
        press(page, "Tab", "Enter")  # skip to the content
        tab_to(page, "button", re.compile(f"Retry {BROKEN} of http_503"))
        press(page, "Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Retry")
        press(page, "Tab", "Enter")
        tab_to(page, "button", "Start a run")
        press(page, "Enter")
        wait_for_page(page, re.compile("✔ finished"), scripts=True)
        assert keys <= MOST_KEYS
        assert window.faults == []
