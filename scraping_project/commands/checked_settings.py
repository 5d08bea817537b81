"""Settings from ``-s`` and the environment: checked before anything is started."""

import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from scrapy.settings import BaseSettings, default_settings

from scraping_project import settings as project_settings
from scraping_project.commands.exits import refuse

MOST_SECONDS = 86_400
#: A lease of no time would be with others at once, a checkpoint or a heartbeat without pause would spin, and
#: a run that is silent for longer than a minute reads as lost.
_SECONDS = {
    "FRONTIER_LEASE": (0.5, MOST_SECONDS),
    "FRONTIER_STUCK_AFTER": (1, MOST_SECONDS),
    "FRONTIER_KEEP_FINISHED": (10, 3650 * MOST_SECONDS),
    "CHECKPOINT_INTERVAL": (0.01, MOST_SECONDS),
    "RUN_HEARTBEAT": (0.1, 30),
}
_CHOICES = {
    "USER_AGENT_MODE": ("honest", "browser"),
    "FRONTIER_ORDER": ("fifo", "lifo", "depth"),
    "FRONTIER_SLOT_BY": ("host", "domain"),
}
_NOT_NEGATIVE = (
    "CONCURRENT_REQUESTS",
    "DOWNLOAD_DELAY",
    "DOWNLOAD_DELAY_JITTER",
    "RETRY_BACKOFF_BASE",
    "ROBOTSTXT_CRAWL_DELAY_MAX",
    "FRONTIER_SLOT_PAGES",
)


def check_settings(settings: BaseSettings) -> None:
    """Refuse, in one line, a setting of another type than its default, or one that names nothing known."""
    for name in settings:
        default = getattr(project_settings, name, getattr(default_settings, name, None))
        if check := _CHECKS.get(type(default)):
            _check_type(settings, name, check)
    _check_seconds(settings)
    for name, choices in _CHOICES.items():
        if settings[name] not in choices:
            refuse(f"{name} is {settings[name]!r}: set it to {' or '.join(choices)}")
    for name in _NOT_NEGATIVE:
        if not settings.getfloat(name) >= 0:  # so that "nan" is refused, too
            refuse(f"{name} is a number from 0, not {settings[name]!r}")
    _check_log(settings)


def _check_type(settings: BaseSettings, name: str, check: tuple[str, Callable[..., Any]]) -> None:
    kind, get = check
    with suppress(ValueError, TypeError):
        get(settings, name)
        return
    refuse(f"{name} is {kind}, not {settings[name]!r}")


def _check_seconds(settings: BaseSettings) -> None:
    for name, (least, most) in _SECONDS.items():
        if not least <= settings.getfloat(name) <= most:  # so that "nan" is refused, too
            refuse(f"{name} is a number of seconds from {least:g} to {most}, not {settings[name]!r}")


def _check_log(settings: BaseSettings) -> None:
    level = settings["LOG_LEVEL"]
    if str(level) not in logging.getLevelNamesMapping() and not str(level).isdecimal():
        refuse(f"the log level is {level!r}: set it to DEBUG, INFO, WARNING, ERROR or CRITICAL")
    if settings["LOG_FILE"]:
        try:
            Path(settings["LOG_FILE"]).open("a").close()
        except OSError as error:
            refuse(f"the log file {settings['LOG_FILE']} can't be written: {error.strerror}")


_CHECKS: dict[type, tuple[str, Callable[..., Any]]] = {
    bool: ("True or False", BaseSettings.getbool),
    int: ("a whole number", BaseSettings.getint),
    float: ("a number", BaseSettings.getfloat),
}
