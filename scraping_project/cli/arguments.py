"""Spider arguments: checked and converted before anything is started."""

import inspect
import re
from collections.abc import Mapping
from typing import Any

from scrapy import Spider

from scraping_project.cli.exits import refuse
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.seeds import SeedError, check_url

#: Arguments for the project, which no spider has to know.
OURS = frozenset({"frontier", "max_pages"})

_COMMA_BEFORE_URL = re.compile(r",\s*(?=[A-Za-z][A-Za-z0-9+.-]*://)")
#: Scrapy passes parameters of these names beside the arguments.
_TAKEN = frozenset({"self", "cls", "crawler", "crawler_or_spidercls"})
_DOMAIN = re.compile(r"(?!-)[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[?[0-9a-f:.]+\]?", re.IGNORECASE)


def check_arguments(spider_class: type[Spider], given: dict[str, str]) -> dict[str, Any]:
    """Convert ``-a`` arguments for a spider's constructor, or refuse them in one line.

    A spider that takes ``**kwargs``, as Scrapy's templates do, takes any argument. Arguments of the project
    alone are kept from a spider that does not know them.
    """
    if taken := sorted(_TAKEN & given.keys()):
        refuse(f"-a {taken[0]}=… can't be given to a spider, Scrapy uses that name itself: choose another")
    converted = {name: _CONVERTERS.get(name, _as_is)(name, value) for name, value in given.items()}
    parameters = inspect.signature(spider_class).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return converted
    _check_names(spider_class, given, parameters)
    return {name: value for name, value in converted.items() if name in parameters or name not in OURS}


def _check_names(
    spider_class: type[Spider], given: dict[str, str], parameters: Mapping[str, inspect.Parameter]
) -> None:
    unknown = sorted(given.keys() - parameters.keys() - OURS - {"_job"})
    if unknown:
        known = ", ".join(name for name in parameters if not name.startswith("_"))
        refuse(f"the spider {spider_class.name!r} takes no argument {', '.join(unknown)}: it takes {known}")


def _urls(name: str, value: str) -> list[str]:
    urls = [url.strip() for url in _COMMA_BEFORE_URL.split(value) if url.strip()]
    if not urls:
        refuse(
            f"{name} is empty: give at least one http:// or https:// URL, or leave it out to wait for seeds"
        )
    try:
        return [check_url(url) for url in urls]
    except SeedError as error:
        refuse(f"{name}: {error}")


def domain(name: str, value: str) -> str:
    """The domain in lower case; refuses anything else in one line."""
    if not _DOMAIN.fullmatch(value):
        refuse(f"{name}: {value!r} is no domain: give names such as example.com, no scheme, port or path")
    return value.lower()


def _domains(name: str, value: str) -> list[str]:
    domains = [domain(name, given.strip()) for given in value.split(",") if given.strip()]
    if not domains:
        refuse(
            f"{name} is empty: give domains such as example.com, or leave it out to stay on each page's host"
        )
    return domains


def _count(least: int) -> Any:
    def convert(name: str, value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,15}", value) or int(value) < least:
            refuse(f"{name} is a whole number from {least}, not {value!r}")
        return int(value)

    return convert


def _frontier(name: str, value: str) -> str:
    try:
        return Keys(value).name
    except ValueError as error:
        refuse(f"{name}: {error}")


def _as_is(name: str, value: str) -> str:  # noqa: ARG001  one signature for all
    return value


_CONVERTERS = {
    "start_urls": _urls,
    "allowed_domains": _domains,
    "max_depth": _count(0),
    "max_pages": _count(1),
    "frontier": _frontier,
}
