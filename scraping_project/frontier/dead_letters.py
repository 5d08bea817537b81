"""The dead letters of a frontier: read, found and put back some at a time, however many there are."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import msgspec
import redis

from scraping_project.frontier.errors import FrontierError
from scraping_project.frontier.foreign import read_of
from scraping_project.frontier.keys import Keys
from scraping_project.frontier.messages import Leased, read_leased
from scraping_project.frontier.script_runner import ScriptRunner

#: Letters that one round trip reads, and so many bytes of requests, or one that is larger.
SLICE, SLICE_BYTES = 500, 4 * 2**20
#: Letters that a page looks at, at the most by one slice more.
LOOKED_AT = 5_000
_PLACE = re.compile(r"([0-9]{1,20}):([0-9]{1,6})")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A request that will not be tried again."""

    id: int
    letter: dict[str, Any]  # reason, and what else is known: message, attempts, deaths, at
    request: Leased


@dataclass(frozen=True, slots=True)
class DeadPage:
    """Some letters, and the place after which the next come; no place: that was all."""

    letters: list[DeadLetter]
    after: str


@dataclass(frozen=True, slots=True)
class Found:
    """What identifies a letter, and the group in which it is counted."""

    id: int
    reason: str
    slot: str


def every_letter(_: DeadLetter) -> bool:
    """What chooses them all."""
    return True


def _nobody(_: str) -> None:
    pass


