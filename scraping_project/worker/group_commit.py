"""The group commit: the database first, then the frontier, several times a second.

1. What has ended since the last time, and how (attempts/log.py), becomes log rows and ends of leases.
2. All rows are committed in one transaction, in a thread. When that fails, nothing is sent to the frontier.
3. One script call pushes what was found, ends the leases of what is stored, and leases more.

A crash between any two of these repeats work and loses none.
"""

import asyncio
import logging
import time
from functools import cached_property, partial
from typing import TYPE_CHECKING, Protocol

from scraping_project import scrapy_internals
from scraping_project.attempts import lease_ends
from scraping_project.attempts.log import AttemptLog
from scraping_project.frontier.errors import (
    CrawlOver,
    FrontierError,
    FrontierFull,
    FrontierRefused,
    FrontierUnavailable,
    SetBack,
    WorkerReaped,
)
from scraping_project.frontier.messages import Burial, Push, Refusal, Reply, Step, blob, bytes_of, read_leased
from scraping_project.frontier.replies import Joined
from scraping_project.frontier.worker import Culprit, Worker
from scraping_project.http import serialization
from scraping_project.politeness.clocks import SlotClocks
from scraping_project.storage.errors import StorageError
from scraping_project.storage.writing.writer import Writer
from scraping_project.tuning.garbage_collection import GarbageCollection
from scraping_project.worker.crawl_arguments import CrawlArguments
from scraping_project.worker.dupe_lookups import DupeLookups
from scraping_project.worker.filtered_counts import FilteredCounts
from scraping_project.worker.membership import Membership
from scraping_project.worker.outage import Outage
from scraping_project.worker.pace import Pace
from scraping_project.worker.page_budget import PageBudget

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


logger = logging.getLogger(__name__)

#: So many times in turn Redis may refuse a step before it is sent with less in it.
REFUSALS = 3


class Buffers(Protocol):
    """What the scheduler is to the group commit."""

    @property
    def idle(self) -> bool: ...

    def demand(self, rate: float, interval: float) -> dict[str, object]: ...
    def receive(self, reply: Reply, step: Step) -> None: ...
    def drop(self) -> None: ...


class _Empty:
    """The buffers of a run whose scheduler never opened: it asks for nothing."""

    idle = True

    def demand(self, rate: float, interval: float) -> dict[str, object]:  # noqa: ARG002  as Buffers says
        return {}

    def receive(self, reply: Reply, step: Step) -> None: ...
    def drop(self) -> None: ...


