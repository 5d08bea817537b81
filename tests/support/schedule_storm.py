"""Days of schedules in seconds, fired by processes that are killed and stopped at random.

Afterwards each due time must be on record, once: as a firing that
has a run of its own, or in a stretch that was skipped with its reason.
"""

import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from datetime import datetime, timedelta
from itertools import islice, takewhile
from multiprocessing.process import BaseProcess

from sqlalchemy import func, select, update

from scraping_project.schedules.changes import create
from scraping_project.schedules.definitions import timing_of
from scraping_project.storage.engine import connect
from scraping_project.storage.scheduling.firings import COLUMNS, OPEN, firing_of
from scraping_project.storage.scheduling.process import Process
from scraping_project.storage.scheduling.schedules import AskedSchedule, read_all
from scraping_project.storage.tables import firings, runs, schedules
from scraping_project.storage.transactions import reading, writing
from tests.support.clocks import FastClock
from tests.support.schedule_firer import fire_until_killed

SPECS = [
    ("*/15 * * * *", "UTC", "allow", "all"),
    ("*/30 * * * *", "Europe/Berlin", "skip", "once"),
    ("30 2 * * *", "Europe/Berlin", "skip", "all"),
    ("0 1-3 * * *", "America/New_York", "queue", "once"),
    ("15 2 * * *", "Australia/Lord_Howe", "allow", "none"),
    ("@hourly", "Asia/Kolkata", "cancel", "all"),
    ("90m", "UTC", "allow", "once"),
    ("0 9 * * 1-5", "Pacific/Apia", "queue", "all"),
]
DAY = 86_400
#: They begin in no time, for what they import is there.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.support.schedule_firer"])


class Storm:
    """The firers of one storm.

    Args:
        url: An empty, migrated database.
        begin: When the days begin; UTC, naive.
        days: How many they are.
        speed: Seconds that pass in one.
        chance: Says what is killed and stopped, and when.
    """

    def __init__(self, url: str, begin: datetime, *, days: int, speed: int, chance: random.Random) -> None:
        self.url, self.begin, self.speed = url, begin, speed
        self._end_of_days = begin + timedelta(days=days)
        self.kills = self.stops = 0
        self._chance = chance
        self._engine = connect(url)
        self.real_begin = Process(self._engine, "storm").time()
        self._process = Process(self._engine, "storm", FastClock(begin, self.real_begin, speed))
        self._firers: list[BaseProcess] = []
        self._first: dict[str, datetime] = {}

    def prepare(self) -> None:
        """Keeps the schedules, as they are when the days begin."""
        for number, (timing, timezone, overlap, late) in enumerate(SPECS):
            kept = create(self._process, AskedSchedule(
                name=f"s{number}", timing=timing, timezone=timezone, anchor=self.begin, overlap=overlap,
                late=late, grace_seconds=DAY, jitter_seconds=number,
                target={"kind": "run", "spider": "links"},
            ))  # fmt: skip
            self._first[kept.name] = kept.next_due

    def rage(self, copies: int = 3) -> None:
        """Lets so many copies fire all days, and kills and stops some of them all the while."""
        self._firers = [self._firer() for _ in range(copies)]
        while self._process.time() < self._end_of_days:
            time.sleep(self._chance.uniform(0.2, 1.2))
            number = self._chance.randrange(copies)
            if self.kills <= self.stops:
                self._end(self._firers[number])
                self._firers[number] = self._firer()
                self.kills += 1
            else:
                os.kill(self._firers[number].pid, signal.SIGSTOP)
                time.sleep(self._chance.uniform(0, 0.5))
                os.kill(self._firers[number].pid, signal.SIGCONT)
                self.stops += 1

    def calm_down(self) -> None:
        """Lets nothing more come, waits until all that had come is started, and ends the firers."""
        with writing(self._engine) as connection:
            connection.execute(update(schedules).values(enabled=False))
        while self._waits():
            time.sleep(0.05)
        for firer in self._firers:
            self._end(firer)

    def faults(self) -> list[str]:
        """What is not as it must be."""
        found = []
        with reading(self._engine) as connection:
            rows = [firing_of(row) for row in connection.execute(select(*COLUMNS)).mappings()]
            run_ids = Counter(connection.scalars(select(runs.c.id)))
        for schedule in read_all(self._engine):
            mine = [row for row in rows if row.schedule_id == schedule.id]
            seen = Counter(due for row in mine for due in self._dues_of(schedule, row))
            due = set(
                self._dues(schedule, self._first[schedule.name], schedule.next_due - timedelta(seconds=1))
            )
            found += [f"{schedule.name}: {each} is missing" for each in due - seen.keys()]
            found += [f"{schedule.name}: {each} was none of its times" for each in seen.keys() - due]
            found += [f"{schedule.name}: {each} is there {n} times" for each, n in seen.items() if n > 1]
            found += [
                f"{row.due}: skipped without a reason"
                for row in mine
                if row.state == "skipped" and not row.reason
            ]
        begun = Counter(row.run_id for row in rows if row.run_id)
        found += [f"{each} was begun {count} times" for each, count in begun.items() if count > 1]
        found += [f"{each} has no firing" for each in run_ids if each not in begun]
        found += [f"{each} has no run" for each in begun if each not in run_ids]
        return found

    def summary(self) -> str:
        with reading(self._engine) as connection:
            states = Counter(connection.execute(select(firings.c.state, firings.c.reason)))
        told = ", ".join(
            f"{count} {state}{f' ({reason})' if reason else ''}" for (state, reason), count in states.items()
        )
        return f"{told}; {self.kills} kills, {self.stops} stops"

    def close(self) -> None:
        for firer in self._firers:
            self._end(firer)
        self._engine.dispose()

    def _dues(self, schedule, begin, end):
        times = timing_of(schedule).after(begin - timedelta(seconds=1))
        return takewhile(lambda due: due <= end, times)

    def _dues_of(self, schedule, row):
        if row.times == 1:
            return [row.due]
        return islice(self._dues(schedule, row.due, row.last_due), row.times)

    def _waits(self) -> bool:
        with reading(self._engine) as connection:
            return bool(connection.scalar(select(func.count()).where(firings.c.state.in_(OPEN))))

    def _firer(self) -> BaseProcess:
        arguments = (self.url, self.begin, self.real_begin, self.speed)
        firer = FORKS.Process(target=fire_until_killed, args=arguments, daemon=True)
        firer.start()
        return firer

    def _end(self, firer: BaseProcess) -> None:
        firer.kill()
        firer.join()