class DeadLetters:
    """Reads those of the current crawl, in no certain order.

    What is buried or put back while they are read may be met or missed; what lies there all the time is met.

    Args:
        server: Where the frontier is.
        keys: Of the frontier.
        scripts: Its own.
    """

    def __init__(self, server: redis.Redis, keys: Keys, scripts: ScriptRunner) -> None:
        self._server = server
        self._keys = keys
        self._scripts = scripts

    def read(self, unreadable: Callable[[str], None] = _nobody) -> Iterator[DeadLetter]:
        """All of them.

        Args:
            unreadable: Is told the id of what somebody else has put among them.
        """
        with read_of(self._server, self._keys):
            epoch, most = self._epoch_and_slice()
            cursor = -1
            while cursor:
                cursor, page = self._server.hscan(
                    self._keys.of(epoch, "dead"), max(cursor, 0), count=min(most, SLICE)
                )
                letters = list(cast("dict[bytes, bytes]", page).items())
                for first in range(0, len(letters), most):
                    yield from self._with_requests(epoch, letters[first : first + most], unreadable)

    def of(self, ids: Sequence[int]) -> list[DeadLetter]:
        """Those of these ids that there are."""
        found: list[DeadLetter] = []
        with read_of(self._server, self._keys):
            epoch, most = self._epoch_and_slice()
            for first in range(0, len(ids), most):
                part = [str(each).encode() for each in ids[first : first + most]]
                letters = cast("list[bytes | None]", self._server.hmget(self._keys.of(epoch, "dead"), part))
                known = [(each, letter) for each, letter in zip(part, letters, strict=True) if letter]
                found += self._with_requests(epoch, known, _nobody)
        return found

    def page(
        self,
        *,
        reason: str | None = None,
        slot: str | None = None,
        chosen: Callable[[DeadLetter], bool] = every_letter,
        after: str = "",
        limit: int = 50,
    ) -> DeadPage:
        """Some of a reason and a slot that are chosen; fewer than ``limit`` when it has looked at LOOKED_AT.

        Raises:
            FrontierError: ``after`` is no place that a page has named.
        """
        cursor, skip = _place_of(after)
        takes_all = reason is None and slot is None and chosen is every_letter
        most = limit if takes_all else SLICE
        letters: list[DeadLetter] = []
        looked_at = 0
        while True:
            next_cursor, number, found = self._find(cursor, most, reason, slot)
            fitting = list(filter(chosen, self.of([each.id for each in found])))
            end = skip + limit - len(letters)
            letters += fitting[skip:end]
            looked_at += number
            if end < len(fitting):
                return DeadPage(letters, f"{cursor}:{end}")
            if next_cursor == "0":
                return DeadPage(letters, "")
            cursor, skip = next_cursor, 0
            if len(letters) == limit or looked_at >= LOOKED_AT:
                return DeadPage(letters, f"{cursor}:0")

    def find(self, reason: str | None = None, slot: str | None = None) -> Iterator[list[Found]]:
        """Ids and groups of those of a reason and a slot, slice by slice; a letter may come twice."""
        cursor = ""
        while cursor != "0":
            cursor, _, found = self._find(cursor or "0", SLICE, reason, slot)
            yield found

    def count(self, progress: Callable[[int], None] = lambda _: None) -> None:
        """Count them by reason and slot; what breaks this off may begin it again.

        Args:
            progress: Is told about how many have been seen to.
        """
        began, cursor, seen_to = b"", b"0", 0
        while True:
            began, cursor = self._scripts.call(
                "count_letters", began=began.decode(), cursor=cursor.decode(), most=SLICE
            )
            if cursor == b"0":
                return
            seen_to += SLICE
            progress(seen_to)

    def groups(self) -> dict[str, int]:
        """How many there are of each "reason slot", as far as they are counted."""
        with read_of(self._server, self._keys):
            epoch, _ = self._epoch_and_slice()
            pairs = self._server.zscan_iter(self._keys.of(epoch, "buried_by"), count=SLICE)
            return {name.decode(errors="replace"): int(number) for name, number in pairs}

    def _find(
        self, cursor: str, most: int, reason: str | None, slot: str | None
    ) -> tuple[str, int, list[Found]]:
        next_cursor, looked_at, *found = self._scripts.call(
            "find_letters",
            cursor=cursor,
            most=most,
            reason=reason is not None and reason,
            slot=slot is not None and slot,
        )
        return next_cursor.decode(), looked_at, [_found(*each) for each in found]

    def _epoch_and_slice(self) -> tuple[int, int]:
        """The crawl's epoch, and how many letters with their requests are read at once."""
        fields = cast("list[bytes | None]", self._server.hmget(self._keys.of("crawl"), ["epoch", "largest"]))
        epoch, largest = (int(number) if number and number.isdigit() else 0 for number in fields)
        return epoch, max(min(SLICE, SLICE_BYTES // max(largest, 1)), 1)

    def _with_requests(
        self, epoch: int, letters: Sequence[tuple[bytes, bytes]], unreadable: Callable[[str], None]
    ) -> Iterator[DeadLetter]:
        if not letters:
            return
        ids = [request_id for request_id, _ in letters]
        records = cast("list[bytes | None]", self._server.hmget(self._keys.of(epoch, "buried"), ids))
        for (request_id, letter), record in zip(letters, records, strict=True):
            if record is None:
                continue
            try:
                yield _letter(request_id, letter, record)
            except ValueError:
                unreadable(request_id.decode(errors="replace"))


def _letter(request_id: bytes, letter: bytes, record: bytes) -> DeadLetter:
    """Raises ValueError where one of them is none; msgspec's DecodeError is one."""
    fields = msgspec.json.decode(letter, type=dict[str, Any])
    return DeadLetter(
        id=int(request_id), letter={"reason": "undecodable"} | fields, request=read_leased(record)
    )


def _found(request_id: bytes, reason: bytes, slot: bytes) -> Found:
    return Found(int(request_id), reason.decode(), slot.decode(errors="replace"))


def _place_of(after: str) -> tuple[str, int]:
    """The cursor, and how many letters of what it leads to have been on the page before."""
    if not after:
        return "0", 0
    if not (place := _PLACE.fullmatch(after)):
        raise FrontierError(f"{after!r} is no place among dead letters: take the one that a page has named")
    return place[1], int(place[2])
