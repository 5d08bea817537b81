"""The group commit: the database first, then the frontier, several times a second.

1. What has ended since the last time, and how (extensions/attempts.py), becomes log rows and ends of leases.
2. All rows are committed in one transaction, in a thread. When that fails, nothing is said to the frontier.
3. One script call pushes what was found, ends the leases of what is stored, and leases more.

A crash between any two of these repeats work and loses none.
"""

import asyncio
import logging
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn, Protocol, Self, cast
from uuid import uuid4
from weakref import WeakSet

from scrapy import Request, Spider, signals
from scrapy.exceptions import CloseSpider, DontCloseSpider
from scrapy.utils.misc import load_object

from scraping_project import embedded, ends, engine, payloads, reasons, run
from scraping_project.answered import Answered
from scraping_project.drops import Drops
from scraping_project.extensions.attempts import AttemptLog
from scraping_project.frontier.errors import (
    CrawlFollowed,
    CrawlOver,
    CrawlRefused,
    FrontierError,
    FrontierFull,
    SetBack,
    WorkerReaped,
)
from scraping_project.frontier.frontier import Joined
from scraping_project.frontier.steps import Burial, End, Heard, Leased, Push, Refusal, Step, blob, read_leased
from scraping_project.frontier.worker import Worker
from scraping_project.membership import Membership
from scraping_project.outage import Outage
from scraping_project.questions import Questions
from scraping_project.run import Record
from scraping_project.slots import Slots
from scraping_project.storage.engine import connect
from scraping_project.storage.errors import StorageError
from scraping_project.storage.migrate import migrate
from scraping_project.storage.writer import Writer
from scraping_project.terms import conflict

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

#: Seconds that the end of a run may take before what is left is given back.
LAST_PATIENCE = 25.0
#: Seconds between two tries while the database or Redis is away.
PAUSE = 1.0
#: Seconds between two checkpoints at least.
GAP = 0.02
#: So much of a refused seed is kept, bytes.
MAX_REFUSED = 8_000
#: So many requests to push are worth a checkpoint of their own.
MANY = 1000
#: So many links to look up, too: about what the pages may weigh that Scrapy lets wait for their callbacks.
MANY_LINKS = 2000


class Buffers(Protocol):
    """What the scheduler is to the checkpoint."""

    @property
    def idle(self) -> bool: ...

    def wishes(self, rate: float, interval: float) -> dict[str, object]: ...
    def receive(self, heard: Heard, step: Step) -> None: ...
    def drop(self) -> None: ...


