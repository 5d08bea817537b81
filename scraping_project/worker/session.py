"""One worker's session with the frontier: what its parts gather between two commits."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self
from weakref import WeakSet

from scrapy import Request, signals
from scrapy.exceptions import NotConfigured
from scrapy.utils.misc import load_object

from scraping_project import logins, scrapy_internals
from scraping_project.attempts.log import AttemptLog
from scraping_project.frontier.messages import Burial, End, Leased, Push, Refusal, blob
from scraping_project.frontier.outgoing import STEP_BYTES
from scraping_project.frontier.worker import Worker
from scraping_project.http import serialization
from scraping_project.politeness.clocks import SlotClocks
from scraping_project.politeness.policy import Policy
from scraping_project.storage.engine import connect
from scraping_project.storage.writing.writer import Writer
from scraping_project.worker import crawl_identity
from scraping_project.worker.crawl_arguments import CrawlArguments
from scraping_project.worker.group_commit import Buffers, GroupCommit
from scraping_project.worker.lifecycle import RunLifecycle
from scraping_project.worker.membership import Membership
from scraping_project.worker.pace import Pace
from scraping_project.worker.standstill import Standstill

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

#: So many requests to push are worth a commit of their own.
MANY = 1000
#: So many links to look up, too.
MANY_LINKS = 2000


class NoSession(NotConfigured):
    """Scrapy's plain commands, such as parse, work without one, and leave out what needs it."""

    def __str__(self) -> str:
        return "the project's EXTENSIONS are missing: leave scraping_project.worker.session.WorkerSession in"


def session_of(crawler: "Crawler") -> "WorkerSession":
    """The session of a crawler's run: the one way to it.

    Raises:
        NoSession: There is none.
    """
    session = crawler.get_extension(WorkerSession)
    if session is None:
        raise NoSession
    return session


