"""Numbers on the command lines of benchmarks."""

from collections.abc import Callable


def at_least(least: int) -> Callable[[str], int]:
    """A type for argparse: a whole number, not lower than ``least``; anything else is one line and exit 2."""

    def number(text: str) -> int:
        if (value := int(text)) < least:
            raise ValueError(text)
        return value

    number.__name__ = f"number from {least} up"  # which argparse names in its message
    return number
