"""The life of a run: it joins a crawl, commits until there is a reason to end, and leaves."""

import asyncio
import logging
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn
from uuid import uuid4

from scrapy import Spider
from scrapy.exceptions import CloseSpider, DontCloseSpider
from sqlalchemy import Engine

from scraping_project import embedded, scrapy_internals
from scraping_project.frontier.errors import (
    CrawlFollowed,
    CrawlOver,
    CrawlRefused,
    FrontierError,
    FrontierRefused,
    WorkerReaped,
)
from scraping_project.frontier.replies import Joined
from scraping_project.frontier.worker import Worker
from scraping_project.http import failure_reasons
from scraping_project.storage.errors import StorageError
from scraping_project.storage.migrate import migrate
from scraping_project.worker import advice, run_record
from scraping_project.worker.crawl_identity import conflict
from scraping_project.worker.group_commit import GroupCommit
from scraping_project.worker.membership import Membership
from scraping_project.worker.pace import Pace
from scraping_project.worker.patience import patiently
from scraping_project.worker.run_record import RunRecord
from scraping_project.worker.standstill import Standstill

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

#: Seconds that the end of a run may take before what is left is given back.
LAST_PATIENCE = 25.0
#: Seconds between two tries while the database or Redis is away.
PAUSE = 1.0
#: Seconds between two commits at least.
GAP = 0.02


