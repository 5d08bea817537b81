"""Values of settings read within their bounds; a bad one is a line that says what is wrong and what to do."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from scrapy.settings import BaseSettings

#: The longest that a setting of seconds may be, a day, and the most that one of a number may be.
MOST_SECONDS: Final = 86_400
MANY: Final = 1_000_000_000


def number(name: str, value: Any, least: float, most: float) -> float:
    """The value as a number.

    Raises:
        ValueError: It is none, or out of its bounds.
    """
    with suppress(ValueError, TypeError):
        if least <= float(value) <= most:  # so that "nan" is refused, too
            return float(value)
    raise ValueError(f"{name} is a number from {least} to {most}, not {value!r}")


def seconds(settings: BaseSettings, name: str, least: float, most: float = MOST_SECONDS) -> float:
    """A setting of seconds.

    Raises:
        ValueError: As ``number``.
    """
    with suppress(ValueError):
        return number(name, settings[name], least, most)
    raise ValueError(f"{name} is a number of seconds from {least:g} to {most}, not {settings[name]!r}")


def size(settings: BaseSettings, name: str, least: int, most: int) -> int:
    """A setting of bytes.

    Raises:
        ValueError: As ``number``.
    """
    with suppress(ValueError):
        return int(number(name, settings[name], least, most))
    raise ValueError(f"{name} is a number of bytes from {least} to {most}, not {settings[name]!r}")


def choice(settings: BaseSettings, name: str, choices: Sequence[str]) -> str:
    """A setting that is one of some words.

    Raises:
        ValueError: It is another.
    """
    value: str = settings[name]
    if value not in choices:
        raise ValueError(f"{name} is {value!r}: set it to {' or '.join(choices)}")
    return value
