"""The frontier: the shared set of requests known, queued, delayed, leased, done and dead."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import msgspec
import redis
from redis.exceptions import RedisError, ResponseError

from scraping_project.frontier.errors import (
    CrawlOver,
    CrawlRefused,
    FrontierError,
    FrontierFull,
    FrontierUnavailable,
    WorkerReaped,
)
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.scripts import PARTS, source
from scraping_project.frontier.steps import Heard, Leased, Ledger, Step

_encode = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The crawl a worker works on."""

    epoch: int
    crawl_id: str
    began: bool  # with this worker
    queued: int
    pages: int  # answered so far


class Frontier:
    """One frontier in one Redis. Every method is one atomic step and may be called from any thread.

    A step that raises FrontierUnavailable may have been executed: send the same step again, with the same
    sequence. It does not protect from a Redis that loses what it acknowledged (power loss, failover).
    """

    def __init__(self, server: redis.Redis, keys: Keys) -> None:
        self.keys = keys
        self._server = server
        self._scripts = {verb: server.register_script(source(verb)) for verb in PARTS}

    def join(
        self, token: str, *, crawl_id: str, rules: str, seeds: str, host: str, pid: int, lease_ms: int
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
        }
        status, epoch, current, queued, pages, in_force = self._call("join", token=token, **arguments)
        if status < 0:
            raise CrawlRefused("rules" if status == -1 else "seeds", in_force.decode())
        return Joined(epoch=epoch, crawl_id=current.decode(), began=status == 1, queued=queued, pages=pages)

    def checkpoint(self, step: Step) -> Heard:
        """Say what has ended and what was found, and lease more.

        Raises:
            WorkerReaped: Nothing was changed; the requests are with others.
            CrawlOver: Nothing was changed; there is nothing left to say.
        """
        status, now_ms, *rest = self._run("checkpoint", step)
        if status:
            raise _REFUSALS[status]
        pushed, leased, ledger, letters, finished = rest
        *numbers, paused = ledger
        return Heard(
            now_ms=now_ms,
            pushed=pushed.decode(),
            leased=[_leased(request) for request in leased],
            ledger=Ledger(**dict(zip(_NUMBERS, numbers, strict=True)), paused=bool(paused)),
            letters={int(letters[at]): letters[at + 1] for at in range(0, len(letters), 2)},
            finished=bool(finished),
        )

    def extend(self, token: str, lease_ms: int) -> bool:
        """Keep a worker's leases for another while; False when it was reaped."""
        return bool(self._call("extend", token=token, lease=lease_ms))

    def reap(
        self, lease_ms: int, *, gone: Sequence[str] = (), most: int = 500, deaths: int = 3, grace_ms: int = 0
    ) -> list[str]:
        """Return what dead workers held; returns their tokens.

        Args:
            lease_ms: A worker is dead when it was silent for two of these.
            gone: Tokens whose process is known to have ended.
            most: Leases returned of one worker at once; the rest with the next call.
            deaths: A request that outlives more deaths of its workers than these is buried.
            grace_ms: How much later than half a lease a pass may be before Redis counts as having been away.
        """
        reaped = self._call("reap", lease=lease_ms, gone=gone, most=most, deaths=deaths, grace=grace_ms)
        return [token.decode() for token in reaped]

    def leave(self, token: str) -> int:
        """Go, giving back what is still leased; returns how much that was."""
        return int(self._call("leave", token=token))

    def requeue(self, ids: Sequence[int]) -> int:
        """Put dead letters back into their queues; returns how many there were."""
        return int(self._call("requeue", ids=ids))

    def clear(self) -> int:
        """Forget the crawl; returns how many requests were waiting or in work."""
        return int(self._call("clear"))

    def sweep(self, most: int = 200) -> bool:
        """Delete some of what former crawls left; False when nothing is left."""
        return bool(self._call("sweep", most=most))

    def pause(self) -> None:
        """Let no worker lease any more."""
        with _translated():
            self._server.hset(self.keys.of("crawl"), "paused", 1)

    def resume(self) -> None:
        with _translated():
            self._server.hdel(self.keys.of("crawl"), "paused")

    def counts(self) -> Mapping[str, int]:
        """All counters of the crawl, those of the ledger and ``filtered:<reason>``."""
        with _translated():
            fields = cast("dict[bytes, bytes]", self._server.hgetall(self.keys.of("crawl")))
        return {name.decode(): int(value) for name, value in fields.items() if _is_number(value)}

    def check(self) -> list[str]:
        """Count everything and compare with the ledger; returns what does not agree."""
        queued, delayed, leased, dead, buried, seen, stray = self._call("check")
        counted = {"queued": queued, "delayed": delayed, "leased": leased, "dead": dead, "seen": seen}
        counts = self.counts()
        wrong = [
            f"{name}: {number} found, {counts.get(name, 0)} in the ledger"
            for name, number in counted.items()
            if number != counts.get(name, 0)
        ]
        total = sum(counts.get(name, 0) for name in ("queued", "delayed", "leased", "done", "dead"))
        if total != counts.get("discovered", 0):
            wrong.append(f"discovered: {counts.get('discovered', 0)}, but {total} accounted for")
        if buried != dead:
            wrong.append(f"dead: {dead} letters, {buried} requests")
        if stray:
            wrong.append(f"armed: {stray} that are not leased")
        return wrong

    def _call(self, verb: str, **arguments: Any) -> Any:
        return self._run(verb, arguments)

    def _run(self, verb: str, arguments: Any) -> Any:
        with _translated():
            return self._scripts[verb](keys=[self.keys.prefix, self.keys.seeds], args=[_encode(arguments)])


#: Codes of a server that will serve again: after a failover, with a full disk, loading, busy with a script.
_PASSING = ("READONLY", "MISCONF", "NOREPLICAS", "MASTERDOWN", "CLUSTERDOWN", "BUSY", "LOADING", "TRYAGAIN")

_NUMBERS = ("discovered", "queued", "delayed", "leased", "done", "dead", "pages")
_REFUSALS: dict[int, FrontierError] = {
    -1: WorkerReaped("this worker was silent for too long: others have its requests"),
    -2: CrawlOver("the crawl was cleared or has been followed by another"),
    -3: FrontierError("an older step than the last one"),
}


def _leased(fields: list[Any]) -> Leased:
    request_id, attempt, delivery, deaths, slot, priority, payload = fields
    return Leased(request_id, attempt, delivery, deaths, slot.decode(), priority, payload)


def _is_number(value: bytes) -> bool:
    return value.lstrip(b"-").isdigit()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ResponseError as error:
        raise _refusal(str(error)) from error
    except RedisError as error:
        raise FrontierUnavailable(str(error) or type(error).__name__) from error


def _refusal(message: str) -> FrontierError:
    """Redis's own errors: before version 7 a script's come wrapped, so the code may stand anywhere."""
    if "OOM command not allowed" in message:
        return FrontierFull(message)
    if any(code in message for code in _PASSING):
        return FrontierUnavailable(message)
    return FrontierError(message)
