"""The frontier: the shared set of requests known, queued, delayed, leased, done and dead."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, cast

import msgspec
import redis

from scraping_project.frontier import replies
from scraping_project.frontier.dead_letters import DeadLetter, DeadLetters, DeadPage, every_letter
from scraping_project.frontier.errors import (
    CrawlFollowed,
    CrawlRefused,
    FrontierError,
    SetBack,
    WorkerReaped,
)
from scraping_project.frontier.foreign import read_of
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.ledger_check import Checked, LedgerCheck
from scraping_project.frontier.messages import Done, Push, Reply, Step, Withdrawal, blob
from scraping_project.frontier.replies import Crawl, Joined, Repaired
from scraping_project.frontier.script_runner import ScriptRunner
from scraping_project.frontier.slot_order import check_order, read_order

WEEK_MS = 7 * 86_400_000
#: Buckets of the dupe filter that a script gives a time to live, or takes it away from, at once.
BUCKETS = 2000


class Frontier:
    """One frontier in one Redis. Every method is one atomic step and may be called from any thread.

    A step that raises FrontierUnavailable may have been executed: send the same step again, with the same
    sequence. It does not protect from a Redis that loses what it acknowledged (power loss, failover).

    Args:
        server: Where it is.
        keys: Its own.
        keep_ms: How long a finished crawl stays once nobody works on it.
    """

    def __init__(self, server: redis.Redis, keys: Keys, *, keep_ms: int = WEEK_MS) -> None:
        self.keys = keys
        self._keep_ms = keep_ms
        self._server = server
        self._scripts = ScriptRunner(server, keys)
        self._letters = DeadLetters(server, keys, self._scripts)

    def join(
        self,
        token: str,
        *,
        crawl_id: str,
        rules: str,
        seeds: str,
        host: str,
        pid: int,
        lease_ms: int,
        together: str = "",
        run: str = "",
    ) -> Joined:
        """Register a worker with the unfinished crawl, or begin a new one.

        Args:
            token: The worker's own, never used before.
            crawl_id: The id of the crawl, should one begin.
            rules: What the workers of a crawl must agree on, in a canonical form.
            seeds: The same for where it starts; empty for a worker that waits for seeds.
            host: The worker's, so that its neighbours can tell when it is gone.
            pid: The same.
            lease_ms: How long it may stay silent.
            together: An id of all workers that were started with this one. It joins the crawl that they have
                worked on, be that finished; empty for a worker by itself.
            run: The id of its run, for people who look at the workers.

        Raises:
            CrawlRefused: An unfinished crawl has other rules or seeds.
        """
        arguments = {
            "id": crawl_id,
            "rules": rules,
            "seeds": seeds,
            "host": host,
            "pid": pid,
            "lease": lease_ms,
            "together": together,
            "run": run,
        }
        answer = self._call("join", token=token, **arguments)
        while answer[0] == _EXPIRES:
            self.persist()
            answer = self._call("join", token=token, **arguments)
        status, epoch, current, queued, pages, in_force, alone = answer
        if status < 0:
            raise CrawlRefused("rules" if status == -1 else "seeds", in_force.decode())
        return Joined(
            epoch=epoch,
            crawl_id=current.decode(),
            began=status == 1,
            queued=queued,
            pages=pages,
            alone=bool(alone),
        )

    def checkpoint(self, step: Step) -> Reply:
        """Say what has ended and what was found, and lease more.

        Raises:
            WorkerReaped: Nothing was changed; the requests are with others.
            SetBack: Nothing was changed; Redis has lost the last steps.
            CrawlFollowed: Nothing was changed; the crawl is over.
        """
        status, now_ms, *answer = self._scripts.run("checkpoint", step)
        if status:
            raise _REFUSALS[status]
        return replies.reply(now_ms, answer)

    def extend(self, token: str, lease_ms: int) -> bool:
        """Keep a worker's leases for another while; False when it was reaped."""
        return bool(self._call("extend", token=token, lease=lease_ms))

    def reap(
        self,
        lease_ms: int,
        *,
        gone: Sequence[str] = (),
        strangers: Sequence[bytes] = (),
        most: int = 500,
        deaths: int = 3,
        grace_ms: int = 0,
    ) -> list[str]:
        """Return what dead workers held; returns their tokens.

        Args:
            lease_ms: A worker is dead when it was silent for two of these.
            gone: Tokens whose process is known to have ended.
            strangers: Members of the set of workers with no worker's name: taken out, unless one has joined.
            most: Leases returned at once; the rest with the next calls, and till then that worker
                cannot come back.
            deaths: A request that so many workers have died of is buried.
            grace_ms: How much later than half a lease a pass may be before Redis counts as having been away.
        """
        arguments = {"lease": lease_ms, "most": most, "deaths": deaths, "grace": grace_ms}
        strange = [blob(stranger) for stranger in strangers]
        reaped, left = self._call("reap", **arguments, gone=gone, strangers=strange)
        while left:
            more, left = self._call("reap", **(arguments | {"most": 0}), gone=(), strangers=())
            reaped += more
        return [_text(token) for token in reaped]

    def leave(self, token: str, *, most: int = 500) -> int:
        """Go, giving back what is still leased, so much at once; returns how much that was."""
        returned, more = 0, 1
        while more:
            number, more = self._call("leave", token=token, most=most)
            returned += number
        return int(returned)

    def tokens(self) -> list[str]:
        """The workers that have joined and not left."""
        return [_text(token) for token in self.members()]

    def members(self) -> list[bytes]:
        """The same, as they stand in Redis: what others have put there is no token."""
        with self._read():
            return cast("list[bytes]", self._server.zrange(self.keys.of("workers"), 0, -1))

    def slots(self) -> int:
        """How many slots hold requests."""
        with self._read():
            return int(self._server.zcard(self.keys.of(self._epoch(), "slots")))

    def dead(self, unreadable: Callable[[str], None] = lambda _: None) -> Iterator[DeadLetter]:
        """The dead letters, in no certain order; one that is buried meanwhile may be missed.

        Args:
            unreadable: Is told the id of what somebody else has put among them.
        """
        return self._letters.read(unreadable)

    def dead_of(self, ids: Sequence[int]) -> list[DeadLetter]:
        """The dead letters of these ids that there are."""
        return self._letters.of(ids)

    def dead_page(
        self,
        *,
        reason: str | None = None,
        slot: str | None = None,
        chosen: Callable[[DeadLetter], bool] = every_letter,
        after: str = "",
        limit: int = 50,
    ) -> DeadPage:
        """Some dead letters of a reason and a slot, as DeadLetters.page says."""
        return self._letters.page(reason=reason, slot=slot, chosen=chosen, after=after, limit=limit)

    def count_letters(self, progress: Callable[[int], None] = lambda _: None) -> None:
        """Count the dead letters by reason and slot, as DeadLetters.count says."""
        self._letters.count(progress)

    def letter_groups(self) -> dict[str, int]:
        """How many dead letters there are of each "reason slot", as far as they are counted."""
        return self._letters.groups()

    def requeue_matching(
        self,
        reason: str | None = None,
        slot: str | None = None,
        *,
        chosen: Callable[[DeadLetter], bool] = every_letter,
        epoch: int | None = None,
    ) -> Iterator[int]:
        """Put back the dead letters of a reason and a slot; yields how many with each slice.

        What is put back is no dead letter any more: after a kill another call does the rest.

        Args:
            reason: Theirs; None stands for any.
            slot: Theirs; None stands for any.
            chosen: Says of each whether it is meant.
            epoch: Of the crawl whose letters are meant; None: the one that there is now. Of another crawl
                none is put back, even one that begins meanwhile.
        """
        epoch = self.epoch() if epoch is None else epoch
        for found in self._letters.find(reason, slot):
            ids = [each.id for each in found]
            if chosen is not every_letter:
                ids = [each.id for each in filter(chosen, self._letters.of(ids))]
            if ids and (moved := self.requeue(ids, epoch)):
                yield moved
        self.rest()

    def requeue(self, ids: Sequence[int], epoch: int | None = None) -> int:
        """Put dead letters back into their queues; returns how many there were, none of another epoch."""
        while (moved := int(self._call("requeue", ids=ids, epoch=epoch is not None and epoch))) < 0:
            self.persist()
        return moved

    def push_again(self, action_id: str, requests: Mapping[str, Push]) -> int | None:
        """Have pages asked for again that are done, in a crawl that may be finished.

        Args:
            action_id: Of what the operator does, which may take many steps.
            requests: With ``again``, or the dupe filter stops them; each by its position, in ascending order.
                Up to the last position that the action has come to, none is pushed again.

        Returns:
            How many were pushed; None when the frontier holds no crawl.
        """
        arguments = {
            "action": action_id,
            "positions": list(requests),
            "requests": list(requests.values()),
        }
        while (pushed := int(self._call("push_again", **arguments))) == _EXPIRES_FIRST:
            self.persist()
        return None if pushed == _NO_CRAWL else pushed

    def clear(self) -> int:
        """Forget the crawl; returns how many requests were waiting or in work."""
        return int(self._call("clear"))

    def crawl(self) -> Crawl | None:
        """The crawl that this frontier holds, finished or not."""
        with self._read():
            words = cast(
                "list[bytes | None]", self._server.hmget(self.keys.of("crawl"), ["id", "rules", "seeds"])
            )
            epoch = self._epoch()
        crawl_id, rules, seeds = (word and word.decode(errors="replace") for word in words)
        if not crawl_id:
            return None
        return Crawl(epoch=epoch, id=crawl_id, rules=rules or "{}", seeds=seeds or "")

    def epoch(self) -> int:
        """How many crawls this frontier has begun, as far as Redis knows."""
        with self._read():
            return self._epoch()

    def was_used(self) -> bool:
        """Whether this frontier has ever held a crawl; False too when Redis has forgotten all of it."""
        with self._read():
            return self._epoch() > 0

    def known(self, fingerprints: Sequence[str]) -> str:
        """Ask the dupe filter: "1" known, "0" not, in the order given."""
        return str(self._call("known", fingerprints=fingerprints).decode())

    def repair(
        self,
        token: str,
        epoch: int,
        lease_ms: int,
        *,
        highest: int,
        push: Sequence[Push] = (),
        done: Sequence[Done] = (),
        ends: Sequence[Withdrawal] = (),
    ) -> Repaired:
        """Tell what the database knows of the crawl; what is known here already changes nothing.

        Args:
            token: That of a worker that has joined and leases nothing. Till it leaves, no crawl is finished.
            epoch: Of the crawl it has joined.
            lease_ms: How long it may stay silent after this.
            highest: The highest request id that the database knows: new ones are given above.
            push: Requests that are to be fetched unless they are known.
            done: Requests that are done.
            ends: Requests that wait here, and are done.

        Raises:
            WorkerReaped: Nothing was changed.
            CrawlFollowed: Nothing was changed.
        """
        fields = {"token": token, "epoch": epoch, "lease": lease_ms, "highest": highest}
        repaired = Repaired(pushed=0, marked=0, ended=0)
        while True:
            status, *numbers = self._call("repair", **fields, push=push, done=done, ends=ends)
            if status:
                raise _REFUSALS[status]
            pushed, marked, ended, looked_for = numbers
            repaired = Repaired(
                pushed=repaired.pushed + pushed,
                marked=repaired.marked + marked,
                ended=repaired.ended + ended,
            )
            push, done, ends = (), (), ends[looked_for:]
            if not ends:
                return repaired

    def hold(self, waits: Mapping[str, int]) -> None:
        """Let nobody send to these slots for so many milliseconds; a hold that ends later stays."""
        self._call("hold", waits=waits)

    def order(self, slot: str, order: Mapping[str, Any]) -> None:
        """Set the operator's order for a slot; an empty one removes it. All workers know it within a second.

        Args:
            slot: As the workers spell it, a host as a rule.
            order: ``delay`` in ms, ``paused`` and ``blocked``, whatever of them is said.

        Raises:
            ValueError: What is no slot or no order; one line says why.
        """
        check_order(slot, order)
        text = msgspec.json.encode(order).decode() if order else ""
        self._call("order", slot=slot, order=text)

    def orders(self, no_order: Callable[[str], None] = lambda _: None) -> dict[str, dict[str, Any]]:
        """The operator's orders, by slot.

        Args:
            no_order: Is told the slot of what somebody else has written there: the workers ignore it.
        """
        orders = {}
        with self._read():
            for slot, text in self._server.hscan_iter(self.keys.of("orders"), count=500):
                name = slot.decode(errors="replace")
                if (order := read_order(text)) is None:
                    no_order(name)
                else:
                    orders[name] = order
        return orders

    def sweep(self, most: int = 200) -> bool:
        """Delete some of what former crawls left; False when nothing is left."""
        return bool(self._call("sweep", most=most))

    def rest(self) -> None:
        """Give the crawl its time to live if it is finished and nobody works on it; else change nothing."""
        while left := self._call("expire", keep=self._keep_ms, most=BUCKETS):
            if left == _SWEEP_FIRST:
                self.sweep()

    def persist(self) -> None:
        """Let a finished crawl stay, whatever time to live it was given."""
        while self._call("persist", most=BUCKETS):
            pass

    def pause(self) -> None:
        """Let no worker lease any more; the crawl stays till this is taken back."""
        self.persist()
        with self._read():
            self._server.hset(self.keys.of("crawl"), "paused", 1)
            self._server.persist(self.keys.of("crawl"))  # of a frontier that was cleared

    def resume(self) -> None:
        with self._read():
            self._server.hdel(self.keys.of("crawl"), "paused")

    def counts(self) -> Mapping[str, int]:
        """All counters of the crawl, those of the ledger and ``filtered:<reason>``."""
        with self._read():
            fields = cast("dict[bytes, bytes]", self._server.hgetall(self.keys.of("crawl")))
        return replies.counters(fields)

    def check(self) -> list[str]:
        """Count everything and compare with the ledger; returns what does not agree, see LedgerCheck."""
        return self.checked().wrong

    def checked(self, progress: Callable[[str, int, int], None] = lambda *_: None) -> Checked:
        """The same, and whether somebody worked meanwhile."""
        return LedgerCheck(self._server, self.keys, self._letters, progress).run()

    def _epoch(self) -> int:
        epoch = self._server.hget(self.keys.of("crawl"), "epoch") or b"0"
        if not epoch.isdigit():
            raise FrontierError(f"{self.keys.of('crawl')} has an epoch that is no number: {epoch!r}")
        return int(epoch)

    def _read(self) -> AbstractContextManager[None]:
        return read_of(self._server, self.keys)

    def _call(self, verb: str, **arguments: Any) -> Any:
        return self._scripts.call(verb, **arguments)


def _text(member: bytes) -> str:
    return member.decode(errors="backslashreplace")


#: Statuses of scripts: the finished crawl is to be persisted first; former crawls are to be swept up first.
_EXPIRES, _SWEEP_FIRST = -3, 2
_EXPIRES_FIRST, _NO_CRAWL = -1, -2
_REFUSALS: dict[int, FrontierError] = {
    -1: WorkerReaped("this worker was silent for too long: others have its requests"),
    -2: CrawlFollowed("the crawl is finished and has been followed by another"),
    -3: FrontierError("an older step than the last one"),
    -4: SetBack("Redis has lost the last steps: what this worker holds is given back"),
}
