"""Bad input ends a command with one line that says what was wrong and what to do, and exit code 2."""

import sys
from argparse import Namespace
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn

from scrapy.exceptions import UsageError

FINISHED, NOTHING_ANSWERED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def refuse(message: str) -> NoReturn:
    """End the process with the message on standard error and exit code 2."""
    print(f"scrapy: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(BAD_INPUT)


def in_one_line(process_options: Callable[..., None]) -> Callable[..., None]:
    """Make Scrapy's own complaints about options one line too, without the usage text before it."""

    @wraps(process_options)
    def wrapped(self: Any, args: list[str], opts: Namespace) -> None:
        try:
            process_options(self, args, opts)
        except UsageError as error:
            refuse(f"{error}: see --help")

    return wrapped
