"""Ends of commands that can't go on, each in one line: bad input with exit code 2, Ctrl-C with 130."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn

from scrapy.exceptions import UsageError
from scrapy.settings import BaseSettings

from scraping_project.cli.derived_settings import derive

FINISHED, NOTHING_ANSWERED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def refuse(message: str) -> NoReturn:
    """End the process with the message on standard error and exit code 2."""
    print(f"scrapy: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(BAD_INPUT)


def one_line_errors(parser: ArgumentParser) -> None:
    """Make the parser's complaints one line, without the usage text before it."""

    def error(message: str) -> NoReturn:
        refuse(f"{message}: see --help")

    parser.error = error  # type: ignore[method-assign]  # Scrapy makes the parser


def in_one_line(process_options: Callable[..., None]) -> Callable[..., None]:
    """Process options as Scrapy does, then derive settings from ``-s``; complaints are one line.

    Unknown options and empty values are refused: an empty value comes of a shell's unset variable, and was
    not meant as "all of them". From here on Ctrl-C is one line, too, where nothing else handles it.
    """

    @wraps(process_options)
    def wrapped(self: Any, args: list[str], opts: Namespace) -> None:
        if unknown := [arg for arg in args if arg.startswith("-") and arg != "-"]:
            refuse(f"there is no option {', '.join(unknown)}: see --help")
        if empty := [name for name, value in vars(opts).items() if value == ""]:
            refuse(f"--{empty[0].replace('_', '-')} is empty: give it a value, or leave it out")
        for pair in opts.set:
            _check_table(self.settings, *pair.split("=", 1))
        try:
            process_options(self, args, opts)
        except UsageError as error:
            refuse(f"{error}: see --help")
        except OSError as error:
            refuse(f"--pidfile {opts.pidfile} can't be written: {error.strerror}")
        derive(self.settings)
        self.run = _interruptible(self.run)

    return wrapped


def _check_table(settings: BaseSettings, name: str, value: str = "{}") -> None:
    """Refuse a table that Scrapy could not read: it must be an object of JSON."""
    if not isinstance(settings.get(name), BaseSettings):
        return
    try:
        BaseSettings(value)
    except (ValueError, TypeError):
        refuse(f"{name} is a JSON object such as {{}}, not {value!r}")


def _interruptible(run: Callable[..., None]) -> Callable[..., None]:
    @wraps(run)
    def wrapped(args: list[str], opts: Namespace) -> None:
        try:
            run(args, opts)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            sys.exit(INTERRUPTED)

    return wrapped
