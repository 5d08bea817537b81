"""This run's place among the workers of a frontier: taken, kept, looked after for others, and given up."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from scrapy import Spider
from scrapy.settings import BaseSettings
from sqlalchemy import Engine

from scraping_project import embedded
from scraping_project.frontier.connection import connect
from scraping_project.frontier.errors import CrawlFollowed, CrawlOver, FrontierError, SetBack
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.replies import Joined
from scraping_project.frontier.robots_cache import RobotsCache
from scraping_project.frontier.slot_state import SlotStates
from scraping_project.frontier.worker import Worker
from scraping_project.politeness.holds import Holds
from scraping_project.storage.errors import StorageError
from scraping_project.worker import run_record
from scraping_project.worker.crawl_arguments import CrawlArguments
from scraping_project.worker.crawl_identity import rules_of, seeds_of
from scraping_project.worker.lease_heartbeat import LeaseHeartbeat
from scraping_project.worker.pace import Pace
from scraping_project.worker.standstill import MOST, Cause, cause_of

if TYPE_CHECKING:
    import redis

logger = logging.getLogger(__name__)

#: Seconds between two looks after dead workers; a quarter of a lease where that is less, since a pass that is
#: late looks like an outage of Redis.
TENDING = 2.0


class Membership:
    """Owns the connection to Redis, the worker, its heartbeat, and the tasks that run beside its commits."""

    worker: Worker
    robots: RobotsCache
    server: embedded.Server

    def __init__(self, settings: BaseSettings, pace: Pace, database: Engine) -> None:
        self._settings = settings
        self._database = database
        self._pace = pace
        self._lease_ms = int(pace.lease_s * 1000)
        self._client: redis.Redis | None = None
        self._heartbeat: LeaseHeartbeat | None = None
        self._tending: asyncio.Task[None] | None = None
        self.holds = Holds(self._hold)

    def connect(self, spider: Spider, *, run: str) -> None:
        """Make the worker, which may then join. Blocks; for a thread.

        Args:
            spider: What it works for.
            run: The id of its run.

        Raises:
            embedded.RedisUnavailable: There is no Redis.
        """
        given = self._settings.getdict("RUN_ARGUMENTS")
        keys = Keys.of_spider(spider.name, CrawlArguments.of(spider, given).frontier)
        rules, seeds = rules_of(spider, given), seeds_of(spider)
        self.server = embedded.resolve(self._settings["REDIS_URL"], Path(self._settings["DATA_DIR"]))
        self._client = connect(self.server.url, self.server.credentials)
        self.robots = RobotsCache(self._client, keys)
        self.worker = Worker(
            Frontier(self._client, keys, keep_ms=int(self._pace.keep_finished_s * 1000)),
            rules=rules,
            seeds=seeds,
            lease_ms=self._lease_ms,
            together=self._settings["STARTED_TOGETHER"],
            run=run,
        )

    def join_again(self, lost: FrontierError, *, any_crawl: bool) -> Joined:
        """Join under a new token. Blocks; for a thread.

        Args:
            lost: How the place under the last token was lost.
            any_crawl: Whether this run works on whatever crawl there is; else on its own alone.

        Raises:
            CrawlOver: Its own crawl is no more.
            CrawlRefused: The unfinished crawl has other rules or seeds.
            FrontierError: Redis does not answer.
        """
        if isinstance(lost, (SetBack, CrawlOver)):
            # The older frontier has leases that nobody would end; and taken seeds are any crawl's.
            self._give_back()
        if not any_crawl:
            if isinstance(lost, CrawlOver):
                raise lost
            if self.worker.overtaken():  # joining would begin the next crawl
                raise CrawlFollowed("the crawl was finished meanwhile")
        return self.worker.join()

    def keep(self, when_reaped: Callable[[], None]) -> None:
        """Begin to extend the leases and to look after dead workers, and call when there were some."""
        self._heartbeat = LeaseHeartbeat(
            self.worker.extend, interval=self._lease_ms / 3000, stuck_after=self._pace.stuck_after_s
        )
        self._heartbeat.start()
        self._tending = asyncio.create_task(self._tend(when_reaped))

    def tick(self) -> None:
        """The event loop runs."""
        if self._heartbeat:
            self._heartbeat.tick()

    def causes(self, waiting: Mapping[str, str]) -> list[Cause]:
        """Why requests are not sent. Blocks; for a thread.

        Args:
            waiting: What waits in this worker, by its slot; the slots of the frontier come after these.

        Raises:
            FrontierError: Redis does not answer.
        """
        if self._client is None:
            return []
        keys, token = self.worker.keys, self.worker.token
        clocks, orders = SlotStates(self._client, keys), Frontier(self._client, keys).orders()
        slots = dict.fromkeys([*waiting, *clocks.waiting(MOST)])
        return [
            cause_of(slot, clocks.read(slot), orders.get(slot, {}), token=token, here=waiting.get(slot, ""))
            for slot in list(slots)[:MOST]
        ]

    def keep_no_more(self) -> None:
        """The leases end soon; while the last commits go through they are still extended."""
        if self._heartbeat:
            self._heartbeat.end()

    def look_away(self) -> None:
        """Others look after the dead from now on."""
        if self._tending:
            self._tending.cancel()

    def leave(self) -> int:
        """Give back what is held, and let a finished crawl expire; returns how much was held. Blocks."""
        returned = self._give_back()
        try:
            self.worker.rest()
        except FrontierError as error:
            logger.info("A finished crawl stays till somebody comes back to it (%s)", error)
        return returned

    def _give_back(self) -> int:
        try:
            return self.worker.leave()
        except FrontierError as error:
            logger.warning("The leases could not be given back (%s): they end by themselves", error)
            return 0

    def abandon(self) -> None:
        """Give back at once what is held, if anything is: the process is forced to stop, or cannot begin."""
        if self._client is not None and self.worker.joined and not self.worker.gone.is_set():
            self.leave()

    def disconnect(self) -> None:
        self.holds.end()
        if self._client is not None:
            self._client.close()

    def _hold(self, waits: Mapping[str, int]) -> None:
        self.worker.hold(waits)

    async def _tend(self, when_reaped: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(min(TENDING, self._lease_ms / 4000))
            try:
                reaped = await asyncio.to_thread(self.worker.tend)
                await asyncio.to_thread(run_record.lose, self._database, reaped)
            except (FrontierError, StorageError) as error:
                logger.info("Dead workers could not be looked after: %s", error)
                continue
            if reaped:
                logger.info("Took back what %s held", ", ".join(reaped))
                when_reaped()
