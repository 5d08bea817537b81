"""Workers on the real scripts and the real clocks of slots, in a time that the test tells.

What is played is Scrapy alone: pages are sent and answered, and each asks for files that go the same way.
"""

from collections import defaultdict, deque
from dataclasses import dataclass, field

from scraping_project.core.slot_queues import AHEAD, MOST, TURN, SlotQueues
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.scripts import PARTS, source
from scraping_project.frontier.server_time import ServerTime
from scraping_project.politeness.clocks import SlotClocks
from tests.support import frontier_worker
from tests.support.frontier_model import ROOT
from tests.support.frontier_worker import end, push
from tests.support.policies import policy_of

TOLD = "told:time"  # micros
READ = "local time = rcall('TIME')"
TELL = f"""
local told = rcall('INCR', '{TOLD}')
local time = {{string.format('%.0f', math.floor(told / 1000000)), string.format('%.0f', told % 1000000)}}
"""
BEGINNING = 1_800_000_000  # s
CONCURRENCY, INTERVAL, SOON, TICK, TENDING = 8, 0.25, 0.1, 0.05, 2.0


def timed_frontier(server):
    """A frontier whose scripts read the time from a key; no two have the same."""
    frontier = Frontier(server, Keys("links"))
    for verb in PARTS:
        assert READ in source(verb)
        frontier._scripts._scripts[verb] = server.register_script(source(verb).replace(READ, TELL))
    return frontier


@dataclass(eq=False)
class Page:
    """A leased page, from when it is handed out to when its files are there."""

    leased: object
    missing: int  # files


@dataclass(eq=False)
class Download:
    """Something on its way to the wire, or there: a page, or a file of one."""

    slot: str
    page: Page
    is_page: bool
    ends: float = 0.0


@dataclass(frozen=True)
class Sent:
    slot: str
    at: float
    by: str


@dataclass
class Site:
    """How a slot's site behaves, and what the operator says of it."""

    latency: float = 0.6
    files: int = 2  # of each page
    files_at: str = ""  # their slot; empty: the page's own
    order: dict = field(default_factory=dict)
    after: float = 0.0  # it asked for time until then
    crawl_delay: float = 0.0


class TimedWorker:
    """One worker; ``tick`` is a turn of its event loop."""

    def __init__(self, cluster, token):
        self.cluster = cluster
        base = {"DOWNLOAD_DELAY_JITTER": 0, "ROBOTSTXT_OBEY": True} | cluster.settings
        self.slots = SlotClocks(policy_of(base))
        self.queues = SlotQueues(self.slots, CONCURRENCY)
        self.slots.watchers.append(self._process)
        cluster.tell_time()
        self.frontier = frontier_worker.Worker(cluster.frontier, token=token, lease=60_000)
        self.token = token
        self.waiting = defaultdict(deque)  # downloads of a slot, in its turn
        self.wire = []
        self.pages = set()  # handed out, and not known to be acked
        self.awake_at = 0.0  # it was stopped till then
        self.outgoing = {"ack": [], "release": []}
        self.due = cluster.now
        self.news_ms = 0
        self.time, self.leapt = ServerTime(), False

    def tick(self):
        now = self.cluster.now
        if now < self.awake_at:
            return
        for download in [each for each in self.wire if each.ends <= now]:
            self._answered(download)
        self._hand_out()
        for slot in list(self.waiting):
            self._process(self.slots.of(slot))
        if self.due <= now:
            self.checkpoint()

    def checkpoint(self):
        now = self.cluster.now
        self.due = now + INTERVAL
        said, self.outgoing = self.outgoing, {"ack": [], "release": []}
        asks = self.queues.asks(now, INTERVAL, 0.0, MOST - len(self.queues))
        room = MOST - len(self.queues) - sum(ask.want for ask in asks)
        self.cluster.tell_time()
        reply = self.frontier.step(
            asks=asks,
            want=max(min(2 * CONCURRENCY - self.queues.at_hand(now), room), 0),
            turn=TURN,
            skip=[clock.name for clock in self.slots if not clock.delay],
            arm=self.queues.to_arm(INTERVAL, 0.0),
            arm_new=2 * CONCURRENCY,
            ahead_ms=int(AHEAD * 1000),
            delay_ms=round(self.slots.delay * 1000),
            cap=self.slots.cap,
            robots=True,
            news_ms=self.news_ms,
            started=True,
            leapt=self.leapt,
            **said,
        )
        self.news_ms = reply.now_ms
        self._settle(said["ack"])
        self.slots.take_in(reply, now, now)
        self.leapt = self.time.has_leapt(now, reply.now_ms, now)
        if self.leapt:
            self.slots.lose_all()
        self.queues.note_fruitless(asks, reply.leased)
        self.queues.add(reply.leased, self.frontier.last.arm)
        self.outgoing["release"] += map(end, self.queues.give_up())
        self.ledger = reply.ledger
        self._hand_out()

    def _settle(self, acked):
        ids = {each.id for each in acked}
        for page in [each for each in self.pages if each.leased.id in ids]:
            self.pages.remove(page)
            self.cluster.done[page.leased.slot] += 1

    def _hand_out(self):
        while leased := self.queues.next(self.cluster.now):
            page = Page(leased, self.cluster.sites[leased.slot].files)
            self.pages.add(page)
            self._enqueue(Download(leased.slot, page, True))

    def _enqueue(self, download):
        clock = self.slots.of(download.slot)
        clock.queued += 1
        clock.learn_robots(self.cluster.sites[download.slot].crawl_delay)
        self.waiting[download.slot].append(download)
        self._process(clock)

    def _process(self, clock):
        """As the downloader does."""
        now, waiting = self.cluster.now, self.waiting[clock.name]
        while clock.blocked and waiting:
            clock.queued -= 1
            self._over(waiting.popleft(), sent=False)
        while waiting and clock.may_send(now) <= now:
            download = waiting.popleft()
            clock.send(now)
            download.ends = now + self.cluster.sites[clock.name].latency
            self.wire.append(download)
            self.cluster.sent.append(Sent(clock.name, now, self.token))
        if waiting and clock.on_wire < max(clock.permits, 1):
            self.due = min(self.due, now + SOON)  # it hurries

    def _answered(self, download):
        self.wire.remove(download)
        clock, site = self.slots.of(download.slot), self.cluster.sites[download.slot]
        clock.on_wire -= 1
        if site.after > self.cluster.now:
            clock.hold_until(site.after)
        self._over(download, sent=True)
        self._process(clock)

    def _over(self, download, *, sent):
        page, clock = download.page, self.slots.of(download.slot)
        files_at = self.cluster.sites[download.slot].files_at or download.slot
        if not download.is_page:
            page.missing -= 1
        else:
            clock.handed -= 1
            if not sent:
                page.missing = 0
            self.slots.changed(clock)
            for _ in range(page.missing):
                self._enqueue(Download(files_at, page, is_page=False))
        if not page.missing:
            self.outgoing["ack"].append(end(page.leased))