class WorkerSession:
    """Owns the log, the writer, the slots' clocks and this worker's place in the frontier.

    Messages gathered here are sent with the next group commit (worker/group_commit.py).
    """

    def __init__(self, crawler: "Crawler") -> None:
        database = connect(crawler.settings["DATABASE_URL"], lasting=True)
        self._crawler = crawler
        self.policy = Policy.from_settings(crawler.settings)
        self.pace = Pace.from_settings(crawler.settings)
        self.membership = Membership(crawler.settings, self.pace, database)
        self.log = AttemptLog.from_crawler(crawler)
        self.writer = Writer(database)
        self.clocks = SlotClocks(self.policy)
        self.seeds: WeakSet[Request] = WeakSet()  # not yet pushed
        self._commits = GroupCommit(
            crawler, self.membership, self.log, self.writer, clocks=self.clocks, pace=self.pace
        )
        standstill = Standstill(self.clocks, after=self.pace.standstill_after_s)
        self.lifecycle = RunLifecycle(
            crawler, database, self.membership, self._commits, standstill=standstill, pace=self.pace
        )

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        _check_scheduler(crawler.settings["SCHEDULER"])
        _check_spider(crawler)
        session = cls(crawler)
        crawler.signals.connect(session.lifecycle.spider_opened, signal=signals.spider_opened)
        crawler.signals.connect(session.lifecycle.spider_idle, signal=signals.spider_idle)
        return session

    def push(self, push: Push) -> None:
        outgoing = self.worker.outgoing
        outgoing.add_push(push)
        if len(outgoing.push) >= MANY or outgoing.push_bytes >= STEP_BYTES:
            self.commit_soon()

    @property
    def is_crowded(self) -> bool:
        """Whether what asks for more requests should wait for room."""
        return self.worker.outgoing.is_crowded

    async def room(self) -> None:
        """Wait until the next steps have room for what is queued, or nothing more is sent at all."""
        while self.is_crowded and not self.lifecycle.is_faulty:
            self.commit_soon()
            await self._commits.cut.wait()

    def take(self, seed: bytes) -> None:
        """The seed's request is queued: the seed may leave this worker's list in the same step."""
        self.worker.outgoing.add_taken(blob(seed))
        self.commit_soon()

    def release(self, end: End) -> None:
        """Give a request back untouched: others may have its slot."""
        self.worker.outgoing.add_release(end)
        self.commit_soon()

    def filtered(self, reason: str, count: int = 1) -> None:
        self.worker.outgoing.count_filtered(reason, count)
        self._crawler.stats.inc_value(f"frontier/filtered/{reason}", count)

    def undecodable(self, leased: Leased, error: Exception) -> None:
        """Bury a request that no spider of this version can resume."""
        text = self.log.refuse_leased(leased, error)
        self.worker.outgoing.add_burial(Burial(leased.id, leased.delivery, blob(text)))

    def refuse(self, seed: bytes, error: Exception) -> None:
        """Make a dead letter of a seed that no request can be made of."""
        text = logins.hide_in_refused(seed[: serialization.MAX_REFUSED].decode(errors="replace"))
        letter = self.log.refuse_seed(text, error)
        self.worker.outgoing.add_refusal(Refusal(blob(letter), blob(serialization.of_refused(text))))

    def refuse_request(self, url: str, fingerprint: str, error: serialization.TooLarge) -> None:
        """Make a dead letter of a request that is too large to be pushed."""
        letter = self.log.refuse_request(url, fingerprint, "too_large", error)
        refusal = Refusal(blob(letter), blob(serialization.of_refused(url)), fingerprint)
        self.worker.outgoing.add_refusal(refusal)

    async def look_up(self, fingerprints: Sequence[str]) -> None:
        """Wait until the mirror has those of them that the frontier knows, or that can't be told."""
        waiting = self.worker.outgoing.add_look_ups(fingerprints)
        if waiting >= MANY_LINKS or scrapy_internals.waits_for_callbacks(self._crawler):
            self.commit_soon()
        await self._commits.lookups.wait_for(fingerprints)

    def attach(self, buffers: Buffers) -> None:
        """Have the commits fill the scheduler's buffers."""
        self._commits.buffers = buffers

    def knows(self, fingerprint: str) -> bool:
        return fingerprint in self.worker.mirror

    def may_begin(self) -> bool:
        """Whether what is leased is surely still this worker's; if not, the next answer wakes the engine."""
        return self._commits.may_begin()

    def commit_soon(self) -> None:
        """Make the next commit now rather than in a moment."""
        self.lifecycle.commit_soon()

    async def close(self, reason: str) -> None:
        """Store and send what is left, give back what is still leased, and go."""
        await self.lifecycle.close(reason)

    def redis_time(self) -> float:
        """The time by Redis's clock, which all workers share, in seconds since 1970."""
        return self.worker.redis_time

    @property
    def budget(self) -> float:
        """How many more pages the crawl may be answered, by what is known here."""
        return self._commits.budget

    @property
    def max_pages(self) -> int:
        """How many pages of the crawl are to be answered, by all workers; 0: no limit."""
        return self._commits.max_pages

    @property
    def worker(self) -> Worker:
        return self.membership.worker


def _check_scheduler(scheduler: str | type) -> None:
    """Refuse one that is not committed together with the rows: it would lose or repeat what is in flight."""
    if not hasattr(load_object(scheduler), "demand"):
        raise ValueError(
            f"SCHEDULER is {scheduler!r}, which can't be used here: leave it out of the settings"
        )


def _check_spider(crawler: "Crawler") -> None:
    """Settle where the spider starts and how far it goes, or refuse it, before anything is joined."""
    if crawler.spider is None:
        raise RuntimeError("Scrapy makes the spider before its extensions")
    crawl_identity.settle(crawler.spider)
    CrawlArguments.of(crawler.spider, crawler.settings.getdict("RUN_ARGUMENTS"))
