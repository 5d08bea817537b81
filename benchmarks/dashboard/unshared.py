"""`scrapy dashboard` that reads anew for every page, as the first viewer of a second sees it.

python -m benchmarks.dashboard.unshared --port 0
"""

import sys
from collections.abc import Callable, Hashable

from scrapy.cmdline import execute

from scraping_project.dashboard import application
from scraping_project.monitor.shared_reading import FRESH, Answer, SharedReading


class Unshared(SharedReading):
    """Remembers nothing."""

    def of(self, key: Hashable, read: Callable[[], Answer], fresh: float = FRESH) -> Answer:
        del key, fresh
        return read()


if __name__ == "__main__":
    application.SharedReading = Unshared  # type: ignore[misc]
    execute(["scrapy", "dashboard", *sys.argv[1:]])
