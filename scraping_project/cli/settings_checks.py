"""Settings from ``-s`` and the environment: checked before anything is started."""

import logging
import math
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from scrapy.settings import BaseSettings, default_settings

from scraping_project import settings as project_settings
from scraping_project.cli.exits import refuse

MOST_SECONDS = 86_400
#: A lease of no time would be with others at once, a checkpoint or a heartbeat without pause would spin, and
#: a run that is silent for longer than a minute reads as lost.
_SECONDS = {
    "FRONTIER_LEASE": (0.5, MOST_SECONDS),
    "FRONTIER_STUCK_AFTER": (1, MOST_SECONDS),
    "FRONTIER_STANDSTILL_AFTER": (1, MOST_SECONDS),
    "FRONTIER_KEEP_FINISHED": (10, 3650 * MOST_SECONDS),
    "CHECKPOINT_INTERVAL": (0.01, MOST_SECONDS),
    "RUN_HEARTBEAT": (0.1, 30),
}
_CHOICES = {
    "USER_AGENT_MODE": ("honest", "browser"),
    "FRONTIER_ORDER": ("fifo", "lifo", "depth"),
    "FRONTIER_SLOT_BY": ("host", "domain"),
}
#: Redis copies a request some ten times in a script that leases it.
_BYTES = {"FRONTIER_REQUEST_MAXSIZE": (1_000, 8 * 1024 * 1024)}
MANY = 1_000_000_000
_NUMBERS = {
    "CONCURRENT_REQUESTS": (0, MANY),
    "CONCURRENT_REQUESTS_PER_DOMAIN": (1, MANY),
    "DOWNLOAD_DELAY": (0, MOST_SECONDS),
    "DOWNLOAD_DELAY_JITTER": (0, MOST_SECONDS),
    "AUTOTHROTTLE_START_DELAY": (0, MOST_SECONDS),
    "AUTOTHROTTLE_MAX_DELAY": (0, MOST_SECONDS),
    "RETRY_BACKOFF_BASE": (0, MOST_SECONDS),
    "ROBOTSTXT_CRAWL_DELAY_MAX": (0, MOST_SECONDS),
    "FRONTIER_SLOT_PAGES": (0, MANY),
    "PAGE_LINKS_MAX": (0, MANY),
}
#: What DOWNLOAD_SLOTS may say of a slot; Scrapy knows more, which is none of this project's.
_OF_A_SLOT = {"delay": (0, MOST_SECONDS), "concurrency": (0, MANY), "jitter": (0, MOST_SECONDS)}


def check_settings(settings: BaseSettings) -> None:
    """Refuse, in one line, a setting of another type than its default, or one that names nothing known."""
    for name in settings:
        default = getattr(project_settings, name, getattr(default_settings, name, None))
        if check := _CHECKS.get(type(default)):
            _check_type(settings, name, check)
    _check_seconds(settings)
    for name, (least, most) in _BYTES.items():
        if not least <= settings.getint(name) <= most:
            refuse(f"{name} is a number of bytes from {least} to {most}, not {settings[name]!r}")
    for name, choices in _CHOICES.items():
        if settings[name] not in choices:
            refuse(f"{name} is {settings[name]!r}: set it to {' or '.join(choices)}")
    for name, (least, most) in _NUMBERS.items():
        _check_number(name, settings[name], least, most)
    _check_slots(settings)
    _check_finite(settings)
    _check_log(settings)


def _check_type(settings: BaseSettings, name: str, check: tuple[str, Callable[..., Any]]) -> None:
    kind, get = check
    with suppress(ValueError, TypeError, OverflowError):
        get(settings, name)
        return
    refuse(f"{name} is {kind}, not {settings[name]!r}")


def _check_seconds(settings: BaseSettings) -> None:
    for name, (least, most) in _SECONDS.items():
        if not least <= settings.getfloat(name) <= most:  # so that "nan" is refused, too
            refuse(f"{name} is a number of seconds from {least:g} to {most}, not {settings[name]!r}")


def _check_number(name: str, value: Any, least: float, most: float) -> None:
    with suppress(ValueError, TypeError):
        if least <= float(value) <= most:  # so that "nan" is refused, too
            return
    refuse(f"{name} is a number from {least} to {most}, not {value!r}")


def _check_finite(settings: BaseSettings) -> None:
    for name in settings:
        default = getattr(project_settings, name, getattr(default_settings, name, None))
        if type(default) is float and not math.isfinite(settings.getfloat(name)):
            refuse(f"{name} is a finite number, not {settings[name]!r}")


def _check_slots(settings: BaseSettings) -> None:
    example = 'write {"example.com": {"delay": 5, "concurrency": 1}}'
    for slot, own in settings.getdict("DOWNLOAD_SLOTS").items():
        if not isinstance(own, dict):
            refuse(f"DOWNLOAD_SLOTS says {own!r} of {slot!r}: {example}")
        for name, (least, most) in _OF_A_SLOT.items():
            if name in own:
                _check_number(f"DOWNLOAD_SLOTS: {name} of {slot!r}", own[name], least, most)


def _check_log(settings: BaseSettings) -> None:
    level = settings["LOG_LEVEL"]
    if level not in logging.getLevelNamesMapping() and not isinstance(level, int):
        refuse(f"LOG_LEVEL is {level!r}: set it to DEBUG, INFO, WARNING, ERROR or CRITICAL")
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
