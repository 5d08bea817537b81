"""How often a worker commits, how long its leases last, and what it leases, by the settings."""

from dataclasses import dataclass
from typing import Self

from scrapy.settings import BaseSettings

from scraping_project.bounds import MANY, MOST_SECONDS, choice, number, seconds, size


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The pace of a worker: read and checked here, and nowhere else."""

    commit_every_s: float
    lease_s: float
    stuck_after_s: float
    standstill_after_s: float
    keep_finished_s: float
    heartbeat_every_s: float
    concurrency: int  # requests on the wire; 0: no limit
    order: str  # of a slot's requests: fifo, lifo or depth
    slot_pages: int  # requests of a slot in a crawl; 0: no limit
    request_bytes: int  # of one as it is written down, at the most

    @classmethod
    def from_settings(cls, settings: BaseSettings) -> Self:
        """Read a pace.

        A lease of no time would be with others at once, a commit or a heartbeat without pause would spin, and
        a run that is silent for longer than a minute reads as lost. Redis copies a request some ten times in
        a script that leases it.

        Raises:
            ValueError: A setting has no such value; in one line that says which it may have.
        """
        return cls(
            commit_every_s=seconds(settings, "CHECKPOINT_INTERVAL", 0.01),
            lease_s=seconds(settings, "FRONTIER_LEASE", 0.5),
            stuck_after_s=seconds(settings, "FRONTIER_STUCK_AFTER", 1),
            standstill_after_s=seconds(settings, "FRONTIER_STANDSTILL_AFTER", 1),
            keep_finished_s=seconds(settings, "FRONTIER_KEEP_FINISHED", 10, 3650 * MOST_SECONDS),
            heartbeat_every_s=seconds(settings, "RUN_HEARTBEAT", 0.1, 30),
            concurrency=int(number("CONCURRENT_REQUESTS", settings["CONCURRENT_REQUESTS"], 0, MANY)),
            order=choice(settings, "FRONTIER_ORDER", ("fifo", "lifo", "depth")),
            slot_pages=int(number("FRONTIER_SLOT_PAGES", settings["FRONTIER_SLOT_PAGES"], 0, MANY)),
            request_bytes=size(settings, "FRONTIER_REQUEST_MAXSIZE", 1_000, 8 * 1024 * 1024),
        )
