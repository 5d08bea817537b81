"""How a handler asks the monitor."""

from collections.abc import Callable, Hashable
from typing import TypeVar

from scraping_project.dashboard.rendering import Asked
from scraping_project.monitor.shared_reading import SharedReading
from scraping_project.monitor.stores import Stores

Answer = TypeVar("Answer")


def stores_of(request: Asked) -> Stores:
    stores: Stores = request.app.state.stores
    return stores


def readings_of(request: Asked) -> SharedReading:
    readings: SharedReading = request.app.state.readings
    return readings


def shared(request: Asked, read: Callable[..., Answer], *arguments: Hashable) -> Answer:
    """Returns ``read(stores, *arguments)``, read once a second for all viewers."""
    return readings_of(request).of((read, *arguments), lambda: read(stores_of(request), *arguments))
