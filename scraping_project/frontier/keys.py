"""Every Redis key of a frontier, its type and meaning."""

import re
from dataclasses import dataclass

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of the frontier ``name``, spelled as scrapy-redis spells its own."""

    name: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no frontier name: 1 to 64 letters, digits, '_', '.' or '-'")

    @property
    def seeds(self) -> str:
        """List: seeds waiting to be taken, URLs or JSON objects, newest on the left."""
        return f"{self.name}:start_urls"

    def seeds_of(self, worker: str) -> str:
        """List: the seeds a worker has taken and not yet queued."""
        return f"{self.name}:start_urls:{worker}"

    @property
    def requests(self) -> str:
        """Sorted set: queued requests by falling priority."""
        return f"{self.name}:requests"

    @property
    def dupefilter(self) -> str:
        """Set: fingerprints of all requests seen in this crawl."""
        return f"{self.name}:dupefilter"

    @property
    def crawl(self) -> str:
        """Hash: id and answered pages of the crawl."""
        return f"{self.name}:crawl"

    @property
    def workers(self) -> str:
        """Sorted set: workers that have joined, by the time in seconds of their last sign of life."""
        return f"{self.name}:workers"

    @property
    def busy(self) -> str:
        """Sorted set: those of them that may still push, by the same time."""
        return f"{self.name}:busy"
