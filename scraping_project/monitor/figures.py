"""The figures that are watched by machines: totals, which only grow, and how things stand."""

from collections.abc import Mapping
from dataclasses import dataclass

from scraping_project.frontier.inventory import Standing
from scraping_project.monitor.frontiers import read_frontiers
from scraping_project.monitor.stores import Stores
from scraping_project.storage.reading.overview import Outcome, outcomes


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known; None for what a part knows that is away."""

    parts: Mapping[str, bool]  # whether each answers
    frontiers: tuple[Standing, ...] | None
    attempts: tuple[Outcome, ...] | None  # of all crawls, ever


def read_figures(stores: Stores) -> Figures:
    attempts = stores.database.read(lambda engine: tuple(outcomes(engine)))
    frontiers = read_frontiers(stores).frontiers
    parts = {"redis": stores.redis.away is None, "database": stores.database.away is None}
    return Figures(parts, frontiers, attempts)
