import os

import scrapyd.app
from scrapyd.config import Config
from scrapyd.exceptions import ConfigError
from twisted.python.components import Componentized

from deploy.directories import place_in_data_dir
from deploy.login import has_login


def application(config: Config) -> Componentized:
    """Builds Scrapyd with its files in DATA_DIR, unless others could reach it without a password.

    It does not protect a Scrapyd without a password from other users of the same machine.
    """
    address = os.environ.get("SCRAPYD_BIND_ADDRESS") or config.get("bind_address", "127.0.0.1")
    if address != "127.0.0.1" and not has_login(config):
        raise ConfigError(
            f"Scrapyd does not start: on {address} it runs anybody's code. "
            "Set SCRAPYD_USERNAME and SCRAPYD_PASSWORD, or bind 127.0.0.1."
        )
    place_in_data_dir(config)
    built: Componentized = scrapyd.app.application(config)
    return built
