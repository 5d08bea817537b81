"""Settings from ``-s`` and the environment: checked before anything is started."""

import logging
import math
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from scrapy.settings import BaseSettings, default_settings

from scraping_project import settings as project_settings
from scraping_project.bounds import MANY, choice, number
from scraping_project.cli.exits import refuse
from scraping_project.politeness.policy import Policy
from scraping_project.worker.pace import Pace


def check_settings(settings: BaseSettings) -> None:
    """Refuse, in one line, a setting of a wrong type, or one that names nothing known."""
    for name in settings:
        default = getattr(project_settings, name, getattr(default_settings, name, None))
        if check := _CHECKS.get(type(default)):
            _check_type(settings, name, check)
    try:
        Policy.from_settings(settings)
        Pace.from_settings(settings)
        choice(settings, "USER_AGENT_MODE", ("honest", "browser"))
        number("PAGE_LINKS_MAX", settings["PAGE_LINKS_MAX"], 0, MANY)
    except ValueError as error:
        refuse(str(error))
    _check_finite(settings)
    _check_log(settings)


def _check_type(settings: BaseSettings, name: str, check: tuple[str, Callable[..., Any]]) -> None:
    kind, get = check
    with suppress(ValueError, TypeError, OverflowError):
        get(settings, name)
        return
    refuse(f"{name} is {kind}, not {settings[name]!r}")


def _check_finite(settings: BaseSettings) -> None:
    for name in settings:
        default = getattr(project_settings, name, getattr(default_settings, name, None))
        if type(default) is float and not math.isfinite(settings.getfloat(name)):
            refuse(f"{name} is a finite number, not {settings[name]!r}")


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
