"""One worker's side of the frontier: who it is, what it holds, and what it sends."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import compress
from uuid import uuid4

import msgspec

from scraping_project.frontier.dupe_mirror import DupeMirror
from scraping_project.frontier.errors import (
    CrawlFollowed,
    CrawlOver,
    FrontierError,
    FrontierRefused,
    WorkerReaped,
)
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.held_bytes import HeldBytes
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.messages import Burial, Move, Nack, Push, Refusal, Reply, Step
from scraping_project.frontier.outgoing import ENTRIES, STEP_ENTRIES, WORDS, Outgoing, Room
from scraping_project.frontier.replies import Joined
from scraping_project.frontier.server_time import ServerTime
from scraping_project.frontier.worker_tokens import is_gone, is_token, new_token

logger = logging.getLogger(__name__)

#: A request is buried that was in flight in so many workers when they died; with fewer, an innocent one is
#: hit every now and then while workers are killed every second.
DEATHS = 5
#: So much of a frontier's name stands in the ids of its crawls, of 64 characters at the most.
MOST_OF_A_NAME = 40
#: So many answers of the dupe filter are "of late".
LATELY = 1000

#: The messages that a dead letter may stand in for.
Culprit = Push | Move | Nack


class Worker:
    """Joins a crawl and talks to its frontier, one step at a time.

    A step whose answer got lost is sent again as it was, so that it takes effect once. ``exchange``,
    ``extend``, ``tend`` and ``hold`` may be called from other threads; all else belongs to the event loop.
    """

    def __init__(
        self, frontier: Frontier, *, rules: str, seeds: str, lease_ms: int, together: str = "", run: str = ""
    ) -> None:
        self._frontier = frontier
        self._together = together
        self._run = run
        self._rules = rules
        self._seeds = seeds
        self._lease_ms = lease_ms
        self._sequence = 0
        self._news_ms = 0  # Redis's clock: till then the news of slots are known
        self._redis_ahead: float | None = None  # s, of the monotonic clock
        self._found_to = 0  # so many of the steps that found something are known
        self._unanswered: Step | None = None
        self._sweeping = True  # a former crawl may have left something
        self._time = ServerTime()
        self.leapt = False  # Redis's clock was set forward before the last answer, whose permits are void
        self.outgoing = Outgoing()
        self._entries = STEP_ENTRIES  # that a step holds at the most; fewer while Redis refuses one of them
        self._is_suspect = False  # what the next step holds: Redis took one without it
        self._left_over = False
        self._held = HeldBytes()
        self.mirror = DupeMirror()
        self.known_lately = 0.0  # share of what the frontier knew, of late, and the mirror here did not
        self.token = ""
        self._next_token = new_token()  # until the join is confirmed, which may be sent twice
        self.joined: Joined | None = None
        self.gone = threading.Event()  # set while this token is worth nothing
        self.reaped: list[str] = []  # the dead neighbours that the joins took back from
        self._strangers: set[bytes] = set()  # among the workers, that have been named
        self._kept_until = 0.0  # monotonic; till then nobody else can have the leases

    @property
    def keys(self) -> Keys:
        return self._frontier.keys

    @property
    def came_first(self) -> bool:
        """Whether no other worker was alive when this one joined."""
        return self.joined is not None and self.joined.alone

    @property
    def lapsed(self) -> bool:
        """Whether the leases may be with others: the frontier has not answered for longer than they last."""
        return time.monotonic() > self._kept_until

    @property
    def unanswered(self) -> Step | None:
        """The step whose answer is still open, if any: nothing else is sent before that comes."""
        return self._unanswered

    def join(self) -> Joined:
        """Join the crawl with a new token, after taking back what dead neighbours held.

        Raises:
            CrawlRefused: The unfinished crawl has other rules or seeds.
        """
        name = self._frontier.keys.name
        gone, strangers = self._neighbours()
        if gone or strangers:
            self.reaped += gone  # before, for the answer may be lost
            self.reaped += self._reap(gone, strangers)
        began = time.monotonic()
        joined = self._frontier.join(
            self._next_token,
            crawl_id=f"{name[:MOST_OF_A_NAME]}-{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid4().hex[:6]}",
            rules=self._rules,
            seeds=self._seeds,
            host=socket.gethostname(),
            pid=os.getpid(),
            lease_ms=self._lease_ms,
            together=self._together,
            run=self._run,
        )
        self.token, self._next_token = self._next_token, new_token()
        self.joined, self._sequence, self._found_to = joined, 0, 0
        self._keep(began)
        self._sweeping = True
        self.mirror.clear()
        self._held.clear()
        self.gone.clear()
        return joined

    def next_step(self, *, started: bool = False, **demand: object) -> Step:
        """The step to send: the one whose reply is still open, or a new one of what is queued and has room.

        Args:
            started: Whether all start requests are queued or sent.
            **demand: What more the step asks for, by the names of its fields.
        """
        if self._unanswered is not None:
            return self._unanswered
        if self.joined is None:
            raise FrontierError("a worker joins before it sends")
        outgoing, self.outgoing = self.outgoing.cut(Room(entries=self._entries))
        self._left_over = bool(self.outgoing)
        self._sequence += 1
        self._unanswered = Step(
            token=self.token,
            epoch=self.joined.epoch,
            sequence=self._sequence,
            lease_ms=self._lease_ms,
            news_ms=self._news_ms,
            found=self._found_to,
            started=started and not self.outgoing.push and not self.outgoing.refuse,
            lease_bytes=self._held.may_grow(),
            **{word: getattr(outgoing, word) for word in WORDS},
            **demand,  # type: ignore[arg-type]
        )
        return self._unanswered

    def lighten(self, step: Step) -> Step:
        """What of a step a full Redis has room for, in its place; the rest is sent with the next.

        These are the ends of what has asked for nothing, and the answered pages, which nobody may miss when
        the leases that brought them are gone. All else either takes room or must not come before the pushes
        that have none, and more is not leased. After FrontierFull alone: it executes nothing.
        """
        self.outgoing.put_back(msgspec.structs.replace(step, ack=[], pages=0))
        light = Step(
            token=step.token,
            epoch=step.epoch,
            sequence=step.sequence,
            lease_ms=step.lease_ms,
            news_ms=step.news_ms,
            found=step.found,
            ack=step.ack,
            pages=step.pages,
            arm=step.arm,
            asks=[msgspec.structs.replace(ask, want=0, arm=0) for ask in step.asks],
            robots=step.robots,
            slot_pages=step.slot_pages,
        )
        self._unanswered = light
        return light

    @property
    def left_over(self) -> bool:
        """Whether the last step had no room for all that was queued."""
        return self._left_over

    @property
    def narrowed(self) -> bool:
        """Whether steps hold less than they could, until it is known what Redis refuses."""
        return self._entries < STEP_ENTRIES

    def narrow(self, step: Step, error: FrontierRefused, bury: Callable[[Culprit], Refusal | Burial]) -> None:
        """Say less at once, after Redis has refused a step: half of it, and so on down to one entry.

        That one is the culprit if Redis takes a step without it, and then refuses it again.

        Args:
            step: The one that was refused.
            error: Redis's own.
            bury: Makes the dead letter of a request that is refused by itself, to be sent in its place.

        Raises:
            FrontierRefused: It refuses an empty step, or the mere end of a lease.
        """
        entries = sum(len(getattr(step, name)) for name in ENTRIES)
        if entries == 0 or self._is_suspect:
            step = _buried(step, error, bury)
        self._entries = 1 if self._is_suspect else entries // 2
        self._is_suspect = False
        self._unanswered = None
        self._sequence -= 1
        self.outgoing.put_back(step)

    def exchange(self, step: Step) -> Reply:
        """Send a step. After FrontierUnavailable, the next_step is the same one.

        Raises:
            WorkerReaped: Its leases are with others; join again, nothing of the step was executed.
            CrawlOver: The same, and the crawl was cleared.
            CrawlFollowed: The same, and the crawl was finished, and is another.
        """
        began = time.monotonic()
        try:
            reply = self._frontier.checkpoint(step)
        except WorkerReaped as error:
            over = self._is_another_crawl()
            self.gone.set()
            if over:  # a clear removes the crawl's workers, too
                raise CrawlOver("the crawl was cleared") from error
            raise
        except CrawlFollowed:
            self.gone.set()
            raise
        self._keep(began)
        self._redis_ahead = reply.now_ms / 1000 - time.monotonic()
        self.leapt = self._time.has_leapt(began, reply.now_ms, time.monotonic())
        return reply

    def confirm(self, step: Step, reply: Reply) -> None:
        """Take note that a step was executed."""
        self._unanswered = None
        self.outgoing.leapt |= self.leapt
        self._is_suspect = self._entries == 0
        self._entries = min(2 * self._entries, STEP_ENTRIES) or 1
        self._news_ms = reply.now_ms
        self._held.confirm(step, reply)
        self.mirror.add(push.fingerprint for push in step.push if push.fingerprint)
        self.mirror.add(refusal.fingerprint for refusal in step.refuse if refusal.fingerprint)
        self._found_to = reply.found_to
        self.mirror.add(reply.found)
        self.mirror.add(compress(step.look_up, map(int, reply.known)))
        self._judge(reply)
        self.outgoing.add_logged(reply.letters)

    def drop_outgoing(self) -> list[Push]:
        """Drop what was queued under a token that is gone; returns the pushes, which are worth repeating."""
        unanswered, self._unanswered = self._unanswered, None
        pushes = [*(unanswered.push if unanswered else ()), *self.outgoing.push]
        self.outgoing = Outgoing()
        self._held.clear()
        self.mirror.clear()
        return pushes

    @property
    def redis_time(self) -> float:
        """The time by Redis's clock, which all workers share, in seconds since 1970.

        By this machine's own before the first answer, without which nothing is sent.
        """
        return time.time() if self._redis_ahead is None else self._redis_ahead + time.monotonic()

    def hold(self, waits: Mapping[str, int]) -> None:
        """Have all workers leave slots alone for so many milliseconds."""
        self._frontier.hold(waits)

    def counts(self) -> Mapping[str, int]:
        """All counters of the crawl."""
        return self._frontier.counts()

    @property
    def holds(self) -> bool:
        """Whether anything is to be sent that is worth waiting for: all but a look for more."""
        step = self._unanswered
        sent = step is not None and any(getattr(step, word) for word in WORDS)
        return sent or bool(self.outgoing)

    def extend(self) -> bool:
        """Keep the leases; False when they are with others already."""
        began = time.monotonic()
        kept = self._frontier.extend(self.token, self._lease_ms)
        if kept:
            self._keep(began)
        return kept

    def overtaken(self) -> bool:
        """Whether others have finished the crawl meanwhile, or begun another."""
        counts = self.counts()
        left = any(counts.get(name) for name in ("queued", "delayed", "leased"))
        return self._is_another_crawl() or (bool(counts.get("discovered")) and not left)

    def _is_another_crawl(self) -> bool:
        """Whether the frontier holds another crawl than the one that was joined, or none."""
        crawl = self._frontier.crawl()
        return self.joined is not None and (crawl is None or crawl.id != self.joined.crawl_id)

    def tend(self) -> list[str]:
        """What any worker does for all, every few seconds: reap the dead, sweep up former crawls."""
        reaped = self._reap(*self._neighbours())
        if self._sweeping:
            self._sweeping = self._frontier.sweep()
        return reaped

    def leave(self) -> int:
        """Give back what is held and go; what was reaped meanwhile may still have left taken seeds."""
        self.gone.set()
        return self._frontier.leave(self.token)

    def rest(self) -> None:
        """After leaving: see to it that a finished crawl does not stay for ever."""
        gone, strangers = self._neighbours()
        if gone or strangers:
            self._reap(gone, strangers)
        self._frontier.rest()

    def _reap(self, gone: list[str], strangers: set[bytes]) -> list[str]:
        new = strangers - self._strangers
        reaped = self._frontier.reap(
            self._lease_ms, gone=gone, strangers=list(new), deaths=DEATHS, grace_ms=self._lease_ms // 4
        )
        for stranger in new:
            logger.warning("%r among the workers of %r is none", stranger[:100], self._frontier.keys.name)
        self._strangers = strangers
        return reaped

    def _judge(self, reply: Reply) -> None:
        if answers := len(reply.pushed) + len(reply.known):
            share = (reply.pushed.count("0") + reply.known.count("1")) / answers
            self.known_lately += (share - self.known_lately) * min(answers / LATELY, 1.0)

    def _keep(self, asked: float) -> None:
        self._kept_until = asked + self._lease_ms / 1000

    def _neighbours(self) -> tuple[list[str], set[bytes]]:
        """Workers of this host whose process has ended, and what others have put among the workers."""
        members = self._frontier.members()
        tokens = {member: member.decode() for member in members if _is_token(member)}
        return [token for token in tokens.values() if is_gone(token)], set(members) - tokens.keys()


def _is_token(member: bytes) -> bool:
    try:
        return is_token(member.decode())
    except UnicodeDecodeError:
        return False


def _buried(step: Step, error: FrontierRefused, bury: Callable[[Culprit], Refusal | Burial]) -> Step:
    """A step of one request with the dead letter in its place."""
    culprits: list[Culprit] = [*step.push, *step.move, *step.nack]
    if not culprits:
        raise error
    letter = bury(culprits[0])
    refused = isinstance(letter, Refusal)
    outgoing: dict[str, object] = {"refuse" if refused else "bury": [letter]}
    return msgspec.structs.replace(step, **{"push": [], "move": [], "nack": [], **outgoing})
