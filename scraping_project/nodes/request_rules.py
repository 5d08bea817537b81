"""The rules of a request to a node: strict patterns for names, an allowlist of settings, no secrets.

A request's words stand in the command line of a process, in Scrapyd's log and in the table ``runs``.
"""

import re
from collections.abc import Mapping

from scraping_project import logins

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_VERSION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+/-]{0,99}")
_RUN_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
_ARGUMENT = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_SECRET = re.compile(r"passw|secret|token|credential|api_?key", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

#: Scrapyd uses these names itself, in a request or in its own calls.
_SCRAPYDS = frozenset(
    {"project", "spider", "jobid", "priority", "setting", "settings", "name", "spider_name", "self"}
)

#: The kernel takes at most 128 KiB in one word of a command line.
MAX_VALUE = 65_536
#: And 2 MiB in all of them, a few bytes more for each.
MAX_ARGUMENTS = 100

#: A request may set how much, how fast, how far, how loud. No setting here names code, files or addresses.
ALLOWED_SETTINGS = frozenset(
    {
        "AUTOTHROTTLE_ENABLED",
        "AUTOTHROTTLE_MAX_DELAY",
        "AUTOTHROTTLE_START_DELAY",
        "AUTOTHROTTLE_TARGET_CONCURRENCY",
        "CHECKPOINT_INTERVAL",
        "CLOSESPIDER_ERRORCOUNT",
        "CLOSESPIDER_ITEMCOUNT",
        "CLOSESPIDER_PAGECOUNT",
        "CLOSESPIDER_TIMEOUT",
        "CONCURRENT_REQUESTS",
        "CONCURRENT_REQUESTS_PER_DOMAIN",
        "COOKIES_ENABLED",
        "DEPTH_LIMIT",
        "DEPTH_PRIORITY",
        "DOWNLOAD_DELAY",
        "DOWNLOAD_DELAY_JITTER",
        "DOWNLOAD_MAXSIZE",
        "DOWNLOAD_TIMEOUT",
        "FRONTIER_LEASE",
        "FRONTIER_STUCK_AFTER",
        "LOG_LEVEL",
        "MAX_IDLE_TIME_BEFORE_CLOSE",
        "MEMUSAGE_LIMIT_MB",
        "REDIRECT_MAX_TIMES",
        "RETRY_TIMES",
        "ROBOTSTXT_OBEY",
        "RUN_HEARTBEAT",
        "STARTED_TOGETHER",
        "URLLENGTH_LIMIT",
        "USER_AGENT_MODE",
    }
)


class RunRequestError(ValueError):
    """The request is refused; the message says why, in one line."""


def check_name(kind: str, value: str) -> str:
    """Returns the name of a project or a spider, or refuses it."""
    return _matching(_NAME, kind, value, "1 to 64 letters, digits, '_', '.' or '-', not '.' or '-' first")


def check_version(value: str) -> str:
    """Returns the version of an egg, or refuses it."""
    if ".." in value or "//" in value:
        raise RunRequestError(f"{value[:100]!r} is no version: it may hold neither '..' nor '//'")
    return _matching(_VERSION, "version", value, "1 to 100 letters, digits, '_', '.', '+', '/' or '-'")


def check_run_id(value: str) -> str:
    """Returns the id of a run, or refuses it."""
    return _matching(_RUN_ID, "run id", value, "1 to 64 letters, digits, '_' or '-'")


def check_arguments(arguments: Mapping[str, str]) -> None:
    """Refuses spider arguments that cannot, or must not, stand in a command line."""
    if len(arguments) > MAX_ARGUMENTS:
        raise RunRequestError(f"a run takes at most {MAX_ARGUMENTS} spider arguments, not {len(arguments)}")
    for name, value in arguments.items():
        _matching(_ARGUMENT, "spider argument", name, "a letter, then letters, digits or '_'")
        if name in _SCRAPYDS:
            raise RunRequestError(
                f"a spider argument can't be called {name}: Scrapyd means something else by it"
            )
        if _SECRET.search(name) or logins.hide(value) != value:
            raise RunRequestError(
                f"the argument {name} holds a secret, which would stand in the list of processes:"
                " give it to the node in its environment"
            )
        _check_value(f"the argument {name}", value)


def check_settings(settings: Mapping[str, str]) -> None:
    """Refuses settings that are not on the allowlist."""
    for name, value in settings.items():
        if name not in ALLOWED_SETTINGS:
            raise RunRequestError(
                f"a request may not set {name[:100]!r}: it may set {', '.join(sorted(ALLOWED_SETTINGS))}"
            )
        _check_value(name, value)


def without_secrets(name: str, value: str) -> str:
    """An argument's value as it may be shown: ``***`` for a secret, and for user and password in its URLs."""
    return "***" if _SECRET.search(name) else logins.hide(value)


def _matching(pattern: re.Pattern[str], kind: str, value: str, form: str) -> str:
    if not pattern.fullmatch(value):
        raise RunRequestError(f"{value[:100]!r} is no {kind}: {form}")
    return value


def _check_value(what: str, value: str) -> None:
    if len(value.encode(errors="replace")) > MAX_VALUE:
        raise RunRequestError(f"{what} is longer than {MAX_VALUE} bytes: push many URLs with scrapy seed")
    if _CONTROL.search(value):
        raise RunRequestError(f"{what} holds control characters")
