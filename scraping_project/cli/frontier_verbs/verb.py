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
    """The frontier that a verb is said of, and where it is."""

    frontier: Frontier
    server: redis.Redis
    settings: BaseSettings

    @property
    def name(self) -> str:
        return self.frontier.keys.name


class Verb(ABC):
    """What an operator may say of a frontier: one file a verb, and one line in the registry."""

    name: ClassVar[str]
    help: ClassVar[str]  # one line, for the list of verbs
    more: ClassVar[str] = ""  # what its own help says after that
    example: ClassVar[str]
    may_come_first: ClassVar[bool] = False  # of a spider's frontier that is yet to begin

    def add_options(self, parser: ArgumentParser) -> None:  # noqa: B027  most verbs have none
        """Add the options, and words, that this verb alone takes."""

    def check(self, opts: Namespace) -> None:  # noqa: B027  most verbs have nothing to check
        """Refuse, in one line, what the parser could not."""

    def check_name(self, place: Place) -> None:
        """Refuse, in one line, a frontier that Redis does not know."""
        keys = place.frontier.keys
        check_known(place.server, keys, place.settings, may_come_first=self.may_come_first)

    @abstractmethod
    def run(self, place: Place, opts: Namespace) -> int:
        """Do it, print what was done, and return the exit code."""


def say(opts: Namespace, text: str, **fields: Any) -> int:
    """Print what was done, for people or as an object of JSON; returns the exit code."""
    print(json.dumps(fields) if opts.json else text)
    return 0