class GroupCommit:
    """Stores the rows and sends the messages that have gathered, and hands on the replies.

    It does not know when a commit is due, nor what becomes of a run whose place is gone
    (worker/lifecycle.py).
    """

    def __init__(
        self,
        crawler: "Crawler",
        membership: Membership,
        log: AttemptLog,
        writer: Writer,
        *,
        clocks: SlotClocks,
        pace: Pace,
    ) -> None:
        self._crawler = crawler
        self._membership = membership
        self.log = log
        self.buffers: Buffers = _Empty()  # until the scheduler is there
        self._writer = writer
        self._clocks = clocks
        self._drops = FilteredCounts(crawler)
        self._interval = pace.commit_every_s
        self._rate = 0.0
        self._settled_at = 0.0
        self._refusals = 0  # in turn
        self._held_back = False  # the scheduler, since the leases may have lapsed
        self.page_budget = PageBudget()
        self.away = Outage()
        self.cut = asyncio.Event()  # each time that the queue of messages has been cut
        self.reply: Reply | None = None
        self.lookups = DupeLookups()

    def work_on(self, joined: Joined) -> None:
        """Take up the crawl that was joined, as far as it has come."""
        self.log.crawl_id = joined.crawl_id
        self.page_budget.pages = joined.pages

    async def commit(self, *, started: bool) -> bool:
        """One group commit; whether it went through.

        Args:
            started: Whether the spider's own start requests are all queued or sent.

        Raises:
            WorkerReaped: The place among the workers is gone: drop what was lost, and join again.
            CrawlOver: The same, and so is the crawl.
            FrontierRefused: Redis refuses what can't be left out.
        """
        self._membership.tick()
        self._settle()
        if self._garbage:
            self._garbage.settled(self.log.received)
        try:
            # The step is settled before the commit, so that nothing is acked whose rows it did not hold.
            step = self._worker.unanswered or self._worker.next_step(
                started=started, **self.buffers.demand(self._rate, self._interval)
            )
            self.let_go_on()
            await asyncio.to_thread(self._writer.commit)
            asked_at = time.monotonic()
            step, reply = await self._exchange(step)
        except (StorageError, FrontierFull, FrontierUnavailable) as error:
            self.away.begins(error)
            return False
        except FrontierRefused as error:
            self._refused(error)
            return False
        self._refusals = 0
        self._take_in(reply, step, asked_at)
        return True

    def drop_lost(self, error: FrontierError) -> None:
        """Drop what was leased and queued under a token that is gone: it is with others, or of no crawl."""
        attempts = self.log.attempts
        for attempt in attempts:
            # Its number may be another request's now, so it leaves no row; it will be sent again.
            attempt.given_back |= isinstance(error, SetBack) and attempt.leased is not None
            attempt.leased = None
            if isinstance(error, CrawlOver):
                attempt.request_id = attempts.new_id()  # the next crawl has numbers of its own
        attempts.lose_held()
        self.buffers.drop()
        pushes = self._worker.drop_outgoing()
        self.lookups.give_up()
        self.page_budget.reset()
        if isinstance(error, WorkerReaped):
            for push in pushes:  # the worker that re-leases their parents finds them again, but not seeds
                self._worker.outgoing.add_push(push)

    def may_begin(self) -> bool:
        """Whether what is leased is surely still this worker's; if not, the next answer wakes the engine."""
        self._held_back = self._worker.lapsed
        return not self._held_back

    def queued(self) -> int:
        """How many requests wait; by the last reply when Redis is away. Blocks; for a thread."""
        try:
            counts = self._worker.counts()
        except FrontierError:
            return self.reply.ledger.queued + self.reply.ledger.delayed if self.reply else 0
        return counts.get("queued", 0) + counts.get("delayed", 0)

    @property
    def finished(self) -> bool:
        """Whether the crawl was finished when the frontier answered last, and nothing has come since."""
        reply = self.reply
        return reply is not None and reply.finished and self.buffers.idle and not self._worker.outgoing

    @property
    def unstored(self) -> int:
        """How many rows wait for the next commit."""
        return self._writer.pending

    @property
    def budget(self) -> float:
        """How many more pages the crawl may be answered, by what is known here."""
        return self.page_budget.left(self.max_pages, self.log.answered)

    @cached_property
    def max_pages(self) -> int:
        """How many pages of the crawl are to be answered, by all workers; 0: no limit."""
        given = self._crawler.settings.getdict("RUN_ARGUMENTS")
        return CrawlArguments.of(self._crawler.spider, given).max_pages

    @cached_property
    def _garbage(self) -> GarbageCollection | None:
        return self._crawler.get_extension(GarbageCollection)

    @property
    def _worker(self) -> Worker:
        return self._membership.worker

    def _settle(self) -> None:
        """Turn what has ended into rows for the writer and ends of leases."""
        now = asyncio.get_running_loop().time()
        ended, outgoing = self.log.settle(), self._worker.outgoing
        for attempt, outcome in ended:
            self._clocks.came_back(attempt)
            lease_ends.add(outgoing, attempt, outcome)
        for reason, by in self._drops.since_last().items():
            outgoing.count_filtered(reason, by)
        self.page_budget.count(outgoing, self.log.answered)
        seconds = max(now - self._settled_at, 0.001)
        self._rate += (len(ended) / seconds - self._rate) * min(seconds, 1.0)
        self._settled_at = now

    async def _exchange(self, step: Step) -> tuple[Step, Reply]:
        """Send a step, or what of it a full Redis has room for; returns what was sent, and the reply."""
        try:
            reply = await asyncio.to_thread(self._worker.exchange, step)
        except FrontierFull as full:
            step = self._worker.lighten(step)
            reply = await asyncio.to_thread(self._worker.exchange, step)
            self.away.begins(full)
        else:
            self.away.ends()
        return step, reply

    def let_go_on(self) -> None:
        """Have those look again that wait for room."""
        self.cut.set()
        self.cut.clear()

    def _refused(self, error: FrontierRefused) -> None:
        """Redis refuses a step: send it again a few times, then without the request that it refuses."""
        self._refusals += 1
        step = self._worker.unanswered
        if step is None or (self._refusals < REFUSALS and not self._worker.narrowed):
            self.away.begins(error)
            return
        self.away.ends()
        self._worker.narrow(step, error, partial(self._bury, error))

    def _bury(self, error: FrontierRefused, culprit: Culprit) -> Refusal | Burial:
        """The dead letter of a request that Redis refuses."""
        url = serialization.url_of(bytes_of(culprit.payload))
        logger.warning("Redis refuses %s (%s): it is a dead letter now", url, error)
        if isinstance(culprit, Push):
            letter = self.log.refuse_request(url, culprit.fingerprint, "undecodable", error)
            return Refusal(blob(letter), blob(serialization.of_refused(url)), culprit.fingerprint)
        return Burial(culprit.id, culprit.delivery, blob(self.log.bury_refused(culprit.id, url, error)))

    def _take_in(self, reply: Reply, step: Step, asked_at: float) -> None:
        self.page_budget.confirm(step, reply.ledger.pages)
        self._worker.confirm(step, reply)
        self.lookups.confirm(step.look_up)
        self._clocks.take_in(reply, asked_at, time.monotonic())
        if self._worker.leapt:
            self._clocks.lose_all()
        self.buffers.receive(reply, step)
        self.reply = reply
        for record in reply.letters.values():
            self.log.bury(read_leased(record))
        if reply.leased or reply.grants or step.arm or self._held_back:
            scrapy_internals.wake(self._crawler)
