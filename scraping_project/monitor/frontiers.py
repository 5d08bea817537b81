"""All frontiers, each in a line."""

from dataclasses import dataclass

import redis

from scraping_project.frontier.inventory import Standing, standings_of
from scraping_project.monitor.stores import Stores


@dataclass(frozen=True, slots=True)
class Frontiers:
    """All frontiers that Redis holds; None while it is away."""

    frontiers: tuple[Standing, ...] | None


def read_frontiers(stores: Stores) -> Frontiers:
    """Reads them in two round trips; one that somebody has just begun by a seed may be missed for 30 s."""

    def ask(server: redis.Redis) -> tuple[Standing, ...]:
        return tuple(standings_of(server, stores.frontiers(server)))

    return Frontiers(stores.redis.read(ask))
