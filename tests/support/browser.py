"""A real browser, that notes whatever a page ought not to do."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    sync_playwright,
)

from tests.support.thoroughness import STORM

#: It asks nobody for anything but what the pages do.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


class Look(NamedTuple):
    """How somebody looks at a page."""

    name: str
    width: int
    height: int
    scheme: str
    scripts: bool = True

    @property
    def phone(self) -> bool:
        return self.width < 500

    @property
    def options(self) -> dict[str, Any]:
        return {
            "viewport": {"width": self.width, "height": self.height},
            "color_scheme": self.scheme,
            "java_script_enabled": self.scripts,
            "is_mobile": self.phone,
            "has_touch": self.phone,
            "reduced_motion": "reduce",
        }


DESKTOP = Look("desktop", 1280, 800, "light")
PHONE = Look("phone", 390, 844, "light")
#: Size, colours and scripts are met in each of their values.
LOOKS = (
    DESKTOP,
    Look("phone-dark", 320, 640, "dark"),
    Look("phone-bare", 390, 844, "dark", scripts=False),
)
if STORM:
    LOOKS += (
        Look("desktop-dark", 1280, 800, "dark"),
        Look("desktop-bare", 1280, 800, "light", scripts=False),
        PHONE,
    )


class Watched:
    """A context whose pages are watched."""

    def __init__(self, context: BrowserContext, base_url: str) -> None:
        self._own = urlsplit(base_url).netloc
        self.context = context
        self.faults: list[str] = []
        self.asked: list[Request] = []
        context.set_default_timeout(30_000)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.faults.append(f"script: {error.error}"))
        context.on("request", self._request)
        context.on("requestfailed", self._request_failed)
        context.on("response", self._response)

    def page(self) -> Page:
        return self.context.new_page()

    def _console(self, message: ConsoleMessage) -> None:
        self.faults.append(f"console {message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        self.asked.append(request)
        parts = urlsplit(request.url)
        if parts.netloc != self._own:
            self.faults.append(f"another host: {request.url}")

    def _request_failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # by going to another page
            self.faults.append(f"{request.failure}: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 500:
            self.faults.append(f"{response.status}: {response.url}")


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's own browser, started once."""
    binary = shutil.which("chromium")
    assert binary, "there is no chromium: tests/install_servers.sh brings it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def watched(browser: Browser, look: Look, base_url: str, **options: Any) -> Iterator[Watched]:
    """A context of its own: nothing is left in it of another."""
    context = browser.new_context(base_url=base_url, **look.options, **options)
    yield Watched(context, base_url)
    context.close()


def cookies(base_url: str, name: str, password: str) -> list[dict[str, str]]:
    """Logs in without a browser; returns what a context takes."""
    answer = httpx.post(f"{base_url}/login", data={"name": name, "password": password})
    assert answer.status_code == 303, answer.text
    return [{"name": key, "value": value, "url": base_url} for key, value in answer.cookies.items()]


def violations(page: Page) -> list[str]:
    """What axe finds against the page, in a line each."""
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


def hang_over(page: Page) -> list[str]:
    """What is wider than its room: the page itself, or a table that ought to stack up on a phone."""
    return list(
        page.evaluate(
            """[...document.querySelectorAll("html, .wide:has(table.stacks)")]
            .filter(each => each.scrollWidth > each.clientWidth)
            .map(each => `${each.tagName} ${each.getAttribute("aria-label")}`)"""
        )
    )
