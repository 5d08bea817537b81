import os

from scrapyd.config import Config
from scrapyd.exceptions import ConfigError


def has_login(config: Config) -> bool:
    """Tells whether Scrapyd will ask for a user and a password, and refuses one without the other."""
    # Scrapyd itself takes half a login for "no password wanted".
    username = os.environ.get("SCRAPYD_USERNAME") or config.get("username", "")
    password = os.environ.get("SCRAPYD_PASSWORD") or config.get("password", "")
    if bool(username) != bool(password):
        raise ConfigError(
            "Scrapyd does not start: set both SCRAPYD_USERNAME and SCRAPYD_PASSWORD, or neither."
        )
    return bool(username)
