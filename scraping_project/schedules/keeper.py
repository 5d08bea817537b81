"""Firing schedules until it is told to end, beside any number of other processes that do the same."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event

from scraping_project.schedules.firing import fire
from scraping_project.schedules.starting import Starter
from scraping_project.storage.errors import StorageError
from scraping_project.storage.scheduling.due_times import next_moment
from scraping_project.storage.scheduling.endings import settle
from scraping_project.storage.scheduling.firings import prune
from scraping_project.storage.scheduling.heartbeats import beat
from scraping_project.storage.scheduling.process import Process

logger = logging.getLogger(__name__)

#: Starts of one look: the others, and other processes, have their turn.
STARTS_AT_ONCE = 10
#: Seconds until the next look at the latest, and at the soonest.
LONGEST_WAIT, SHORTEST_WAIT = 1.0, 0.01
#: Seconds between two heartbeats, and between two looks for old firings.
BEAT, PRUNE = 10.0, 3_600.0
#: So long are firings kept that have ended, but for the newest of each schedule.
KEEP = timedelta(days=90)
#: Seconds between two tries while the database is away.
AWAY = 2.0
#: A clock that is so many seconds off is spoken of; nothing depends on it.
CLOCK_OFF = 2.0


@dataclass(slots=True)
class Keeper:
    """Looks at the clock of the database, fires, starts and notes ends.

    Args:
        process: Which process it is.
        starter: Starts what has fired.
        ending: Set by whoever wants it to end.
        say: Takes a line for people.
    """

    process: Process
    starter: Starter
    ending: Event
    say: Callable[[str], object]
    _away: bool = False
    _beat_at: float = -BEAT
    _pruned_at: float = -PRUNE

    def run(self) -> None:
        """Looks again and again, until ``ending`` is set."""
        self._compare_clocks()
        while not self.ending.is_set():
            try:
                wait = self._until_next(has_worked=self.look())
                self._away = False
            except StorageError as error:
                self._tell_away(error)
                wait = AWAY
            self.ending.wait(wait)

    def look(self) -> bool:
        """Does once all that there is to do now; whether there was anything.

        Raises:
            StorageError: The database is away.
        """
        fired = fire(self.process)
        for error in fired.errors:
            self.say(f"schedule {error}")
        begun = 0
        while begun < STARTS_AT_ONCE and not self.ending.is_set() and self.starter.start_next():
            begun += 1
        for ended in settle(self.process):
            self.say(f"run {ended.firing.run_id} {ended.outcome}")
        self._keep_house()
        return bool(fired.started or fired.skipped or begun)

    def _keep_house(self) -> None:
        """Says that it is alive, and deletes old firings, now and then."""
        now = time.monotonic()
        if now - self._beat_at >= BEAT:
            beat(self.process, "periodic")
            self._beat_at = now
        if now - self._pruned_at >= PRUNE:
            prune(self.process.engine, KEEP)
            self._pruned_at = now

    def _until_next(self, *, has_worked: bool) -> float:
        moment = next_moment(self.process)
        left = LONGEST_WAIT if moment is None else (moment - self.process.time()).total_seconds()
        if left <= 0 and not has_worked:  # what is due can't be evaluated, and is looked at again later
            return LONGEST_WAIT
        return min(max(left, SHORTEST_WAIT), LONGEST_WAIT)

    def _tell_away(self, error: StorageError) -> None:
        if not self._away:
            self.say(f"nothing fires until the database answers: {error}")
        self._away = True

    def _compare_clocks(self) -> None:
        try:
            off = (datetime.now(UTC).replace(tzinfo=None) - self.process.time()).total_seconds()
        except StorageError as error:
            self._tell_away(error)
            return
        if abs(off) > CLOCK_OFF:
            self.say(f"warning: this machine's clock is {off:+.0f} s off the database's, which counts")
