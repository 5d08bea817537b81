"""Starting what has fired. It may be done twice, for a process may die between doing and noting it.

A run begins once, for its id is made of schedule and due time. Seeds that were pushed twice are asked for
once, but for those of a recrawl, which pass the dupe filter.
"""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import redis
from scrapy.settings import BaseSettings

from scraping_project.frontier.errors import FrontierError
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.seed_push import pusher
from scraping_project.frontier.seeds import kind_of
from scraping_project.frontier.translation import translated
from scraping_project.nodes.client import NodeError, Nodes
from scraping_project.nodes.request_rules import RunRequestError
from scraping_project.operations.cancelling import cancel
from scraping_project.operations.recrawling import BATCH, Recrawl
from scraping_project.operations.starting import start_once
from scraping_project.schedules.errors import ScheduleRefused
from scraping_project.schedules.overlap import Verdict, decide
from scraping_project.schedules.targets import RecrawlTarget, RunTarget, SeedsTarget, target_of
from scraping_project.storage.reading import recrawls
from scraping_project.storage.runs import RunTaken, read_runs, withdraw_run
from scraping_project.storage.scheduling import claims
from scraping_project.storage.scheduling.firings import Firing, active
from scraping_project.storage.scheduling.process import Process
from scraping_project.storage.scheduling.schedules import Schedule, read_by_id

logger = logging.getLogger(__name__)

#: Seconds that a claim holds: a start takes less, and one whose process died is taken over after it.
CLAIM = 60.0
#: Seconds until somebody looks again whether the run before has ended.
LOOK_AGAIN = 2.0
#: Seconds between tries of a start: twice as many after each, up to the last.
FIRST_BACKOFF, LAST_BACKOFF = 10.0, 300.0

#: What a start may meet that another try may not.
_PASSING = (NodeError, FrontierError, OSError)
#: What no other try mends.
_LASTING = (ScheduleRefused, RunRequestError)

WithRedis = Callable[[Callable[[redis.Redis], object]], object]


