"""The dashboard's application without a server: requests are put to it in process."""

import hashlib
from pathlib import Path
from typing import Any

import anyio
import httpx
from scrapy.settings import Settings

from scraping_project.dashboard import application as module
from scraping_project.dashboard.accounts import Accounts
from scraping_project.dashboard.admission import Door
from scraping_project.dashboard.login_tries import LoginTries
from scraping_project.dashboard.sessions import COOKIE, Sessions
from scraping_project.monitor.stores import Stores

TOKENS = {"operator": "the deploy script's", "viewer": "the wall's"}
LOGINS = {"operator": ("anna", "a long password"), "viewer": ("otto", "another password")}
#: As they are set; each password of LOGINS is that of its role.
ACCOUNTS = {
    "DASHBOARD_USERNAME": LOGINS["operator"][0],
    "DASHBOARD_PASSWORD": LOGINS["operator"][1],
    "DASHBOARD_VIEWER_USERNAME": LOGINS["viewer"][0],
    "DASHBOARD_VIEWER_PASSWORD": LOGINS["viewer"][1],
    "DASHBOARD_TOKENS": ",".join(
        f"{role}-script:{role}:{hashlib.sha256(text.encode()).hexdigest()}" for role, text in TOKENS.items()
    ),
}
SECRET = b"0123456789abcdef" * 2


def settings_with(**values: Any) -> Settings:
    settings = Settings()
    settings.setmodule("scraping_project.settings")
    settings.setdict({name: "" for name in settings if name.startswith("DASHBOARD_")})
    settings.setdict(values)
    return settings


class DashboardApp:
    """The whole of it, as a rule over a Redis that is away and an SQLite file of the test's own."""

    def __init__(self, directory: Path, accounts: dict[str, str] | None = None, **places: str) -> None:
        settings = settings_with(
            **{
                "DATA_DIR": str(directory),
                "REDIS_URL": "redis://127.0.0.1:1/0",
                "DATABASE_URL": f"sqlite:///{directory}/scraping.db",
                **(ACCOUNTS if accounts is None else accounts),
                **places,
            }
        )
        self.accounts = Accounts.from_settings(settings)
        self.sessions = Sessions(self.accounts, SECRET)
        self.stores = Stores(settings)
        self.door = Door(self.accounts, self.sessions, LoginTries())
        self.gatekeeper = module.application(self.stores, self.door)

    @property
    def routes(self) -> list[Any]:
        return list(self.gatekeeper._app.routes)

    def cookie(self, role: str) -> str:
        """A cookie of a new session, as a browser sends it."""
        identity = self.accounts.logged_in(*LOGINS[role])
        assert identity is not None
        return f"{COOKIE}={self.sessions.begin(identity)}"

    def form_token(self, cookie: str) -> str:
        session = self.sessions.read(cookie.removeprefix(f"{COOKIE}="))
        assert session is not None
        return self.sessions.form_token(session.id)

    def ask(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        data: dict[str, str] | None = None,
        content: bytes | None = None,
        address: str = "127.0.0.1",
        base_url: str = "http://127.0.0.1:8000",
    ) -> httpx.Response:
        """The answer to a request; ``path`` goes as it stands."""

        async def answer() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.gatekeeper, client=(address, 50_000))
            async with httpx.AsyncClient(transport=transport) as client:
                return await client.request(
                    method, f"{base_url}{path}", headers=headers, data=data, content=content
                )

        return anyio.run(answer)
