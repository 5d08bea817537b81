"""This project's own arguments of a crawl, whatever a spider means by attributes of the same names."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from scraping_project.frontier.keys import Keys


class CrawlArguments(NamedTuple):
    """The crawl's arguments, as the run was given them."""

    frontier: str = ""  # its name; empty: the spider's own
    max_depth: int | None = None  # links followed from a seed at the most; None: no limit
    max_pages: int = 0  # answered pages of the crawl, by all workers, at the most; 0: no limit

    @classmethod
    def of(cls, spider: object, given: Mapping[str, str]) -> Self:
        """Those that were given with ``-a``, and those that the spider's class declares.

        ``crawl_arguments = ("max_pages",)`` in a class declares that its spiders' attribute ``max_pages`` is
        this one. Other attributes of these names are a spider's own, and mean nothing for the crawl.

        Args:
            spider: The one that runs.
            given: The arguments of the run, by name, as they were typed.

        Raises:
            ValueError: A value is none, or the class declares what is no such argument.
        """
        declared = getattr(spider, "crawl_arguments", ())
        if unknown := sorted(set(declared) - set(cls._fields)):
            raise ValueError(
                f"crawl_arguments of the spider may hold {', '.join(cls._fields)}, not {', '.join(unknown)}"
            )
        values = {name: given[name] for name in cls._fields if name in given}
        values |= {name: getattr(spider, name, None) for name in declared}
        return cls(
            **{name: _READ[name](name, value) for name, value in values.items() if value not in (None, "")}
        )


def _frontier(_: str, value: Any) -> str:
    return Keys(value).name


def _number(name: str, value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = -1
    if number < 0:
        raise ValueError(f"{name} is a whole number from 0, not {value!r:.100}")
    return number


_READ: Mapping[str, Any] = {"frontier": _frontier, "max_depth": _number, "max_pages": _number}
