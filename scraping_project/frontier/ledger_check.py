"""Counts all that lies in a frontier, some at a time, and compares it with the ledger."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, TypeVar, cast

import redis
from redis.exceptions import ResponseError

from scraping_project.frontier.dead_letters import DeadLetters
from scraping_project.frontier.foreign import read_of
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.replies import counters, no_counters

#: Slots, lists or buckets that one round trip asks for: Redis serves others in between.
PAGE = 500
#: So often it counts at the most before it says that the frontier does not stand still.
TRIES = 3

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Checked:
    """What does not agree, and whether that may be because somebody worked while it was counted."""

    wrong: list[str]
    moved: bool
    grouped: bool  # the dead letters are counted by reason and slot, and not found to be counted wrong


class LedgerCheck:
    """Exact while nobody works. It holds Redis no longer than any other command, however much there is.

    Args:
        server: Where the frontier is.
        keys: Of the frontier.
        letters: Its dead ones.
        progress: Is told what is counted, and how many slots, workers or buckets of how many are seen to.
    """

    def __init__(
        self,
        server: redis.Redis,
        keys: Keys,
        letters: DeadLetters,
        progress: Callable[[str, int, int], None] = lambda *_: None,
    ) -> None:
        self._server = server
        self._keys = keys
        self._letters = letters
        self._progress = progress
        self._foreign: list[str] = []

    def run(self) -> Checked:
        """Count, and again while what does not agree may have moved meanwhile.

        Raises:
            FrontierError: Redis does not answer, or somebody else has written where the frontier counts.
        """
        with read_of(self._server, self._keys):
            for _ in range(TRIES):
                checked = self._count()
                if not (checked.wrong and checked.moved):
                    break
        return checked

    def _count(self) -> Checked:
        self._foreign = []
        before = self._state()
        counts = counters(before[0])
        epoch = counts.get("epoch", 0)
        leased, stray = self._held()
        found = {
            "queued": self._queued(epoch),
            "delayed": self._server.zcard(self._keys.of(epoch, "delayed")),
            "leased": leased,
            "dead": self._server.hlen(self._keys.of(epoch, "dead")),
            "seen": self._seen(epoch, max(counts.get("buckets", 1), 1)),
        }
        buried = self._server.hlen(self._keys.of(epoch, "buried"))
        is_grouped = counts.get("grouped") == 1
        groups = self._groups(found["dead"]) if is_grouped else ({}, {})
        after = self._state()
        wrong = list(_disagreements(counters(after[0]), found, buried, stray))
        wrong_groups = list(_wrong_groups(*groups, self._keys.of(epoch, "buried_by")))
        wrong += wrong_groups
        wrong += [f"{key}: somebody else's value" for key in self._foreign]
        wrong += [f"crawl: its field {name} is no number" for name in no_counters(after[0])]
        moved = before != after
        return Checked(wrong, moved, grouped=not epoch or (is_grouped and (moved or not wrong_groups)))

    def _groups(self, total: int) -> tuple[dict[str, int], dict[str, int]]:
        """How many letters there are of each reason and slot, as found, and as noted."""
        ids: set[int] = set()
        found: Counter[str] = Counter()
        for page in self._letters.find() if total else ():
            new = [each for each in page if each.id not in ids]
            ids.update(each.id for each in new)
            found.update(f"{each.reason} {each.slot}" for each in new)
            self._progress("dead letters", min(len(ids), total), total)
        return found, self._letters.groups()

    def _state(self) -> tuple[dict[bytes, bytes], list[bytes | None]]:
        """The counters, and how far each worker has come: who has done something has changed one of them."""
        tokens = self._tokens()
        with self._server.pipeline(transaction=True) as pipeline:
            pipeline.hgetall(self._keys.of("crawl"))
            for token in tokens:
                pipeline.hget(self._of_worker("worker", token), "sequence")
            crawl, *sequences = pipeline.execute()
        return crawl, [*tokens, *sequences]

    def _tokens(self) -> list[bytes]:
        return cast("list[bytes]", self._server.zrange(self._keys.of("workers"), 0, -1))

    def _queued(self, epoch: int) -> int:
        slots, queued = self._keys.of(epoch, "slots"), 0
        total = self._server.zcard(slots)
        for first in range(0, total, PAGE):
            names = cast("list[bytes]", self._server.zrange(slots, first, first + PAGE - 1))
            queued += self._lengths("llen", self._lists(epoch, names))
            self._progress("slots", min(first + PAGE, total), total)
        return queued

    def _lists(self, epoch: int, slots: Sequence[bytes]) -> Iterator[bytes]:
        if not slots:
            return
        known = cast("list[bytes | None]", self._server.hmget(self._keys.of(epoch, "priorities"), slots))
        for slot, priorities in zip(slots, known, strict=True):
            for priority in filter(None, (priorities or b"").split(b",")):
                yield self._keys.of(epoch, "queue", priority.decode(errors="replace"), "").encode() + slot
            yield self._keys.of(epoch, "suspects", "").encode() + slot

    def _held(self) -> tuple[int, int]:
        """How many requests are leased, and how many are armed that are not."""
        tokens, stray = self._tokens(), 0
        leases = [self._of_worker("leases", token) for token in tokens]
        for number, (token, held) in enumerate(zip(tokens, leases, strict=True), 1):
            armed = set(self._server.sscan_iter(self._of_worker("armed", token), count=PAGE))
            for ids in _pages(armed):
                stray += cast("list[bytes | None]", self._server.hmget(held, ids)).count(None)
            self._progress("workers", number, len(tokens))
        return self._lengths("hlen", leases), stray

    def _of_worker(self, name: str, token: bytes) -> bytes:
        return self._keys.of(name, "").encode() + token

    def _seen(self, epoch: int, buckets: int) -> int:
        seen = 0
        for first in range(0, buckets, PAGE):
            page = range(first, min(first + PAGE, buckets))
            seen += self._lengths("scard", [self._keys.of(epoch, "seen", bucket).encode() for bucket in page])
            self._progress("buckets of the dupe filter", page.stop, buckets)
        return seen

    def _lengths(self, command: Literal["llen", "hlen", "scard"], keys: Iterable[bytes]) -> int:
        total = 0
        for page in _pages(keys):
            with self._server.pipeline(transaction=False) as pipeline:
                for key in page:
                    getattr(pipeline, command)(key)
                lengths = pipeline.execute(raise_on_error=False)
            for key, length in zip(page, lengths, strict=True):
                if isinstance(length, ResponseError):
                    self._foreign.append(key.decode(errors="replace"))
                else:
                    total += length
        return total


def _pages(many: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(many)
    while page := list(islice(remaining, PAGE)):
        yield page


def _disagreements(counts: dict[str, int], found: dict[str, int], buried: int, stray: int) -> Iterator[str]:
    for name, number in found.items():
        if number != counts.get(name, 0):
            yield f"{name}: {number} found, {counts.get(name, 0)} in the ledger"
    total = sum(counts.get(name, 0) for name in ("queued", "delayed", "leased", "done", "dead"))
    if total != counts.get("discovered", 0):
        yield f"discovered: {counts.get('discovered', 0)}, but {total} accounted for"
    if buried != found["dead"]:
        yield f"dead: {found['dead']} letters, {buried} requests"
    if stray:
        yield f"armed: {stray} that are not leased"


def _wrong_groups(found: dict[str, int], noted: dict[str, int], key: str) -> Iterator[str]:
    wrong = sorted(name for name in found.keys() | noted.keys() if found.get(name) != noted.get(name))
    if wrong:
        name = wrong[0]
        yield (
            f"{key}: {len(wrong)} groups of dead letters are wrong, as that of {name!r}:"
            f" {found.get(name, 0)} found, {noted.get(name, 0)} noted"
        )