class TimedCluster:
    """Any number of workers. Seconds; Redis's clock may be set apart from theirs."""

    def __init__(self, server, **settings):
        server.flushall()
        self.server = server
        self.settings = {"DOWNLOAD_DELAY": 0.2, "CONCURRENT_REQUESTS_PER_DOMAIN": 1} | settings
        self.frontier = timed_frontier(server)
        self.sites = defaultdict(Site)
        self.now, self.jumped = 0.0, 0.0
        self.sent, self.workers = [], []
        self.pushed, self.done = defaultdict(int), defaultdict(int)  # pages, by slot
        self._tended, self._dead, self._joined, self._next = 0.0, [], 0, 0

    def tell_time(self):
        self.server.set(TOLD, round((BEGINNING + self.now + self.jumped) * 1_000_000))

    def join(self, count=1):
        for _ in range(count):
            self._joined += 1
            self.workers.append(TimedWorker(self, f"worker-{self._joined}"))

    def push(self, slot, count):
        self.tell_time()
        numbers = range(self._next, self._next + count)
        self._next += count
        self.pushed[slot] += count
        self.workers[0].frontier.push(*(push(number, slot) for number in numbers))

    def kill(self, worker):
        self.workers.remove(worker)
        self._dead.append(worker.token)

    def order(self, slot, order):
        self.tell_time()
        self.sites[slot].order = order
        self.frontier.order(slot, order)

    def tick(self):
        self.now += TICK
        for worker in self.workers:
            worker.tick()
        if self.now >= self._tended + TENDING:
            self._tended = self.now
            self.tell_time()
            dead, self._dead = self._dead, []
            self.frontier.reap(60_000, gone=dead, grace_ms=60_000, deaths=99)

    def run(self, seconds):
        until = self.now + seconds
        while self.now < until:
            self.tick()

    def counts(self):
        return self.frontier.counts()

    @property
    def is_done(self):
        counts = self.counts()
        return not any(counts.get(name, 0) for name in ("queued", "delayed", "leased"))

    def unsent(self, slot):
        """How much of a slot waits to be sent, in the frontier or in a worker that is not stopped."""
        awake = [worker for worker in self.workers if worker.awake_at <= self.now]
        asleep = [worker for worker in self.workers if worker.awake_at > self.now]
        begun = sum(page.leased.slot == slot for worker in self.workers for page in worker.pages)
        beyond = sum(len(worker.queues._of(slot)) for worker in asleep)
        waiting = sum(len(worker.waiting[slot]) for worker in awake)
        return self.pushed[slot] - self.done[slot] - begun - beyond + waiting

    def suspects(self, slot):
        """How many of those that were in flight when their worker died wait to be tried one by one."""
        return self.server.llen(f"{ROOT}{self.counts()['epoch']}:suspects:{slot}")

    def in_flight(self, slot):
        return any(each.slot == slot for worker in self.workers for each in worker.wire)
