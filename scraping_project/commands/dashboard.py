"""``scrapy dashboard``: the control tower, as pages and as an API."""

import os
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from getpass import getpass
from pathlib import Path

from scrapy.commands import ScrapyCommand
from scrapy.settings import Settings

from scraping_project.cli.backends import settings_of
from scraping_project.cli.exits import in_one_line, one_line_errors, refuse
from scraping_project.http.gate import is_loopback
from scraping_project.settings import database_in

HIGHEST_PORT = 65_535


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "[options] [hash]"

    def short_desc(self) -> str:
        return "Show what is crawled, what fails and why, and retry it"

    def long_desc(self) -> str:
        return (
            "Serve the control tower until Ctrl-C: pages for people and an API for scripts. On 127.0.0.1 it"
            " asks for no login; at any other address it starts only with DASHBOARD_USERNAME and"
            " DASHBOARD_PASSWORD. `scrapy dashboard hash` asks for a password and prints what may stand in"
            " DASHBOARD_PASSWORD instead of it."
        )

    def add_options(self, parser: ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: 127.0.0.1)")
        parser.add_argument(
            "--demo", action="store_true", help="crawl the demo site, beside your data, and show that"
        )
        parser.add_argument("--port", default=8000, type=int, help="port to listen at (default: 8000)")

    @in_one_line
    def process_options(self, args: list[str], opts: Namespace) -> None:
        super().process_options(args, opts)
        if args not in ([], ["hash"]):
            refuse(f"dashboard takes no arguments but hash, got {' '.join(args)}")
        if not 0 <= opts.port <= HIGHEST_PORT:
            refuse(f"--port is a number from 0 to {HIGHEST_PORT}, not {opts.port}")

    def run(self, args: list[str], opts: Namespace) -> None:
        # Scrapy imports the module of every command at each start: a crawl is to load no web server.
        if args:
            _print_hash()
        else:
            settings = settings_of(self)
            with _demo(settings) if opts.demo else nullcontext():
                _serve(settings, opts.host, opts.port)


@contextmanager
def _demo(settings: Settings) -> Iterator[None]:
    """Crawls the demo site into a folder of its own, and makes the settings name that."""
    data_dir = Path(settings["DATA_DIR"]) / "demo"
    places = {"DATA_DIR": str(data_dir), "REDIS_URL": "embedded", "DATABASE_URL": database_in(str(data_dir))}
    for name, value in places.items():
        settings.set(name, value, "cmdline")
    command = [sys.executable, "-m", "demo.crawl", "-s", "LOG_LEVEL=ERROR", "-s", "DOWNLOAD_DELAY=0.2"]
    crawl = subprocess.Popen(command, env={**os.environ, **places}, stdin=subprocess.DEVNULL)  # noqa: S603  our own
    try:
        yield
    finally:
        crawl.terminate()
        crawl.wait()


def _print_hash() -> None:
    from scraping_project.dashboard.passwords import hashed  # noqa: PLC0415

    password = getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if not password:
        refuse("the password is empty: type one, or pipe it in")
    print(hashed(password))


def _serve(settings: Settings, host: str, port: int) -> None:
    from scraping_project.dashboard.accounts import AccountError, Accounts  # noqa: PLC0415
    from scraping_project.dashboard.admission import Door  # noqa: PLC0415
    from scraping_project.dashboard.application import application  # noqa: PLC0415
    from scraping_project.dashboard.login_tries import LoginTries  # noqa: PLC0415
    from scraping_project.dashboard.server import Server, listening  # noqa: PLC0415
    from scraping_project.dashboard.sessions import Sessions, secret_in  # noqa: PLC0415
    from scraping_project.monitor.stores import Stores  # noqa: PLC0415

    data_dir, shown_host = Path(settings["DATA_DIR"]), f"[{host}]" if ":" in host else host
    try:
        accounts = Accounts.from_settings(settings)
        secret = secret_in(data_dir)
    except AccountError as error:
        refuse(str(error))
    except OSError as error:
        refuse(
            f"{data_dir}/dashboard.key can't be used ({error.strerror}): set DATA_DIR to a folder of yours"
        )
    if not accounts.wanted and not is_loopback(shown_host):
        refuse(
            f"at {host} others can reach it: set DASHBOARD_USERNAME and DASHBOARD_PASSWORD, or use 127.0.0.1"
        )
    try:
        listener = listening(host, port)
    except OSError as error:
        refuse(
            f"{host}:{port} can't be listened at ({error.strerror}): choose another with --host and --port"
        )
    door = Door(accounts, Sessions(accounts, secret), LoginTries())
    url = f"http://{shown_host}:{listener.getsockname()[1]}/"
    server = Server(
        application(Stores(settings), door),
        proxy=settings["DASHBOARD_PROXY"],
        serving=lambda: print(f"dashboard: {url} (Ctrl-C ends it)", file=sys.stderr),
    )
    server.run(sockets=[listener])
