"""How many bytes of requests a worker holds: its memory, and what Redis takes back at once when it goes."""

from scraping_project.frontier.messages import LEASE_BYTES, Reply, Step

#: So many bytes a worker leases at the most: Redis takes some 60 ms to put them back.
MOST_HELD = 8 * 2**20
#: A smaller request does not count: as many of them as a worker may hold are no more than MOST_HELD.
COUNTS_FROM = 4096

_ENDS = ("ack", "ack_parents", "release", "move", "nack", "bury")


class HeldBytes:
    """Knows the sizes of the large requests that are leased: in a usual crawl there are none."""

    def __init__(self) -> None:
        self._sizes: dict[int, int] = {}  # by id

    def confirm(self, step: Step, reply: Reply) -> None:
        """Take note of what a step ended and leased."""
        if self._sizes:
            for name in _ENDS:
                for end in getattr(step, name):
                    self._sizes.pop(end.id, None)
        for leased in reply.leased:
            if (size := len(leased.payload)) >= COUNTS_FROM:
                self._sizes[leased.id] = size

    def may_grow(self) -> int:
        """How many bytes may be leased next."""
        return max(min(LEASE_BYTES, MOST_HELD - sum(self._sizes.values())), 0)

    def clear(self) -> None:
        self._sizes.clear()
