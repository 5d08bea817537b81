"""The wait that wrong passwords cost before the next one is checked."""

from collections import OrderedDict
from dataclasses import dataclass

#: Wrong passwords that cost no wait: people mistype.
FREE = 3
#: Seconds that the next one costs; each further one costs twice as much, up to a limit.
FIRST_SECONDS = 0.25
#: Seconds after the last wrong password until all are forgotten.
CALM_SECONDS = 900.0
#: So many addresses, or names, are remembered; beyond these, the longest silent are forgotten.
MOST_KEPT = 10_000


@dataclass(slots=True)
class Failures:
    """The wrong passwords of one address, or for one name."""

    wrong: int = 0
    last: float = 0.0


class FailedLogins:
    """Counts wrong passwords by a key, in bounded memory. Times are seconds of any one clock."""

    def __init__(self, most_seconds: float) -> None:
        self._most = most_seconds
        self._records: OrderedDict[str, Failures] = OrderedDict()

    def __len__(self) -> int:
        return len(self._records)

    def note(self, key: str, now: float) -> None:
        """Take note of a wrong password."""
        record = self._of(key, now) or Failures()
        record.wrong, record.last = record.wrong + 1, now
        self._records[key] = record
        self._records.move_to_end(key)
        if len(self._records) > MOST_KEPT:
            self._records.popitem(last=False)

    def cost(self, key: str, now: float) -> float:
        """Seconds that a password costs."""
        record = self._of(key, now)
        if record is None or record.wrong <= FREE:
            return 0.0
        doublings = min(record.wrong - FREE - 1, 32)  # beyond any limit, and no overflow
        return min(FIRST_SECONDS * 2.0**doublings, self._most)

    def left(self, key: str, now: float) -> float:
        """Seconds of that cost that have not passed since the last wrong one."""
        record = self._of(key, now)
        return 0.0 if record is None else max(record.last + self.cost(key, now) - now, 0.0)

    def _of(self, key: str, now: float) -> Failures | None:
        record = self._records.get(key)
        if record is not None and now - record.last > CALM_SECONDS:
            del self._records[key]
            return None
        return record
