"""The shape of a verb of ``scrapy frontier NAME``."""

import json
from abc import ABC, abstractmethod
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from typing import Any, ClassVar

import redis
from scrapy.settings import BaseSettings

from scraping_project.cli.frontier_names import check_known
from scraping_project.frontier.frontier import Frontier


@dataclass(frozen=True, slots=True)
class Place:
    """The frontier that a verb is for, its server and its settings."""

    frontier: Frontier
    server: redis.Redis
    settings: BaseSettings

    @property
    def name(self) -> str:
        return self.frontier.keys.name


class Verb(ABC):
    """An operator's order to a frontier: one file a verb, and one line in the registry."""

    name: ClassVar[str]
    help: ClassVar[str]  # one line, for the list of verbs
    more: ClassVar[str] = ""  # its own help goes on with this
    example: ClassVar[str]
    may_come_first: ClassVar[bool] = False  # even if the spider's frontier has not begun yet

    def add_options(self, parser: ArgumentParser) -> None:  # noqa: B027  most verbs have none
        """Add the options and words of this verb."""

    def check(self, opts: Namespace) -> None:  # noqa: B027  most verbs have nothing to check
        """Refuse, in one line, bad options that the parser let pass."""

    def check_name(self, place: Place) -> None:
        """Refuse, in one line, a frontier that Redis does not know."""
        keys = place.frontier.keys
        check_known(place.server, keys, place.settings, may_come_first=self.may_come_first)

    @abstractmethod
    def run(self, place: Place, opts: Namespace) -> int:
        """Carry out the verb, print the result, and return the exit code."""


def say(opts: Namespace, text: str, **fields: Any) -> int:
    """Print a result, for people or as an object of JSON; returns the exit code."""
    print(json.dumps(fields) if opts.json else text)
    return 0