@dataclass(frozen=True, slots=True)
class Starter:
    """Starts firings, one after the other.

    Args:
        process: Who starts them.
        settings: They say where nodes and data are.
        with_redis: Calls what it is given with a connection to Redis; raises FrontierError where it is away.
    """

    process: Process
    settings: BaseSettings
    with_redis: WithRedis

    def start_next(self) -> Firing | None:
        """Takes up the firing that should start first; returns it, or None when there is none.

        Raises:
            StorageError: The database is away.
        """
        firing = claims.claim(self.process, CLAIM)
        if firing is not None:
            schedule = read_by_id(self.process.engine, firing.schedule_id)
            if schedule is None:
                claims.give_up(self.process, firing, "its schedule was removed")
            elif self._may_start(schedule, firing):
                self._start(schedule, firing)
        return firing

    def _may_start(self, schedule: Schedule, firing: Firing) -> bool:
        """Whether nothing of the same schedule is in its way; else what becomes of it is noted."""
        before = [
            other
            for other in active(self.process.engine, schedule.id)
            if other.id != firing.id and (other.state != "waiting" or _is_before(other, firing))
        ]
        verdict = decide(schedule.overlap, firing, before)
        if verdict is Verdict.SKIP:
            claims.skip(self.process, firing, "overlap")
        elif verdict is not Verdict.START:
            if verdict is Verdict.CANCEL_FIRST:
                self._cancel(before)
            claims.put_back(self.process, firing, LOOK_AGAIN, "it waits for the end of the run before")
        return verdict is Verdict.START

    def _cancel(self, before: Iterable[Firing]) -> None:
        """Asks the runs before to end; a firing that has not begun gives way at once."""
        for other in before:
            if other.state == "waiting":
                claims.give_way(self.process, other)
        ids = [other.run_id for other in before if other.run_id]
        for run in read_runs(self.process.engine, ids=ids) if ids else []:
            for said in cancel(run, self.process.engine, Nodes.of(self.settings)):
                logger.warning("Run %s is asked to end: %s", run.id, said)

    def _start(self, schedule: Schedule, firing: Firing) -> None:
        try:
            target = target_of(schedule.target)
            if isinstance(target, RunTarget):
                self._start_run(schedule, target, firing)
            elif isinstance(target, SeedsTarget):
                self._push_seeds(target)
                claims.note_done(self.process, firing)
            else:
                self._recrawl(target, firing)
                claims.note_done(self.process, firing)
        except _LASTING as error:
            claims.give_up(self.process, firing, str(error))
        except _PASSING as error:
            self._later(schedule, firing, " ".join(str(error).split()))

    def _start_run(self, schedule: Schedule, target: RunTarget, firing: Firing) -> None:
        run_id = run_id_of(firing)
        wanted = target.wanted(firing.due, schedule.timezone)
        with suppress(RunTaken):  # by the try before, of a process that died or heard no answer
            start_once(wanted, run_id, self.process.engine, self.settings)
        claims.note_start(self.process, firing, run_id)

    def _push_seeds(self, target: SeedsTarget) -> None:
        seeds = [seed.encode() for seed in target.seeds]
        self.with_redis(lambda server: self._pusher(server, target)(seeds))

    def _recrawl(self, target: RecrawlTarget, firing: Firing) -> None:
        def push(server: redis.Redis) -> None:
            push_some = self._pusher(server, target)
            pages = recrawls.stream(
                self.process.engine,
                target.before(self.process.time()),
                domain=target.domain,
                failed=target.failed,
            )
            recrawl = Recrawl(full=target.full)
            recrawl.push(pages, push_some, lambda _: claims.renew(self.process, firing, CLAIM))
            logger.info("Recrawl pushed %d seeds", recrawl.pushed)

        self.with_redis(push)

    def _pusher(self, server: redis.Redis, target: SeedsTarget | RecrawlTarget) -> Any:
        keys = Keys.of_spider(target.spider, target.frontier or "")
        with translated():
            push = pusher(server, keys.seeds, kind_of(self.settings))

        def push_all(seeds: list[bytes]) -> None:
            with translated():
                for start in range(0, len(seeds), BATCH):
                    push(seeds[start : start + BATCH])

        return push_all

    def _later(self, schedule: Schedule, firing: Firing, error: str) -> None:
        now = self.process.time()
        gives_up_at = firing.gives_up_at or now + timedelta(seconds=schedule.grace_seconds)
        wait = backoff(firing.tries)
        if now + timedelta(seconds=wait) > gives_up_at and self._withdrawn(firing, error):
            claims.give_up(self.process, firing, error)
        else:
            claims.try_again(self.process, firing, error, wait, gives_up_at)

    def _withdrawn(self, firing: Firing, error: str) -> bool:
        """Whether its run will never begin: a node may have taken it though nobody heard so."""
        run_id = run_id_of(firing)
        withdraw_run(self.process.engine, run_id, "failed", f"no node took it: {error}")
        return all(run.outcome == "failed" for run in read_runs(self.process.engine, ids=[run_id]))


def run_id_of(firing: Firing) -> str:
    """The id of the run that a firing starts: the same, whoever starts it."""
    return f"sch-{firing.schedule_id}-{_KINDS[firing.kind]}{_compact(firing.due)}"


def backoff(tries: int) -> float:
    """Seconds until the next try after so many that failed before this one."""
    return float(min(FIRST_BACKOFF * 2 ** min(tries, 10), LAST_BACKOFF))


_KINDS = {"scheduled": "", "manual": "m", "backfill": "b"}


def _compact(moment: datetime) -> str:
    text = moment.strftime("%Y%m%dT%H%M%S")
    return text if not moment.microsecond else f"{text}-{moment.microsecond:06}"


def _is_before(other: Firing, firing: Firing) -> bool:
    return (other.due, other.id) < (firing.due, firing.id)
