"""All frontiers, and one of them with its sites and workers."""

from dataclasses import dataclass

from scraping_project.frontier.inventory import Standing, standings
from scraping_project.monitor.stores import Stores


@dataclass(frozen=True, slots=True)
class Frontiers:
    """All frontiers that Redis holds; None while it is away."""

    frontiers: tuple[Standing, ...] | None


def read_frontiers(stores: Stores) -> Frontiers:
    found = stores.redis.read(lambda server: standings(server, stores.own_frontiers))
    return Frontiers(None if found is None else tuple(found))