class RunLifecycle:
    """Begins with the spider, decides when the run has ended, and gives back what is held.

    When it is forced to end, what is not committed is lost, to be fetched again.
    """

    def __init__(
        self,
        crawler: "Crawler",
        database: Engine,
        membership: Membership,
        commits: GroupCommit,
        *,
        standstill: Standstill,
        pace: Pace,
    ) -> None:
        self._crawler = crawler
        self._database = database
        self._membership = membership
        self._commits = commits
        self._standstill = standstill
        self._interval = pace.commit_every_s
        self._due = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._closing = False
        self._stop_asked = 0.0
        self._ended_by: str | None = None
        self._faulty = False
        self._cut = False  # what did not end in time was given back
        self._forced = False  # what was held was given back at once, and the process is about to go
        self._record: RunRecord | None = None
        self.started = False  # the spider's own start requests are all queued or sent
        self.waits_for_seeds = False

    def spider_idle(self) -> None:
        """An idle worker stays until the whole crawl is finished, which the commits see.

        Of scrapy-redis's spiders, which wait for seeds, one with max_idle_time then decides by itself.
        """
        self.started = True  # for a spider whose own SPIDER_MIDDLEWARES leave out ours, which sees it sooner
        if self._worker.outgoing:
            self.commit_soon()
        decides = self.waits_for_seeds and getattr(self._crawler.spider, "max_idle_time", None)
        if not decides or self._commits.away or not self._commits.finished:
            raise DontCloseSpider

    async def spider_opened(self, spider: Spider) -> None:
        """Join the crawl and begin the commits.

        Raises:
            CloseSpider: Something is in the way; the stats say what.
        """
        log = self._commits.log
        log.run_id = getattr(spider, "_job", None) or uuid4().hex
        self._record = RunRecord(self._crawler, self._database, log)
        scrapy_internals.before_forced_stop(self._end_by_force)
        try:
            self._begin(await asyncio.to_thread(self._open, spider))
        except Exception as error:  # noqa: BLE001  a spider that is not closed now would never end
            self._refuse(self._in_the_way(error))

    def commit_soon(self) -> None:
        """Make the next commit now rather than in a moment."""
        self._due.set()

    async def close(self, reason: str) -> None:
        """Store and send what is left, give back what is still leased, and go."""
        if self._loop is None:
            await asyncio.to_thread(self._membership.abandon)
            await self._finish(reason)
            return
        self._closing = True
        self._due.set()
        await self._loop
        if not self._cut:
            await self._go(reason)

    @property
    def is_faulty(self) -> bool:
        """Whether it ends since nothing can be sent any more."""
        return self._faulty

    @property
    def _worker(self) -> Worker:
        return self._membership.worker

    def _open(self, spider: Spider) -> Joined:
        """Each step may be repeated, and is while a server gives no answer. Blocks."""
        patiently(migrate, self._database)
        self._membership.connect(spider, run=self._commits.log.run_id)
        joined = patiently(self._worker.join)
        self._commits.work_on(joined)
        if self._record:
            self._record.start()
        patiently(run_record.lose, self._database, self._worker.reaped)
        return joined

    def _in_the_way(self, error: Exception) -> str:
        """What keeps the run from beginning, in one line that says what to do."""
        if isinstance(error, CrawlRefused):
            return conflict(error, self._worker.keys)
        if isinstance(error, StorageError):
            return advice.of_database(error, self._crawler.settings["DATABASE_URL"])
        if isinstance(error, FrontierError):
            return advice.of_redis(error, self._membership.server.url)
        if isinstance(error, embedded.RedisUnavailable):
            return str(error)
        return advice.of_fault(error, self._crawler.settings, self._crawler.spidercls.name)

    def _refuse(self, why: str) -> NoReturn:
        self._crawler.stats.set_value("frontier/refused", why)
        self._crawler.stats.set_value(run_record.ERROR, why)
        raise CloseSpider(run_record.REFUSED)

    def _begin(self, joined: Joined) -> None:
        if joined.queued and (joined.alone or not self._crawler.settings["REPORT_FILE"]):  # of --workers, one
            print(f"resuming: {joined.queued} queued", file=sys.stderr, flush=True)  # noqa: T201  for people
        self._membership.keep(when_reaped=self.commit_soon)
        self._stop_asked = asyncio.get_running_loop().time()
        self._loop = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            await self._run_until_closing()
        except FrontierRefused as error:
            logger.error("Redis refuses what this run sends (%s), so it ends", error)  # noqa: TRY400
            await self._end_faulty(error)
        except Exception as error:
            # A fault of this program: the run ends, and what it held goes to others, instead of hanging.
            logger.exception("The checkpoint failed, so this run ends")
            await self._end_faulty(error)

    async def _end_faulty(self, error: Exception) -> None:
        self._crawler.stats.set_value(run_record.ERROR, failure_reasons.describe(error))
        self._faulty = True
        self._commits.let_go_on()
        await self._end("fault")

    async def _run_until_closing(self) -> None:
        while not self._closing:
            await self._until_due()
            await self._commit()
            if self._worker.left_over:
                self.commit_soon()
            await self._look_for_a_standstill()
            if not self._closing and (reason := self._reason_to_end()):
                await self._end(reason)
            elif self._stopping_for() > LAST_PATIENCE:
                await self._cut_short("shutdown")

    async def _until_due(self) -> None:
        """Wait for the interval to pass, or for somebody to hurry, but never spin."""
        if self._commits.away or not self._worker.left_over:
            await asyncio.sleep(PAUSE if self._commits.away else GAP)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._due.wait(), max(self._interval - GAP, 0))
        self._due.clear()

    async def _commit(self) -> bool:
        """One group commit, or a new place among the workers for the next; whether it went through."""
        try:
            return await self._commits.commit(started=self.started)
        except (WorkerReaped, CrawlOver) as error:
            if not self._forced:  # or it would leave a worker behind that nobody is
                await self._join_again(error)
            return False

    async def _look_for_a_standstill(self) -> None:
        reply, away = self._commits.reply, bool(self._commits.away)
        if not self._standstill.is_due(reply.ledger if reply else None, away=away):
            return
        try:
            causes = await asyncio.to_thread(self._membership.causes, self._standstill.waiting())
        except FrontierError as error:
            logger.info("Why nothing is sent could not be asked for: %s", error)
            return
        self._standstill.say(causes, at_work=len(self._commits.log.attempts))

    async def _join_again(self, lost: FrontierError) -> None:
        """Go on under a new token, if there is a crawl to go on with."""
        logger.warning("%s", lost)
        self._commits.drop_lost(lost)
        join = self._membership.join_again
        try:
            joined = await asyncio.to_thread(join, lost, any_crawl=self.waits_for_seeds)
        except CrawlRefused as refused:
            self._crawler.stats.set_value("frontier/refused", conflict(refused, self._worker.keys))
            self._ended_by = run_record.REFUSED
        except CrawlOver as over:
            self._ended_by = "finished" if isinstance(over, CrawlFollowed) else "cleared"
        except FrontierError as away:
            self._commits.away.begins(away)
        else:
            self._commits.work_on(joined)

    def _reason_to_end(self) -> str | None:
        """Why this run is over, if it is."""
        if self._ended_by:
            return self._ended_by
        if self._commits.budget <= 0 and not len(self._commits.log.attempts):
            return "max_pages"
        if self.waits_for_seeds or not self.started:
            return None
        if not self._commits.finished:
            return None
        return run_record.START_ERROR if scrapy_internals.start_failed(self._crawler) else "finished"

    async def _end(self, reason: str) -> None:
        """Have Scrapy close the spider, which waits for what is in flight, but not for ever."""
        self._ending = asyncio.create_task(self._crawler.engine.close_spider_async(reason=reason))
        while not self._closing:
            await self._until_due()
            if self._stopping_for() > LAST_PATIENCE:
                await self._cut_short(reason)

    def _stopping_for(self) -> float:
        """Seconds since Scrapy was asked to stop and waits for what is in flight."""
        now = asyncio.get_running_loop().time()
        if not scrapy_internals.is_closing(self._crawler):
            self._stop_asked = now
        return now - self._stop_asked

    async def _cut_short(self, reason: str) -> None:
        """Give back what will not end in time, and stop."""
        logger.warning("%d requests do not end: they are given back", len(self._commits.log.attempts))
        self._crawler.stats.set_value("frontier/cut_short", reason)
        self._cut = self._closing = True
        await self._go(reason)
        scrapy_internals.stop_now(self._crawler)

    async def _go(self, reason: str) -> None:
        self._membership.look_away()
        complete = not self._faulty and await self._completed()
        self._membership.keep_no_more()
        stats = self._crawler.stats
        stats.set_value("frontier/given_back", await asyncio.to_thread(self._membership.leave))
        stats.set_value("frontier/answered", self._commits.page_budget.pages)
        stats.set_value("frontier/left_at", time.monotonic())  # before the count: the last to leave sees all
        stats.set_value("frontier/queued", await asyncio.to_thread(self._commits.queued))
        if not complete:
            lost = self._commits.unstored
            logger.error("%d rows could not be stored; their requests will be sent again", lost)
            stats.set_value("checkpoint/lost_rows", lost)
        await self._finish(reason if complete else "fault")

    async def _completed(self) -> bool:
        try:
            return await self._last_commits()
        except FrontierRefused as error:
            logger.error("Redis refuses what this run sends (%s)", error)  # noqa: TRY400  said in one line
            return False

    async def _last_commits(self) -> bool:
        """Commit until nothing is left to send; whether that was reached."""
        deadline = self._stop_asked + LAST_PATIENCE
        while not await self._commit() or self._worker.outgoing or self._commits.unstored:
            nothing_to_store = not self._commits.unstored
            if nothing_to_store and (self._worker.gone.is_set() or not self._worker.holds):
                return True
            if asyncio.get_running_loop().time() > deadline:
                return nothing_to_store
            if self._commits.away:
                await asyncio.sleep(PAUSE)
        return True

    async def _finish(self, reason: str) -> None:
        if self._record:
            await asyncio.to_thread(self._record.finish, reason)
        self._database.dispose()
        self._membership.disconnect()

    def _end_by_force(self) -> None:
        """Give back what is held, and write the run's end."""
        self._forced = True
        self._membership.abandon()
        if self._record:
            self._record.finish_by_force()
