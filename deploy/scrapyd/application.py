import os
from typing import Any

import scrapyd.app
from scrapyd.config import Config
from scrapyd.exceptions import ConfigError
from twisted.application.internet import TimerService
from twisted.application.service import IServiceCollection
from twisted.internet import reactor
from twisted.python.components import Componentized

from deploy.scrapyd.directories import place_in_data_dir
from deploy.scrapyd.limits import limit
from deploy.scrapyd.login import login
from deploy.scrapyd.login_throttle import LoginThrottle
from deploy.scrapyd.logs import INTERVAL, LogKeeper
from deploy.scrapyd.runner import MOST_STOP_SECONDS, stop_seconds
from deploy.scrapyd.shutdown import end_runs_first
from deploy.scrapyd.throttled_root import ThrottledRoot


def application(config: Config) -> Componentized:
    """Builds Scrapyd with its files in DATA_DIR, unless others could reach it without a password.

    A Scrapyd without a password is not protected from other users of the machine.
    """
    address = os.environ.get("SCRAPYD_BIND_ADDRESS") or config.get("bind_address", "127.0.0.1")
    if address != "127.0.0.1" and not login(config):
        raise ConfigError(
            f"Scrapyd does not start: on {address} it runs anybody's code. "
            "Set SCRAPYD_USERNAME and SCRAPYD_PASSWORD, or bind 127.0.0.1."
        )
    check_stop_seconds()
    place_in_data_dir(config)
    built: Componentized = scrapyd.app.application(config)
    services: Any = IServiceCollection(built)
    for service in services:
        if hasattr(service, "args"):  # of a listener: its address and the site
            guard(service.args[1], login(config))
    rounds: Any = TimerService(INTERVAL, LogKeeper(config).keep)  # type: ignore[no-untyped-call]  # Twisted
    rounds.setServiceParent(services)
    end_runs_first(services.getServiceNamed("launcher"))
    return built


def guard(site: Any, asked: tuple[str, str] | None) -> None:
    """Makes a site refuse large bodies, and slow down guesses at its login."""
    running: Any = reactor
    door = LoginThrottle(asked, running) if asked else None
    limit(site, door)
    if door:
        site.resource = ThrottledRoot(site.resource, door)


def check_stop_seconds() -> None:
    """Refuses a value at which every runner would end before its crawl began."""
    try:
        stop_seconds()
    except ValueError:
        raise ConfigError(
            "Scrapyd does not start: SCRAPYD_STOP_SECONDS is a number of seconds from above 0 to"
            f" {MOST_STOP_SECONDS:g}."
        ) from None
