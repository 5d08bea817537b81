import os

from scrapyd.config import Config
from scrapyd.exceptions import ConfigError


def login(config: Config) -> tuple[str, str] | None:
    """Returns the user and password of Scrapyd's login; refuses one without the other."""
    # Scrapyd itself takes half a login for "no password wanted".
    username = os.environ.get("SCRAPYD_USERNAME") or config.get("username", "")
    password = os.environ.get("SCRAPYD_PASSWORD") or config.get("password", "")
    if bool(username) != bool(password):
        raise ConfigError(
            "Scrapyd does not start: set both SCRAPYD_USERNAME and SCRAPYD_PASSWORD, or neither."
        )
    return (username, password) if username else None