class Checkpoint:
    """Owns the writer and this worker's place in the frontier, and says when the run has ended."""

    def __init__(self, crawler: "Crawler") -> None:
        settings = crawler.settings
        self._crawler = crawler
        self._database = connect(settings["DATABASE_URL"])
        self.membership = Membership(settings, self._database)
        self.writer = Writer(self._database)
        self.slots = Slots(settings)
        self._interval = settings.getfloat("CHECKPOINT_INTERVAL")
        self._due = asyncio.Event()
        self._closing = False
        self._loop: asyncio.Task[None] | None = None
        self._away = Outage()
        self._stop_asked = 0.0
        self._rate = 0.0
        self._settled_at = 0.0
        self._held_back = False  # the scheduler, since the leases may have lapsed
        self.started = False  # the spider's own start requests are all said
        self.waits_for_seeds = False
        self.seeds: WeakSet[Request] = WeakSet()  # not yet pushed
        self.heard: Heard | None = None
        self._answered = Answered()
        self._ended_by: str | None = None
        self._faulty = False
        self._cut = False  # what did not end in time was given back
        self._record: Record | None = None
        self._ending: asyncio.Task[None] | None = None
        self._drops = Drops(crawler)
        self._questions = Questions()

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        _check_scheduler(crawler.settings["SCHEDULER"])
        checkpoint = cls(crawler)
        crawler.signals.connect(checkpoint.spider_opened, signal=signals.spider_opened)
        crawler.signals.connect(checkpoint.spider_idle, signal=signals.spider_idle)
        return checkpoint

    def spider_idle(self) -> None:
        """An idle worker stays until the whole crawl is finished, which the checkpoint sees.

        Of scrapy-redis's spiders, which wait for seeds, one with max_idle_time then decides by itself.
        """
        self.started = True  # where a spider's own SPIDER_MIDDLEWARES left out ours, which says it sooner
        if self.worker.said:
            self.hurry()
        decides = self.waits_for_seeds and getattr(self._crawler.spider, "max_idle_time", None)
        if not decides or self._away or not self._is_finished():
            raise DontCloseSpider

    async def spider_opened(self, spider: Spider) -> None:
        """Join the crawl and begin the commits.

        Raises:
            CloseSpider: The database, Redis or the unfinished crawl refuses; the stats say why.
        """
        self._log.run_id = getattr(spider, "_job", None) or uuid4().hex
        engine.before_forced_stop(self._end_by_force)
        try:
            await asyncio.to_thread(self.membership.connect, spider)
            joined = await asyncio.to_thread(self.worker.join)
            self._log.crawl_id = joined.crawl_id
            await asyncio.to_thread(migrate, self._database)
            record = Record(self._crawler, self._database, self._log)
            await asyncio.to_thread(record.start, spider)
            self._record = record
            await asyncio.to_thread(run.lose, self._database, self.worker.reaped)
        except CrawlRefused as error:
            self._refuse(conflict(error, self.worker.keys))
        except (StorageError, FrontierError, embedded.RedisUnavailable) as error:
            self._refuse(str(error))
        self._begin(joined)

    def _refuse(self, why: str) -> NoReturn:
        self._crawler.stats.set_value("frontier/refused", why)
        raise CloseSpider("refused")

    def _begin(self, joined: Joined) -> None:
        if joined.queued and (joined.alone or not self._crawler.settings["REPORT_FILE"]):  # of --workers, one
            print(f"resuming: {joined.queued} queued", file=sys.stderr, flush=True)  # noqa: T201  for people
        self._answered.pages = joined.pages
        self.membership.keep(when_reaped=self.hurry)
        self._stop_asked = asyncio.get_running_loop().time()
        self._loop = asyncio.create_task(self._run())

    async def close(self, reason: str) -> None:
        """Commit and say what is left, give back what is still leased, and go."""
        if self._loop is None:
            await asyncio.to_thread(self.membership.abandon)
            await self._finish(reason)
            return
        self._closing = True
        self._due.set()
        await self._loop
        if not self._cut:
            await self._go(reason)

    async def _go(self, reason: str) -> None:
        self.membership.look_away()
        complete = not self._faulty and await self._last_commits()
        self.membership.keep_no_more()
        stats = self._crawler.stats
        stats.set_value("frontier/given_back", await asyncio.to_thread(self.membership.leave))
        stats.set_value("frontier/answered", self._answered.pages)
        stats.set_value("frontier/left_at", time.monotonic())  # before the count: the last to leave sees all
        stats.set_value("frontier/queued", await asyncio.to_thread(self._left))
        if not complete:
            logger.error(
                "%d rows could not be stored; their requests will be sent again", self.writer.pending
            )
            stats.set_value("checkpoint/lost_rows", self.writer.pending)
        await self._finish(reason if complete else "fault")

    async def _finish(self, reason: str) -> None:
        if self._record:
            await asyncio.to_thread(self._record.finish, reason)
        self._database.dispose()
        self.membership.disconnect()

    def _end_by_force(self) -> None:
        """Give back what is held, and write the run's end."""
        self.membership.abandon()
        if self._record:
            self._record.finish_by_force()

    def push(self, push: Push) -> None:
        self.worker.said.push.append(push)
        if len(self.worker.said.push) >= MANY:
            self.hurry()

    def take(self, seed: bytes) -> None:
        """The seed's request is said: it may leave this worker's list in the same step."""
        self.worker.said.taken.append(blob(seed))
        self.hurry()

    def release(self, end: End) -> None:
        """Give a request back untouched: others may have its slot."""
        self.worker.said.release.append(end)
        self.hurry()

    def filtered(self, reason: str, count: int = 1) -> None:
        said = self.worker.said.filtered
        said[reason] = said.get(reason, 0) + count
        self._crawler.stats.inc_value(f"frontier/filtered/{reason}", count)

    def knows(self, fingerprint: str) -> bool:
        return fingerprint in self.worker.known

    async def look_up(self, fingerprints: Sequence[str]) -> None:
        """Wait until the mirror has those of them that the frontier knows, or that can't be told."""
        self.worker.said.look_up.extend(fingerprints)
        if len(self.worker.said.look_up) >= MANY_LINKS:
            self.hurry()
        await self._questions.ask(fingerprints)

    def may_begin(self) -> bool:
        """Whether what is leased is surely still this worker's; if not, the next answer wakes the engine."""
        self._held_back = self.worker.lapsed
        return not self._held_back

    def hurry(self) -> None:
        """Make the next checkpoint now rather than in a moment."""
        self._due.set()

    def undecodable(self, leased: Leased, error: Exception) -> None:
        """Bury a request that no spider of this version can resume."""
        text = self._log.refuse_leased(leased, error)
        self.worker.said.bury.append(Burial(leased.id, leased.delivery, blob(text)))

    def refuse(self, seed: bytes, error: Exception) -> None:
        """Make a dead letter of a seed that no request can be made of."""
        text = seed[:MAX_REFUSED].decode(errors="replace")
        letter = self._log.refuse_seed(text, error)
        self.worker.said.refuse.append(Refusal(blob(letter), blob(payloads.of_refused_seed(text))))

    @property
    def budget(self) -> float:
        """How many more pages the crawl may be answered, by what is known here."""
        return self._answered.left(self.max_pages, self._log.answered)

    @property
    def max_pages(self) -> int:
        """How many pages of the crawl are to be answered, by all workers; 0: no limit."""
        return getattr(self._crawler.spider, "max_pages", None) or 0

    @property
    def worker(self) -> Worker:
        return self.membership.worker

    @property
    def _buffers(self) -> Buffers:
        return cast("Buffers", self._crawler.engine.scheduler)

    @property
    def _log(self) -> AttemptLog:
        log = self._crawler.get_extension(AttemptLog)
        if log is None:
            raise RuntimeError("scraping_project.checkpoint.Checkpoint needs the extension AttemptLog")
        return log

    async def _run(self) -> None:
        try:
            await self._run_until_closing()
        except Exception as error:
            # A fault of this program: the run ends, and what it held goes to others, instead of hanging.
            logger.exception("The checkpoint failed, so this run ends")
            self._crawler.stats.set_value(run.ERROR, reasons.describe(error))
            self._faulty = True
            await self._end("fault")

    async def _run_until_closing(self) -> None:
        while not self._closing:
            await self._until_due()
            await self._commit()
            if not self._closing and (reason := self._reason_to_end()):
                await self._end(reason)
            elif self._stopping_for() > LAST_PATIENCE:
                await self._cut_short("shutdown")

    async def _end(self, reason: str) -> None:
        """Have Scrapy close the spider, which waits for what is in flight, but not for ever."""
        self._ending = asyncio.create_task(self._crawler.engine.close_spider_async(reason=reason))
        while not self._closing:
            await self._until_due()
            if self._stopping_for() > LAST_PATIENCE:
                await self._cut_short(reason)

    async def _until_due(self) -> None:
        """Wait for the interval to pass, or for somebody to hurry, but never spin."""
        await asyncio.sleep(PAUSE if self._away else GAP)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._due.wait(), max(self._interval - GAP, 0))
        self._due.clear()

    def _stopping_for(self) -> float:
        """Seconds since Scrapy was asked to stop and waits for what is in flight."""
        now = asyncio.get_running_loop().time()
        if not engine.is_closing(self._crawler):
            self._stop_asked = now
        return now - self._stop_asked

    async def _cut_short(self, reason: str) -> None:
        """Give back what will not end in time, and stop."""
        logger.warning("%d requests do not end: they are given back", len(self._log.attempts))
        self._crawler.stats.set_value("frontier/cut_short", reason)
        self._cut = self._closing = True
        await self._go(reason)
        engine.stop_now(self._crawler)

    async def _commit(self) -> bool:
        """One group commit; whether it went through."""
        self.membership.tick()
        self._settle()
        try:
            # What is said is settled before the commit, so that nothing is acked whose rows it did not hold.
            step = self.worker.unanswered or self.worker.next_step(
                started=self.started, **self._buffers.wishes(self._rate, self._interval)
            )
            await asyncio.to_thread(self.writer.commit)
            asked_at = time.monotonic()
            try:
                heard, full = await asyncio.to_thread(self.worker.exchange, step), None
            except FrontierFull as error:
                step, full = self.worker.lighten(step), error
                heard = await asyncio.to_thread(self.worker.exchange, step)
        except (WorkerReaped, CrawlOver) as error:
            await self._join_again(error)
            return False
        except (StorageError, FrontierError) as error:
            self._away.begins(error)
            return False
        if full:
            self._away.begins(full)
        else:
            self._away.ends()
        self._answered.hear(step, heard.ledger.pages)
        self.worker.answered(step, heard)
        self._questions.answer(step.look_up)
        self.slots.hear(heard, asked_at, time.monotonic())
        self._buffers.receive(heard, step)
        self._hear(heard, step)
        return True

    def _settle(self) -> None:
        """Turn what has ended into rows for the writer and ends of leases."""
        now = asyncio.get_running_loop().time()
        ended, said = self._log.settle(), self.worker.said
        for attempt, outcome in ended:
            self.slots.came_back(attempt)
            ends.say(said, attempt, outcome)
        for reason, by in self._drops.since_last().items():
            said.filtered[reason] = said.filtered.get(reason, 0) + by
        self._answered.say(said, self._log.answered)
        seconds = max(now - self._settled_at, 0.001)
        self._rate += (len(ended) / seconds - self._rate) * min(seconds, 1.0)
        self._settled_at = now

    def _hear(self, heard: Heard, step: Step) -> None:
        self.heard = heard
        for record in heard.letters.values():
            self._log.bury(read_leased(record))
        if heard.leased or heard.grants or step.arm or self._held_back:
            engine.wake(self._crawler)

    def _reason_to_end(self) -> str | None:
        """Why this run is over, if it is."""
        if self._ended_by:
            return self._ended_by
        if self.budget <= 0 and not len(self._log.attempts):
            return "max_pages"
        if self.waits_for_seeds or not self.started:
            return None
        return "finished" if self._is_finished() else None

    def _is_finished(self) -> bool:
        heard = self.heard
        return heard is not None and heard.finished and self._buffers.idle and not self.worker.said

    async def _join_again(self, error: FrontierError) -> None:
        """Go on under a new token: what was leased is with others, or of a crawl that is no more."""
        logger.warning("%s", error)
        for attempt in self._log.attempts:
            # Its number may be another request's now, so it leaves no row; it will be sent again.
            attempt.given_back |= isinstance(error, SetBack) and attempt.leased is not None
            attempt.leased = None
            if isinstance(error, CrawlOver):
                attempt.request_id = self._log.attempts.new_id()  # the next crawl has numbers of its own
        self._log.attempts.lose_held()
        self._buffers.drop()
        pushes = self.worker.forget()
        self._questions.give_up()
        self._answered.forget()
        if isinstance(error, WorkerReaped):
            self.worker.said.push.extend(pushes)  # whoever has their parents finds them again, but not seeds
        if isinstance(error, (SetBack, CrawlOver)):
            # The older frontier has leases that nobody would end; and taken seeds are any crawl's.
            await asyncio.to_thread(self.membership.leave)
        if isinstance(error, CrawlOver) and not self.waits_for_seeds:
            self._ended_by = "finished" if isinstance(error, CrawlFollowed) else "cleared"
            return
        try:
            if not self.waits_for_seeds and await asyncio.to_thread(self.worker.overtaken):
                self._ended_by = "finished"  # joining would begin the next crawl
                return
            joined = await asyncio.to_thread(self.worker.join)
        except CrawlRefused as refused:
            self._crawler.stats.set_value("frontier/refused", conflict(refused, self.worker.keys))
            self._ended_by = "refused"
        except FrontierError as away:
            self._away.begins(away)
        else:
            self._log.crawl_id = joined.crawl_id

    async def _last_commits(self) -> bool:
        """Commit until nothing is left to say; whether that was reached."""
        deadline = self._stop_asked + LAST_PATIENCE
        while not await self._commit() or self.worker.said or self.writer.pending:
            nothing_to_store = not self.writer.pending
            if nothing_to_store and (self.worker.gone.is_set() or not self.worker.holds):
                return True
            if asyncio.get_running_loop().time() > deadline:
                return nothing_to_store
            if self._away:
                await asyncio.sleep(PAUSE)
        return True

    def _left(self) -> int:
        """How many requests are queued; by the last that was heard when Redis is away."""
        try:
            counts = self.worker.counts()
        except FrontierError:
            return self.heard.ledger.queued + self.heard.ledger.delayed if self.heard else 0
        return counts.get("queued", 0) + counts.get("delayed", 0)


def _check_scheduler(scheduler: str | type) -> None:
    """Refuse one that is not committed together with the rows: it would lose or repeat what is in flight."""
    if not hasattr(load_object(scheduler), "wishes"):
        raise ValueError(
            f"SCHEDULER is {scheduler!r}, which can't be used here: leave it out of the settings"
        )
