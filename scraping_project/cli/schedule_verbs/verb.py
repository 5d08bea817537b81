"""The shape of a verb of ``scrapy schedule``."""

import getpass
import json
import socket
from abc import ABC, abstractmethod
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from typing import Any, ClassVar

from scrapy.settings import BaseSettings

from scraping_project.cli.printable import printable
from scraping_project.schedules.changes import known
from scraping_project.storage.scheduling.process import Process
from scraping_project.storage.scheduling.schedules import Schedule


@dataclass(frozen=True, slots=True)
class Place:
    """Where schedules are kept, and by whom a verb is typed."""

    process: Process
    settings: BaseSettings

    def schedule(self, opts: Namespace) -> Schedule:
        """The schedule that was named.

        Raises:
            ScheduleRefused: There is none.
        """
        return known(self.process.engine, opts.name)


class Verb(ABC):
    """An operator's order to a schedule: one file a verb, and one line in the registry."""

    name: ClassVar[str]
    help: ClassVar[str]  # one line, for the list of verbs
    more: ClassVar[str] = ""  # its own help goes on with this
    example: ClassVar[str]
    takes_name: ClassVar[bool] = True

    def add_options(self, parser: ArgumentParser) -> None:  # noqa: B027  some verbs have none
        """Add the options and words of this verb."""

    @abstractmethod
    def run(self, place: Place, opts: Namespace) -> None:
        """Carry out the verb and print the result.

        Raises:
            ScheduleRefused: It can't be done; the message says why.
            ScheduleConflict: Somebody else was first.
            StorageError: The database is away.
        """


def who() -> str:
    """The person who types, for those who ask later who it was."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def say(opts: Namespace, text: str, **fields: Any) -> None:
    """Print a result, for people or as an object of JSON."""
    print(json.dumps(fields) if opts.json else printable(text))
