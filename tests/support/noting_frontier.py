"""What the parts of a worker ask of a crawler and of a frontier: for tests with neither Scrapy nor Redis."""

from types import SimpleNamespace

from scrapy.signalmanager import SignalManager
from scrapy.statscollectors import MemoryStatsCollector
from scrapy.utils.project import get_project_settings
from scrapy.utils.request import RequestFingerprinter
from scrapy.utils.test import get_crawler

from scraping_project.frontier.keys import Keys
from scraping_project.frontier.messages import Ledger, Reply
from scraping_project.frontier.replies import Crawl, Joined
from scraping_project.frontier.worker import Worker
from scraping_project.worker.session import WorkerSession

LEASE_MS = 60_000
NOTHING = {"discovered": 0, "queued": 0, "delayed": 0, "leased": 0, "done": 0, "dead": 0, "pages": 0}


def reply(*leased, grants=(), finished=False, **ledger):
    """The reply to a step that leased these requests."""
    return Reply(
        now_ms=0,
        pushed="",
        leased=list(leased),
        ledger=Ledger(**(NOTHING | ledger), paused=False),
        letters={},
        grants=grants,
        finished=finished,
    )


class NotingFrontier:
    """Notes the steps. It fails as it is told to, and then replies what it is told to."""

    def __init__(self, *failures, replies=()):
        self.keys = Keys("links")
        self.failures = list(failures)
        self.replies = list(replies)
        self.steps = []
        self.refuses = b""  # a step with a push that holds this raises `failure`
        self.failure = None
        self.crawl_id = "crawl"
        self.left = {}  # counters
        self.joins = self.leaves = self.rests = 0

    @property
    def pushed(self):
        return [push for step in self.steps for push in step.push]

    @property
    def asks(self):
        return [ask for step in self.steps for ask in step.asks]

    def checkpoint(self, step):
        if self.failures:
            raise self.failures.pop(0)
        if self.refuses and any(self.refuses in bytes(push.payload) for push in step.push):
            raise self.failure
        self.steps.append(step)
        return self.replies.pop(0) if self.replies else reply()

    def join(self, *_, **__):
        self.joins += 1
        return Joined(epoch=1, crawl_id=self.crawl_id, began=True, queued=0, pages=0, alone=True)

    def counts(self):
        return {"epoch": 1} | self.left

    def crawl(self):
        return Crawl(epoch=1, id=self.crawl_id, rules="{}", seeds="")

    def leave(self, _):
        self.leaves += 1
        return 0

    def rest(self):
        self.rests += 1

    def members(self):
        return []

    def extend(self, *_):
        return True

    def reap(self, *_, **__):
        return []

    def sweep(self):
        return False


class Engine:
    """Has the scheduler's place in Scrapy's slot, and closes the session when it is to close the spider."""

    def __init__(self):
        self.session = None
        self.closed = []
        self.woken = 0
        self._start_error = False
        self._slot = SimpleNamespace(
            inprogress=set(), closing=None, nextcall=SimpleNamespace(schedule=self._wake)
        )
        self.scraper = SimpleNamespace(slot=None, _process_spidermw_output_async=None)
        self.downloader = SimpleNamespace(get_slot_key=lambda request: request.url.split("/")[2])

    def _wake(self):
        self.woken += 1

    def begin_to_close(self):
        self._slot.closing = object()

    async def close_spider_async(self, reason):
        self.begin_to_close()
        self.closed.append(reason)
        await self.session.close(reason)


def crawler_of(folder, spider=None, **changes):
    """What of a crawler the parts of a worker use."""
    settings = get_project_settings().copy()
    settings.setdict({"DATABASE_URL": f"sqlite:///{folder}/crawl.db", "DOWNLOAD_DELAY": 0} | changes)
    plain = get_crawler()
    return SimpleNamespace(
        settings=settings,
        stats=MemoryStatsCollector(plain),
        signals=SignalManager(),
        engine=Engine(),
        spider=spider or SimpleNamespace(name="links"),
        spidercls=SimpleNamespace(name="links"),
        request_fingerprinter=RequestFingerprinter(plain),
        get_extension=lambda _: None,
    )


def session_of(crawler, frontier, *, lease_ms=LEASE_MS):
    """The session of a worker that has joined the frontier."""
    session = WorkerSession(crawler)
    session.membership.worker = Worker(frontier, rules="", seeds="", lease_ms=lease_ms)
    session.worker.join()
    crawler.engine.session = session
    return session
